"""Whose credentials go where: a host's own, as its netrc has them, and to that host alone."""

import netrc
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit


class Origins:
    """Puts credentials into URLs at the last moment, and takes them out again."""

    def __init__(self, host: Mapping[str, str]) -> None:
        self._logins = _logins(host)

    def url(self, public: str) -> str:
        """A URL with what its host wants; one that goes elsewhere, or needs nothing, as it stands."""
        parts = urlsplit(public)
        login = self._logins.get(parts.netloc) or self._logins.get(parts.hostname or "")
        if parts.scheme not in {"http", "https"} or "@" in parts.netloc or login is None:
            return public
        user, password = (quote(one, safe="") for one in login)
        return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc}"))


def public_url(url: str) -> str:
    """A URL as it may stand in a lock: without user or password, and without a hash that stands beside it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] if not parts.scheme.endswith("ssh") else parts.netloc
    fragment = parts.fragment if parts.fragment.startswith("subdirectory=") else ""
    return urlunsplit((parts.scheme, host, parts.path, parts.query, fragment))


def _logins(host: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    own = host.get("NETRC")
    path = Path(own) if own else Path(host.get("HOME") or "/", ".netrc")
    try:
        known = netrc.netrc(str(path)).hosts
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return {}
    return {name: (login, password) for name, (login, _, password) in known.items() if name != "default"}
