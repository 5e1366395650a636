"""Whose credentials go where: a host's own, as its netrc has them, and to that host alone."""

import base64
import os
import re
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

_BARE = re.compile(r"https?://[A-Za-z0-9.:-]+/[A-Za-z0-9._~!$&'()*+,=:%/-]*")  # nothing in it can be a secret


class Origins:
    """Puts credentials into URLs at the last moment, and takes them out again."""

    def __init__(self, host: Mapping[str, str]) -> None:
        self._logins = _logins(host)

    def url(self, public: str) -> str:
        """A URL with what its host wants; one that goes elsewhere, or needs nothing, as it stands."""
        parts, login = urlsplit(public), self._login(public)
        if login is None:
            return public
        user, password = (quote(one, safe="") for one in login)
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))

    def signatures(self, urls: Iterable[str]) -> "Signatures | None":
        """What to send to whom, where host and path tell it; nothing where another port has the same paths."""
        wanted = {url: self._login(url) for url in urls if url.startswith("http")}
        for (one, first), (other, second) in combinations(wanted.items(), 2):
            if first != second and _is_mistakable(one, other):
                return None
        return Signatures({_place(url): _basic(*login) for url, login in wanted.items() if login})

    def _login(self, url: str) -> tuple[str, str] | None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            return None
        return self._logins.get(parts.netloc) or self._logins.get(parts.hostname or "")


class Signatures:
    """Headers for requests that are known by their host and path alone, as rattler tells of them."""

    def __init__(self, known: Mapping[tuple[str, str], str]) -> None:
        self._known = known

    def __bool__(self) -> bool:
        return bool(self._known)

    def headers(self, host: str, path: str) -> dict[str, str] | None:
        found = (header for (own, above), header in self._known.items() if own == host and _is_below(path, above))
        return next(({"Authorization": header} for header in found), None)


def _place(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return (parts.hostname or "", parts.path.rstrip("/"))


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith(f"{above}/")


def _is_mistakable(one: str, other: str) -> bool:
    (first, above), (second, below) = _place(one), _place(other)
    return first == second and (_is_below(below, above) or _is_below(above, below))


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def public_url(url: str) -> str:
    """A URL as it may stand in a lock: without user or password, and without a hash that stands beside it."""
    if _BARE.fullmatch(url):
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] if not parts.scheme.endswith("ssh") else parts.netloc
    fragment = parts.fragment if parts.fragment.startswith("subdirectory=") else ""
    return urlunsplit((parts.scheme, host, parts.path, parts.query, fragment))


def _logins(host: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    own = host.get("NETRC")
    path = Path(own) if own else Path(host.get("HOME") or "/", ".netrc")
    if not os.access(path, os.R_OK):
        return {}
    import netrc  # many hosts have no such file

    try:
        known = netrc.netrc(str(path)).hosts
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return {}
    return {name: (login, password) for name, (login, _, password) in known.items() if name != "default"}
