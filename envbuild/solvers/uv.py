"""uv as a program: where it is, and the configuration it gets from us instead of finding one of its own."""

import os
import re
import sysconfig
import threading
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from envbuild.errors import ProcessError
from envbuild.process import Programs, Ran, child_environment, toml
from envbuild.solvers.handing import Hands
from envbuild.solvers.hops import Hops
from envbuild.solvers.logins import Login, index_login
from envbuild.solvers.origins import Origins, public_url
from envbuild.solvers.pages import Pages
from envbuild.solvers.pythons import Pythons
from envbuild.solvers.shims import without_shims
from envbuild.urls import origin, parts_of, shown

_NAMED_INDEX = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)=(?P<url>\S+)")
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_PATIENCE = 10.0
_LONGEST = 1024 * 1024  # of what was said, to be read again
_QUIET = ("--no-progress", "--color", "never")


class Index(msgspec.Struct, frozen=True):
    """One index of the host; its name is what the variables with its credentials are called by."""

    url: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> "Index":
        """`URL`, or `NAME=URL` as uv's own variables have it."""
        match = _NAMED_INDEX.fullmatch(text)
        return cls(match["url"], match["name"]) if match else cls(text)


class Indexes(msgspec.Struct, frozen=True):
    """Where the host has its packages from; a manifest that names an index has the last word."""

    default: Index | None = None
    extra: tuple[Index, ...] = ()

    @property
    def every(self) -> tuple[Index, ...]:
        return (*self.extra, *((self.default,) if self.default else ()))


class Stated(msgspec.Struct, frozen=True):
    """The indexes of a manifest. `url` takes the place of the host's; extra ones are asked before either.

    `bound` are asked for nothing but what is bound to them: they are known by their names, as their credentials are.
    `built_with` says which file a name is to whatever is built, and `said` what packages need that need not be asked.
    """

    url: str = ""
    extra: tuple[str, ...] = ()
    bound: dict[str, str] = {}
    built_with: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


NOTHING_STATED = Stated()


class Uv:
    """Runs uv with a clean environment and our own configuration file."""

    def __init__(
        self,
        programs: Programs,
        host: Mapping[str, str],
        folder: Path,
        ca_bundle: Path | None = None,
        origins: Origins | None = None,
    ) -> None:
        self.origins = origins or Origins(host)
        self._programs = programs
        self._folder = folder
        self._env = {**child_environment(host), "PATH": without_shims(host)}
        if ca_bundle:
            self._env["SSL_CERT_FILE"] = str(ca_bundle)
        self._cache = str(Path(own).absolute()) if (own := host.get("UV_CACHE_DIR")) else ""
        self._host = host
        self.pages = Pages(host, Hops(host, str(ca_bundle or ""), _PATIENCE), self.origins)
        self._guard = threading.Lock()
        self._configs: dict[str, Path] = {}
        self._hands = Hands(self.origins, folder)
        self.pythons = Pythons(self.run)
        sysconfig.get_config_vars()  # made on first use, and half made while another thread makes it

    def run(
        self,
        arguments: list[str | Path],
        *,
        stated: Stated = NOTHING_STATED,
        asking: Iterable[str] = (),
        variables: Mapping[str, str] = NO_VARIABLES,
        log: Path | None = None,
        hold: tuple[int, ...] = (),
    ) -> Ran:
        """`asking` are the URLs that will be asked: a secret that one needs, and that has no value, is told before."""
        named = [(one.name, one.url) for one in self._indexes(stated).every]
        named += stated.bound.items()
        env = {**self._env, **self._hands.variables(asking)}
        for name in self._hands.unasked(env, named):
            del env[name]
        cache = ["--cache-dir", self._cache] if self._cache else []
        options: list[str | Path] = [*_QUIET, *cache, "--config-file", self._config(stated)]
        command = [self._binary(), *options, *arguments]
        env |= variables
        if log:
            return self._logged(command, env, log, hold)
        ran = self._programs.run(command, env=env, cwd=self._folder, hold=hold)
        return msgspec.structs.replace(ran, errors=self.origins.hidden(ran.errors), heard=ran.errors)

    def _logged(self, command: list[str | Path], env: Mapping[str, str], log: Path, hold: tuple[int, ...]) -> Ran:
        """What uv writes goes to the log as it comes, without what it was shown; a server may repeat that to it."""
        said = bytearray()
        with log.open("ab", buffering=0) as stream:

            def hear(line: bytes) -> None:
                stream.write(self._shown(line) + b"\n")
                said.extend(line + b"\n")
                del said[:-_LONGEST]

            code = self._programs.heard(command, hear, env=env, cwd=self._folder, hold=hold)
        return Ran(code, "", self._shown(bytes(said)).decode(), heard=said.decode(errors="replace"))

    def _shown(self, said: bytes) -> bytes:
        return self.origins.hidden(said.decode(errors="replace")).encode()

    def urls(self, stated: Stated) -> tuple[str, ...]:
        """Where indexes are."""
        every = self._indexes(stated).every
        return (*(one.url for one in every), *stated.bound.values())

    def login(self, stated: Stated, url: str) -> Login | None:
        """What an index of the same origin is opened with, by its own URL or by the variables of its name."""
        bound = (Index(one, name) for name, one in stated.bound.items())
        near = (index for index in (*self._indexes(stated).every, *bound) if origin(index.url) == origin(url))
        return next(filter(None, (index_login(index.name, index.url, self._host) for index in near)), None)

    def request_file(self, text: str) -> Path:
        """A file of requirements, as a list that uv is given; it goes with the folder."""
        path = self._folder / "requirements.txt"
        path.write_text(text, encoding="utf-8")
        return path

    def stop(self) -> None:
        """End what runs: nobody waits for it any more."""
        self._programs.stop()

    def _binary(self) -> str:
        """Found once, and by one thread: the search reads Python's own configuration, which is made on first use."""
        from uv import find_uv_bin

        with self._guard:
            try:
                return find_uv_bin()
            except FileNotFoundError:
                hint = "install envbuild again: uv comes with it"
                raise ProcessError("the program uv is missing", hint=hint) from None

    def _config(self, stated: Stated) -> Path:
        """One file for each text, readable by its owner alone: the host's index may carry credentials."""
        text = self._config_text(stated)
        with self._guard:
            if text not in self._configs:
                path = self._folder / f"uv-{len(self._configs)}.toml"
                with os.fdopen(
                    os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
                ) as stream:
                    stream.write(text)
                self._configs[text] = path
            return self._configs[text]

    def _config_text(self, stated: Stated) -> str:
        indexes, own = self._indexes(stated), (Index(url, name) for name, url in stated.bound.items())
        lines = [f"build-constraint-dependencies = [{', '.join(map(toml, stated.built_with))}]"]
        lines += [line for one in own for line in (*self._index_lines(one), "explicit = true")]
        for index in indexes.extra:
            lines += self._index_lines(index)
        if indexes.default:
            lines += [*self._index_lines(indexes.default), "default = true"]
        lines += stated.said
        return "\n".join(lines) + "\n"

    def _index_lines(self, index: Index) -> list[str]:
        """What a secret is for is never asked without it: an index may show strangers less."""
        placed = self._placed(index)
        name = [f"name = {toml(index.name)}"] if index.name else []
        signed = ['authenticate = "always"'] if self._hands.knows(placed.url) else []
        return ["[[index]]", *name, f"url = {toml(placed.url)}", *signed]

    def _indexes(self, stated: Stated) -> Indexes:
        """The manifest's before the host's."""
        found = Indexes(Index(stated.url)) if stated.url else self._own_indexes
        return Indexes(found.default, (*map(Index, stated.extra), *found.extra))

    @cached_property
    def _own_indexes(self) -> Indexes:
        return host_indexes(self._host)

    def _placed(self, index: Index) -> Index:
        """Where it is asked; of what a secret or a mirror is for, these alone tell who asks."""
        public = public_url(index.url)
        asked = self.origins.asked(public)
        return (
            Index(self.origins.carried(public), index.name) if asked != public or self._hands.covers(asked) else index
        )


def host_indexes(host: Mapping[str, str]) -> Indexes:
    """Uv's own settings first, then the one index that pip has; pip's extra ones could fill a private name."""
    config = _uv_config(host)
    stated = host.get("UV_DEFAULT_INDEX") or host.get("UV_INDEX_URL")
    listed = (host.get("UV_INDEX") or host.get("UV_EXTRA_INDEX_URL") or "").split()
    default = Index.parse(stated) if stated else config.default
    if default is None and (url := host.get("PIP_INDEX_URL") or _pip_index(host)):
        default = Index(url)
    found = Indexes(default, tuple(map(Index.parse, listed)) or config.extra)
    for one in found.every:
        _refuse_no_url(one.url)
    return found


def _refuse_no_url(url: str) -> None:
    if url.lower().startswith(("http:", "https:")) and parts_of(url) is None:
        what = f"this machine names '{shown(url)}' as an index, which is no URL that can be asked"
        raise ProcessError(what, hint="mend UV_DEFAULT_INDEX, UV_INDEX or PIP_INDEX_URL, or the settings of uv or pip")


def _config_home(host: Mapping[str, str]) -> Path:
    return Path(host.get("XDG_CONFIG_HOME") or Path(host.get("HOME", "/")) / ".config")


def _uv_config(host: Mapping[str, str]) -> Indexes:
    for path in (_config_home(host) / "uv/uv.toml", Path("/etc/uv/uv.toml")):
        try:
            text = path.read_text(encoding="utf-8")
            import tomllib  # most hosts have no such file

            return _indexes(tomllib.loads(text))
        except (OSError, ValueError):
            continue
    return Indexes()


def _indexes(config: dict[str, Any]) -> Indexes:
    named = [entry for entry in config.get("index", []) if isinstance(entry, dict) and "url" in entry]
    default = next((_index(entry) for entry in named if entry.get("default")), None)
    extra = tuple(_index(entry) for entry in named if not entry.get("default") and not entry.get("explicit"))
    if default is None and "index-url" in config:
        default = Index(str(config["index-url"]))
    return Indexes(default, extra or tuple(map(Index, config.get("extra-index-url", ()))))


def _index(entry: dict[str, Any]) -> Index:
    return Index(str(entry["url"]), str(entry.get("name", "")))


def _pip_index(host: Mapping[str, str]) -> str:
    own = host.get("PIP_CONFIG_FILE")
    paths = [Path(own)] if own else [_config_home(host) / "pip/pip.conf", Path("/etc/pip.conf")]
    for path in (one for one in paths if os.access(one, os.R_OK)):
        import configparser  # most hosts have no such file

        parser = configparser.RawConfigParser()
        try:
            parser.read(path)
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in ("install", "global"):
            if found := parser.get(section, "index-url", fallback=""):
                return found
    return ""
