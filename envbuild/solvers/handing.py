"""What uv is shown of the credentials that are known: a store and a netrc file of its own, for its owner's eyes.

uv asks a netrc file before its store, and knows hosts there, whatever their ports: so a host that a secret is for
stands in the store alone, where each entry is for one origin. An entry that is for anybody stands in neither.
"""

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from envbuild.errors import SolveError
from envbuild.process import toml
from envbuild.solvers.logins import Login
from envbuild.solvers.origins import Origins

_SCHEMES = ("https", "http")


class Hands:
    """Writes each store once, below a folder of ours."""

    def __init__(self, origins: Origins, folder: Path) -> None:
        self._origins = origins
        self._folder = folder
        self._guard = threading.Lock()
        self._made: dict[tuple[str, str], Path] = {}

    def variables(self, asked: Iterable[str]) -> dict[str, str]:
        """Those that tell uv of both. `asked` is what will surely be asked for: that a secret is missing is told."""
        secret = {urlsplit(place).hostname or "" for place, _ in self._origins.secrets.places()}
        hosts = {name: login for name, login in self._origins.netrc.items() if ":" not in name and name not in secret}
        store = "".join(_entry(*one) for one in sorted(self._services(asked, secret).items()))
        folder = self._written(store, "".join(_machine(*one) for one in sorted(hosts.items())))
        return {"UV_CREDENTIALS_DIR": str(folder), "NETRC": str(folder / "netrc")}

    def covers(self, url: str) -> bool:
        return self._origins.secrets.covering(url) is not None

    def knows(self, url: str) -> bool:
        """Whether a secret for it has a value."""
        named = self._origins.secrets.covering(url)
        return named is not None and self._origins.secrets.has(named)

    def unasked(self, env: Mapping[str, str], named: Iterable[tuple[str, str]]) -> set[str]:
        """The variables of indexes that a secret is for, which uv would ask before; and of those asked at a mirror."""
        asked = self._origins.asked
        apart = (name for name, url in named if self.covers(asked(url)) or asked(url) != url)
        words = {"".join(one if one.isalnum() else "_" for one in name.upper()) for name in apart}
        return {f"UV_INDEX_{word}_{kind}" for word in words for kind in ("USERNAME", "PASSWORD")} & env.keys()

    def _services(self, asked: Iterable[str], secret: set[str]) -> dict[str, Login]:
        """By the URL that each is for; what stands later takes the place of what stands before."""
        secrets, kept = self._origins.secrets, self._origins.stores.services
        found = {service: login for service, login in kept.items() if not secrets.covering(service)}
        for name, login in self._origins.netrc.items():
            if ":" in name or name in secret:
                found |= {f"{scheme}://{name}/": login for scheme in _SCHEMES}
        for url in asked:
            own = self._origins.login(url)
            if own and own.secret:
                _refuse_path(own)
            elif own:
                place = urlsplit(self._origins.asked(url))
                found[f"{place.scheme}://{place.netloc}/"] = own
        return {name: login for name, login in (found | dict(self._secrets())).items() if login.way != "path"}

    def _secrets(self) -> Iterator[tuple[str, Login]]:
        """Also of places that nothing names: an index may keep its files there."""
        for place, named in self._origins.secrets.places():
            try:
                yield place, self._origins.secrets.login(named)
            except SolveError:
                continue

    def _written(self, store: str, netrc: str) -> Path:
        with self._guard:
            if (store, netrc) not in self._made:
                folder = self._folder / f"credentials-{len(self._made)}"
                folder.mkdir(mode=0o700)
                _write(folder / "credentials.toml", store)
                _write(folder / "netrc", netrc)
                self._made[store, netrc] = folder
            return self._made[store, netrc]


def _refuse_path(login: Login) -> None:
    if login.way == "path":
        what = f"the secret '{login.secret}' stands in the path of URLs, which is for channels of conda"
        raise SolveError(what, login.where, "use 'as: basic' or 'as: bearer'")


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)


def _machine(name: str, login: Login) -> str:
    user, password = (one.replace("\\", "\\\\").replace('"', '\\"') for one in (login.user, login.password))
    return f'machine {name} login "{user}" password "{password}"\n'


def _entry(service: str, login: Login) -> str:
    shown = f"token = {toml(login.password)}\n"
    if login.way == "basic":
        shown = f"username = {toml(login.user)}\npassword = {toml(login.password)}\n"
    return f'[[credential]]\nservice = {toml(service)}\nscheme = "{login.way}"\n{shown}'
