"""Who we are to a registry: a secret of the project, else as REGISTRY_AUTH_FILE, Docker's config or its helpers say."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from envbuild.errors import LoginError, ProcessError
from envbuild.process import child_environment
from envbuild.registry.line import HUB, Line
from envbuild.registry.login import Login

_HUB_KEY = "https://index.docker.io/v1/"  # as `docker login` has called it since there was but one registry
_HUB_NAMES = ("index.docker.io", HUB, "registry-1.docker.io")
_TOKEN_USER = "<token>"  # as helpers say that the secret is an identity token  # noqa: S105
_HELPER = re.compile(r"[A-Za-z0-9._-]+")
_NONE_KNOWN = re.compile(r"(?i)credentials not found|no credentials|not found in native keychain|no basic auth")
_LIMIT = 4 * 1024 * 1024


class Logins:
    """What the host's files know of one registry; they are read when it asks who we are."""

    def __init__(self, server: str, line: Line) -> None:
        self._server = server
        self._line = line
        self._lock = Lock()
        self._helped: dict[tuple[str, str], Login | None] = {}

    def of(self, repository: str) -> Login | None:
        """A secret that is for it; else the first file that knows one, by what is nearest to the repository."""
        if own := self._line.opens(f"{self._line.place(self._server)}/{repository}"):
            return own
        with self._lock:
            found = (self._in(path, content, repository) for path, content in self._files)
            return next((one for one in found if one), None)

    @cached_property
    def _files(self) -> list[tuple[Path, dict[str, Any]]]:
        host, found = self._line.host, []
        if own := host.get("REGISTRY_AUTH_FILE"):
            if not Path(own).exists():
                hint = "set REGISTRY_AUTH_FILE to a file that is there, or unset it"
                raise LoginError(f"there is no file '{own}', which REGISTRY_AUTH_FILE names", hint=hint)
            found.append(Path(own))
        folder = host.get("DOCKER_CONFIG")
        docker = Path(folder) if folder else Path(host.get("HOME") or "/", ".docker")
        if (docker / "config.json").exists():
            found.append(docker / "config.json")
        return [(path, _read(path)) for path in found]

    def _in(self, path: Path, content: Mapping[str, Any], repository: str) -> Login | None:
        keys = [*self._keys(repository)]
        helper = next((one for key in keys if (one := _table(content, "credHelpers").get(key))), None)
        if name := helper or content.get("credsStore"):
            found = self._by_helper(str(name), path)
            if found or helper:
                return found
        entries = {_bare(key): entry for key, entry in _table(content, "auths").items()}
        entry = next((entries[key] for key in keys if entries.get(key)), None)
        return _login(entry, str(path), self._server) if entry else None

    def _keys(self, repository: str) -> Iterator[str]:
        """The names an entry may have, the longest first: the place of an image, then its registry."""
        names = _HUB_NAMES if self._server == HUB else (self._server,)
        parts = repository.split("/")
        for count in range(len(parts), 0, -1):
            yield from (f"{name}/{'/'.join(parts[:count])}" for name in names)
        yield from names
        if self._server == HUB:
            yield _HUB_KEY

    def _by_helper(self, name: str, path: Path) -> Login | None:
        """Ask the helper, once for each registry."""
        key = (name, str(path))
        if key not in self._helped:
            self._helped[key] = self._asked(name, path)
        return self._helped[key]

    def _asked(self, name: str, path: Path) -> Login | None:
        programs = self._line.programs
        if programs is None:
            return None
        program = f"docker-credential-{name}"
        hint = f"see that {program} works, or change '{path}'"
        if not _HELPER.fullmatch(name):
            raise LoginError(f"'{path}' names no credential helper with '{name}'", hint=hint)
        server = _HUB_KEY if self._server == HUB else self._server
        try:
            ran = programs.run([program, "get"], env=child_environment(self._line.host), stdin=server.encode())
        except ProcessError as error:
            raise LoginError(f"{error.message}, which '{path}' names for {self._server}", hint=hint) from None
        if ran.code:
            if _NONE_KNOWN.search(ran.output + ran.errors):
                return None
            raise LoginError(f"{program} fails for {self._server}: it ends with {ran.code}", hint=hint)
        return _said(ran.output, program, hint)


def _said(output: str, program: str, hint: str) -> Login | None:
    """What a helper gives; its text is repeated nowhere."""
    try:
        told = json.loads(output)
        user, secret = str(told["Username"]), str(told["Secret"])
    except (ValueError, KeyError, TypeError):
        raise LoginError(f"{program} gives no login that can be read", hint=hint) from None
    if user == _TOKEN_USER:
        return Login(f"'{program}'", identity=secret)
    return Login(f"'{program}'", user, secret) if user or secret else None


def _read(path: Path) -> dict[str, Any]:
    """A file as Docker writes it; what it holds is repeated nowhere."""
    hint = "look at it, or write it anew with 'docker login'"
    try:
        with path.open("rb") as stream:
            content = json.loads(stream.read(_LIMIT))
    except OSError as error:
        raise LoginError(f"'{path}' cannot be read: {error.strerror}", hint=hint) from None
    except ValueError:
        raise LoginError(f"'{path}' is no JSON", hint=hint) from None
    if not isinstance(content, dict):
        raise LoginError(f"'{path}' is no JSON object", hint=hint)
    return content


def _table(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key)
    return found if isinstance(found, dict) else {}


def _bare(key: str) -> str:
    """An old key is a URL, whose path says nothing."""
    return urlsplit(key).netloc if "://" in key else key.rstrip("/")


def _login(entry: Any, path: str, server: str) -> Login | None:
    hint = f"repeat 'docker login {server}'"
    if not isinstance(entry, dict):
        raise LoginError(f"'{path}' holds no login for {server} that can be read", hint=hint)
    identity, token = str(entry.get("identitytoken") or ""), str(entry.get("registrytoken") or "")
    user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if auth := entry.get("auth"):
        try:
            user, _, password = base64.b64decode(str(auth), validate=True).decode().rstrip("\0").partition(":")
        except ValueError:
            raise LoginError(f"'{path}' holds no login for {server} that can be read", hint=hint) from None
    if not (identity or token or password):
        return None
    return Login(f"'{path}'", user, password, identity, token)
