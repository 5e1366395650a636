"""What one origin is shown so that it answers: a login, and those that a netrc file holds."""

import base64
import functools
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import msgspec

from envbuild.errors import Place
from envbuild.urls import host_of

NETRC = "the netrc file"
_SHORT, _LONG = 4, 8


class Login(msgspec.Struct, frozen=True):
    """User and password, a bearer's token, or one that stands in the path as conda has it.

    `source` says where it is kept, and `secret` its name if it is one of the project's, which stands at `where`.
    """

    password: str
    source: str
    user: str = ""
    way: Literal["basic", "bearer", "path"] = "basic"
    secret: str = ""
    where: Place | None = None

    def __repr__(self) -> str:
        return f"Login(of {self.source})"

    def __rich_repr__(self) -> Iterator[tuple[str, str]]:  # type: ignore[override]  # msgspec's own shows all
        yield "source", self.source

    @property
    def shown(self) -> str:
        return f"the secret '{self.secret}'" if self.secret else f"what {self.source} has for it"

    @property
    def header(self) -> str:
        """What stands in `Authorization`."""
        if self.way == "bearer":
            return f"Bearer {self.password}"
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"

    def within(self, url: str) -> str:
        """A URL that carries it; a bearer's stands in no URL."""
        parts = urlsplit(url)
        if self.way == "path":
            return urlunsplit(parts._replace(path=f"/t/{quote(self.password, safe='')}{parts.path}"))
        if self.way == "bearer":
            return url
        user, password = (quote(one, safe="") for one in (self.user, self.password))
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{host_of(url)}"))

    def without(self, url: str) -> str:
        """A URL that carries its token in the path, as it is for anybody else."""
        if self.way != "path":
            return url
        parts = urlsplit(url)
        for one in self._words:
            if parts.path.startswith(f"/t/{one}/"):
                return urlunsplit(parts._replace(path=parts.path.removeprefix(f"/t/{one}")))
        return url

    def hidden(self, text: str) -> str:
        """A text as it may be shown: URLs are whole without a token, and whatever else repeats it does not.

        To be read a text is taken as it is: what is hidden may be a word that tells something else.
        """
        if self.way == "path":
            for one in self._words:
                text = text.replace(f"/t/{one}/", "/")
        for one in filter(None, (self.header.partition(" ")[2], self.password)):
            text = traces(one).sub("***", text)
        return text

    @property
    def _words(self) -> tuple[str, ...]:
        return (self.password, quote(self.password, safe=""))


@functools.cache
def traces(secret: str) -> re.Pattern[str]:
    """Where it stands in a text: a short one is part of other words by chance, and a very short one is many a word."""
    word = _in_any_form(secret)
    if len(secret) >= _LONG:
        return re.compile("|".join((word, *_encoded(secret.encode(errors="surrogateescape")))))
    placed = rf"(?<=[Bb]earer ){word}(?!\w)|(?<=/t/){word}(?![\w-])|(?<=:){word}(?=@)"
    return re.compile(rf"{placed}|(?<![\w./-]){word}(?![\w./-])" if len(secret) >= _SHORT else placed)


def _in_any_form(secret: str) -> str:
    """As it is, or with any of its characters as URLs have them: programs do not agree on which."""
    forms = ("".join(f"%{byte:02X}" for byte in one.encode(errors="surrogateescape")) for one in secret)
    return "".join(f"(?:{re.escape(one)}|(?i:{form}))" for one, form in zip(secret, forms, strict=True))


def _encoded(secret: bytes) -> Iterator[str]:
    """As hexadecimal digits, and in base64 wherever it begins there, as headers have it behind a name."""
    yield f"(?i:{secret.hex()})"
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
        last = (before + len(secret)) * 8 // 6  # what follows is made of others' bits, too
        text = re.escape(whole[-(-before * 8 // 6) : last])
        yield text.replace(re.escape("+"), "[+-]").replace("/", "[/_]")


def netrc_logins(host: Mapping[str, str]) -> dict[str, Login]:
    """By host, or by host and port; an entry that is called `default` is for nobody."""
    own = host.get("NETRC")
    path = Path(own) if own else Path(host.get("HOME") or "/", ".netrc")
    if not os.access(path, os.R_OK):
        return {}
    import netrc  # many hosts have no such file

    try:
        known = netrc.netrc(str(path)).hosts
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return {}
    return {name: Login(password, NETRC, user) for name, (user, _, password) in known.items() if name != "default"}


def index_login(name: str, url: str, host: Mapping[str, str]) -> Login | None:
    """What uv has for an index: what stands in its URL, else in the variables of its name."""
    parts = urlsplit(url)
    if parts.username or parts.password:
        return Login(unquote(parts.password or ""), "the URL of its index", unquote(parts.username or ""))
    variable = f"UV_INDEX_{re.sub('[^A-Za-z0-9]', '_', name).upper()}"
    user, password = (host.get(f"{variable}_{part}", "") for part in ("USERNAME", "PASSWORD"))
    return Login(password, f"the variables {variable}_...", user) if user or password else None
