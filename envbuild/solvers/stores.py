"""What other programs keep for their users: the files of rattler's and of uv's credentials.

Each is read as its own program reads it; a file that cannot be read holds nothing. What is kept in a keyring is not
read: to ask one may show a window and wait for somebody.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from envbuild.machine import text_of
from envbuild.solvers.logins import Login
from envbuild.urls import nearest, parts_of

_RATTLER, _UV = "rattler's credentials", "uv's credentials"


class Stores:
    """Looked at once, when the first is asked for."""

    def __init__(self, host: Mapping[str, str]) -> None:
        self._host = host
        self._hosts: dict[str, Login] | None = None
        self._services: dict[str, Login] | None = None

    def login(self, url: str) -> Login | None:
        return self._of_rattler(urlsplit(url).hostname or "") or self._of_uv(url)

    @property
    def services(self) -> dict[str, Login]:
        """uv's, by the URL that each is for."""
        if self._services is None:
            self._services = dict(_uv_logins(self._host))
        return self._services

    def kept(self) -> list[Login]:
        """All that was read so far."""
        return [*(self._hosts or {}).values(), *(self._services or {}).values()]

    def _of_rattler(self, name: str) -> Login | None:
        """By the host, or by `*.` and what it ends in; the host itself is one of those."""
        if self._hosts is None:
            self._hosts = dict(_rattler_logins(self._host))
        if not self._hosts:
            return None
        parts = name.split(".")
        names = (name, *(f"*.{'.'.join(parts[at:])}" for at in range(len(parts))))
        return next((self._hosts[one] for one in names if one in self._hosts), None)

    def _of_uv(self, url: str) -> Login | None:
        service = nearest(self.services, url)
        return None if service is None else self.services[service]


def _rattler_logins(host: Mapping[str, str]) -> Iterator[tuple[str, Login]]:
    """The file that is named stands before the one of the home."""
    own = host.get("RATTLER_AUTH_FILE")
    paths = [Path(host.get("HOME") or "/", ".rattler/credentials.json"), *([Path(own)] if own else [])]
    for path in paths:
        try:
            found = json.loads(text_of(path))
        except (ValueError, RecursionError):
            continue
        for name, entry in found.items() if isinstance(found, dict) else ():
            if login := _rattler_login(entry):
                yield name, login


def _rattler_login(entry: Any) -> Login | None:
    match entry:
        case {"BasicHTTP": {"username": str(user), "password": str(password)}}:
            return Login(password, _RATTLER, user)
        case {"BearerToken": str(token)}:
            return Login(token, _RATTLER, way="bearer")
        case {"CondaToken": str(token)}:
            return Login(token, _RATTLER, way="path")
    return None


def _uv_logins(host: Mapping[str, str]) -> Iterator[tuple[str, Login]]:
    data = host.get("XDG_DATA_HOME") or Path(host.get("HOME") or "/", ".local/share")
    path = Path(host.get("UV_CREDENTIALS_DIR") or Path(data, "uv/credentials"), "credentials.toml")
    if not (text := text_of(path)):
        return
    import tomllib  # many hosts have no such file

    try:
        entries = tomllib.loads(text).get("credential", [])
    except ValueError:
        return
    for entry in entries if isinstance(entries, list) else ():
        match entry:
            case {"service": str(service)} if not parts_of(service):
                continue
            case {"service": str(service), "scheme": "basic", "password": str(password)}:
                yield service, Login(password, _UV, str(entry.get("username") or ""))
            case {"service": str(service), "scheme": "bearer", "token": str(token)}:
                yield service, Login(token, _UV, way="bearer")
