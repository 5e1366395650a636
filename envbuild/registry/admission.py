"""How we are let in: a registry's challenge, and the header that meets it; a login goes to its own origin alone."""

import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec

from envbuild.errors import LoginError
from envbuild.registry.failures import failure
from envbuild.registry.login import Login
from envbuild.registry.logins import Logins
from envbuild.registry.wire import Call, Wire
from envbuild.typed import from_json

if TYPE_CHECKING:
    from http.client import HTTPResponse

_CHALLENGE = re.compile(r"(?i)\bbearer\s+(?P<words>.*)", re.DOTALL)
_WORD = re.compile(r"(\w+)=(?:\"([^\"]*)\"|([^\s,\"]+))")
_BASIC = re.compile(r"(?i)\bbasic\b")
_LIMIT = 1024 * 1024
_CLIENT = "envbuild"
# Below these, as below 'com', anybody has a name: hosts there have nothing to do with each other.
_SHARED = {"ac", "co", "com", "edu", "gov", "net", "org"}
_AGENT = {"User-Agent": _CLIENT, "Accept": "application/json"}


class Scope(msgspec.Struct, frozen=True):
    """What is to be done where: a token is for that."""

    repository: str
    writes: bool = False
    source: str = ""  # what is mounted comes from there

    @property
    def texts(self) -> tuple[str, ...]:
        own = f"repository:{self.repository}:{'pull,push' if self.writes else 'pull'}"
        return (own, f"repository:{self.source}:pull") if self.source else (own,)


class _Token(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None


class Admission:
    """What one registry wants to see. It is found out by asking, and remembered."""

    def __init__(self, server: str, url: str, logins: Logins, wire: Wire) -> None:
        self._server = server
        self._url = url
        self._logins = logins
        self._wire = wire
        self._challenge: dict[str, str] | None = None  # of Basic it has no realm
        self._tokens: dict[Scope, str] = {}
        self._lock = Lock()
        self._waiting: defaultdict[Scope, AbstractContextManager[bool]] = defaultdict(Lock)

    def login(self, scope: Scope) -> Login | None:
        return self._logins.of(scope.repository)

    def header(self, scope: Scope) -> str:
        """What is shown at once: nothing as long as nobody has asked who we are."""
        with self._lock:
            challenge = self._challenge
        if challenge is None:
            return ""
        with self._turns(scope):
            return self._known(scope) or self._met(challenge, scope)

    def renewed(self, scope: Scope, stated: str, shown: str) -> str:
        """Another header that meets what is stated now; nothing where there is none."""
        challenge = _challenge(stated)
        if challenge is None:
            return ""
        with self._turns(scope):
            known = self._known(scope)
            if known and known != shown:
                return known
            with self._lock:
                self._challenge = {key: value for key, value in challenge.items() if key != "scope"}
                self._tokens.pop(scope, None)
            header = self._met(challenge, scope)
        return "" if header == shown else header

    def _turns(self, scope: Scope) -> AbstractContextManager[bool]:
        """Of many who need the same token one has it made, and the others wait for it."""
        with self._lock:
            return self._waiting[scope]

    def _known(self, scope: Scope) -> str:
        with self._lock:
            return self._tokens.get(scope, "")

    @property
    def secrets(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(one.partition(" ")[2] for one in self._tokens.values())

    def _met(self, challenge: Mapping[str, str], scope: Scope) -> str:
        login = self.login(scope)
        if login and login.token:
            return f"Bearer {login.token}"
        if not challenge:
            return login.basic if login and login.password else ""
        token = self._token(challenge, scope, login)
        if not token:
            return ""
        with self._lock:
            self._tokens[scope] = f"Bearer {token}"
        return f"Bearer {token}"

    def _token(self, challenge: Mapping[str, str], scope: Scope, login: Login | None) -> str:
        realm = self._realm(challenge.get("realm", ""), login)
        scopes = dict.fromkeys([*challenge.get("scope", "").split(), *scope.texts])
        asked = [("service", challenge.get("service", "")), *(("scope", one) for one in scopes)]
        with self._wire.open(_call(realm, [pair for pair in asked if pair[1]], login, self._wire)) as reply:
            body = reply.read(_LIMIT)
            return self._given(reply, body, login, urlsplit(realm).netloc)

    def _given(self, reply: "HTTPResponse", body: bytes, login: Login | None, host: str) -> str:
        if reply.status != HTTPStatus.OK:
            what = f"a token of {host}"
            raise failure(self._server, what, reply.status, (dict(reply.headers.items()), body), login)
        try:
            told = from_json(body, _Token)
        except (msgspec.DecodeError, UnicodeDecodeError):
            hint = "check the registry's name, or tell who keeps it"
            raise LoginError(f"{host} gives no token for {self._server} that can be read", hint=hint) from None
        token = told.token or told.access_token or ""
        return token if token.isascii() and token.isprintable() else ""

    def _realm(self, realm: str, login: Login | None) -> str:
        """A registry says where tokens are to be had: not every place is one to show a login to."""
        own, other = urlsplit(self._url), urlsplit(realm)
        shown = f"{other.scheme}://{other.hostname}"
        if (
            other.scheme not in {"http", "https"}
            or not other.hostname
            or (other.scheme, own.scheme) == ("http", "https")
        ):
            what = f"{self._server} sends to '{shown}' for a token, which is no place of https"
            raise LoginError(what, hint="ask who keeps the registry for a 'realm' that is a URL of https")
        if login and not related(own.hostname or "", other.hostname):
            what = (
                f"{self._server} sends to {other.hostname} for a token, which is not shown the login of {self._server}"
            )
            hint = (
                f"ask who keeps the registry, or set REGISTRY_AUTH_FILE to a file that has no login for {self._server}"
            )
            raise LoginError(what, hint=hint)
        return realm


def related(own: str, other: str) -> bool:
    """Whether two hosts are one's own: the same, one below the other, or both right below one name."""
    if own == other:
        return True
    if not own.rpartition(".")[2].isalpha() or not other.rpartition(".")[2].isalpha():
        return False  # addresses
    above = own.partition(".")[2]
    places = [one for one in (own, above) if _is_owned(one)]
    return any(other == one or other.endswith(f".{one}") for one in places)


def _is_owned(name: str) -> bool:
    """Not a name like 'com' or 'co.uk', below which everybody may have one."""
    parts = name.split(".")
    is_shared = len(parts) == 2 and len(parts[1]) == 2 and parts[0] in _SHARED  # noqa: PLR2004
    return len(parts) > 1 and not is_shared


def _challenge(stated: str) -> dict[str, str] | None:
    """Empty for Basic."""
    if bearer := _CHALLENGE.search(stated):
        found: dict[str, str] = {}
        for key, quoted, bare in _WORD.findall(bearer["words"]):
            found.setdefault(key.lower(), quoted or bare)
        return found
    return {} if _BASIC.search(stated) else None


def _call(realm: str, asked: list[tuple[str, str]], login: Login | None, wire: Wire) -> Call:
    """With an identity token as OAuth 2 has it, else as registries have it."""
    headers = {**_AGENT, **wire.headers(realm)}
    if login and login.identity:
        scopes = " ".join(value for key, value in asked if key == "scope")
        words = {**dict(asked), "scope": scopes, "client_id": _CLIENT}
        form = {**words, "grant_type": "refresh_token", "refresh_token": login.identity}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return Call("POST", realm, headers, urlencode(form).encode())
    if login and login.password:
        headers["Authorization"] = login.basic
    joint = "&" if urlsplit(realm).query else "?"
    return Call("GET", f"{realm}{joint}{urlencode(asked)}", headers)
