"""What builder `docker` has made and stands: in registries, or in the engine of this machine."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import msgspec

from envbuild.builders.daemon import Daemon
from envbuild.builders.docker import chosen
from envbuild.errors import EnvbuildError, RegistryError
from envbuild.project.preparing import Prepared
from envbuild.project.standing import Built, Depth, Held
from envbuild.project.wishes import Wishes
from envbuild.record import Record, Version
from envbuild.registry.client import AT_ONCE, Registries, Registry
from envbuild.registry.finding import Found, find_all, last_version
from envbuild.registry.parts import image_tag, read_parts
from envbuild.registry.repositories import Repository, repositories
from envbuild.render import ARCHITECTURES, platforms_of
from envbuild.state import State

_NO_REFRESH = "run it again once it answers, or with '--no-refresh': files, locks and records alone"


class _Sought(msgspec.Struct, frozen=True):
    name: str
    fingerprint: str
    home: Repository
    share: str


class Stored:
    """Registries are asked for what no record answers, and for all of it where a plan looks deep."""

    def __init__(
        self,
        state: State,
        registries: Registries,
        daemon: Daemon,
        depth: Depth,
        on_ask: Callable[[], None],
        wishes: Wishes,
    ) -> None:
        """`on_ask` is called before anybody is asked who may answer otherwise the next time."""
        self._on_ask = on_ask
        self._state = state
        self._registries = registries
        self._daemon = daemon
        self._depth = depth
        self._pushes = wishes.push
        self._platforms = wishes.platforms

    def held(self, sought: tuple[Prepared, ...]) -> dict[str, Held]:
        records = self._state.with_content(tuple(one.fingerprint.text for one in sought if one.fingerprint))
        known = {one.environment.name: self._known(one, records) for one in sought}
        found = {name: one for name, one in known.items() if one}
        if self._depth > Depth.RECORDS and self._pushes:
            asked = [one for one in map(self._sought, sought) if one and one.home.server]
            stored = self._stored(asked)
            found = {**stored, **{name: _with_last(one, stored.get(name)) for name, one in found.items()}}
        return found

    def _known(self, one: Prepared, records: Mapping[str, Version]) -> Held | None:
        version = records.get(one.fingerprint.text) if one.fingerprint else None
        if version is None or (version.machine and self._lacks(version.reference)):
            return None
        return Held(f"{version.environment}@{version.version}") if self._is_usable(version, one) else None

    def _is_usable(self, version: Version, one: Prepared) -> bool:
        """An image that only this machine has is no help where it is to be in a registry; nor is one that lacks any."""
        if self._lacking(version, one):
            return False
        return not version.machine or not (self._pushes and repositories(one.environment)[0].server)

    def _lacks(self, reference: str) -> bool:
        return self._depth > Depth.RECORDS and reference not in self._here

    @cached_property
    def _here(self) -> frozenset[str]:
        self._on_ask()
        return self._daemon.ids()

    def _sought(self, one: Prepared) -> _Sought | None:
        if one.fingerprint is None:
            return None
        home, now = repositories(one.environment)[0], self._chosen(one)
        share = "" if now == platforms_of(one.environment) else ARCHITECTURES[now[0]]
        return _Sought(one.environment.name, one.fingerprint.text, home, share)

    def _chosen(self, one: Prepared) -> tuple[str, ...]:
        return chosen(one.environment, self._platforms)

    def _lacking(self, version: Version, one: Prepared) -> list[str]:
        """The platforms that it is to have, and was not built for."""
        return [platform for platform in self._chosen(one) if platform not in version.platforms]

    def _stored(self, sought: list[_Sought]) -> dict[str, Held]:
        """What registries have, all of them asked at once; what one of them fails in is told for all."""
        found: dict[str, Held] = {}
        self._on_ask()
        for server, own in _by_server(sought).items():
            registry = self._registries.of(server)
            answers = find_all(registry, [(one.home.path, one.fingerprint) for one in own])
            with ThreadPoolExecutor(AT_ONCE, "registry") as pool:
                told = pool.map(self._told, own, (answers[one.home.path, one.fingerprint] for one in own))
                found |= dict(zip((one.name for one in own), told, strict=True))
        return found

    def _told(self, one: _Sought, answer: Found | RegistryError | None) -> Held:
        """What is there has the number that its parts name; of what is not the last number is asked."""
        if isinstance(answer, RegistryError):
            raise type(answer)(answer.message, hint=_NO_REFRESH)
        registry = self._registries.of(one.home.server)
        try:
            parts = read_parts(registry, one.home.path, one.fingerprint) if answer else None
            last = 0 if parts else last_version(registry, one.home)
            where = one.home.name if answer else _share_of(one, registry)
        except RegistryError as error:
            raise type(error)(error.message, hint=_NO_REFRESH) from None
        is_own = parts is not None and parts.environment == one.name
        version = parts.version if parts and is_own else None
        return Held(where, version, last)

    def harm(self, built: tuple[Built, ...]) -> dict[str, str]:
        found = {one.environment.name: self._missing(one, version) for one, version in built}
        if self._depth == Depth.WHOLE:
            asked = [version for one, version in built if not version.machine and not found[one.environment.name]]
            found |= self._moved(asked)
        return {name: what for name, what in found.items() if what}

    def _missing(self, one: Prepared, version: Version) -> str:
        """Platforms; or that which this machine's engine keeps."""
        if lacking := self._lacking(version, one):
            return f"it is not built for {', '.join(lacking)}"
        if not version.machine or self._depth == Depth.RECORDS:
            return ""
        if not self._is_usable(version, one):
            return f"it is only in this machine's engine, and not in {repositories(one.environment)[0].name}"
        return "the engine does not have it any more" if version.reference not in self._here else ""

    def _moved(self, versions: list[Version]) -> dict[str, str]:
        """Every digest and every tag of what registries keep."""
        self._on_ask()
        found: dict[str, str] = {}
        names: dict[str, dict[tuple[str, str], tuple[str, str]]] = defaultdict(dict)
        for version in versions:
            record = self._state.whole(version.environment, version.version)
            for server, path, reference in _names(version, record):
                names[server][path, reference] = (version.environment, version.reference.rpartition("@")[2])
        for server, asked in names.items():
            for pair, answer in self._registries.of(server).ask_all(asked).items():
                if isinstance(answer, EnvbuildError):
                    raise type(answer)(answer.message, hint=_NO_REFRESH)
                environment, digest = asked[pair]
                shown = f"{server}/{pair[0]}{'@' if pair[1].startswith('sha256:') else ':'}{pair[1]}"
                if answer != digest:
                    found.setdefault(environment, f"{shown} {'is another image' if answer else 'is gone'}")
        return found


def _share_of(one: _Sought, registry: Registry) -> str:
    """Where the share that is wanted is, if that is not the whole."""
    tag = image_tag(one.fingerprint, one.share)
    return one.home.tagged(tag) if one.share and registry.head(one.home.path, tag) else ""


def _names(version: Version, record: Record | None) -> Iterable[tuple[str, str, str]]:
    """Its digest, and every tag it was given."""
    home = Repository.of(version.reference)
    yield home.server, home.path, version.reference.rpartition("@")[2]
    for tag in record.tags if record else ():
        home = Repository.of(tag)
        yield home.server, home.path, tag.rpartition(":")[2]


def _by_server(sought: Iterable[_Sought]) -> dict[str, list[_Sought]]:
    found: dict[str, list[_Sought]] = defaultdict(list)
    for one in sought:
        found[one.home.server].append(one)
    return found


def _with_last(one: Held, stored: Held | None) -> Held:
    """What a record knows is told by its name; which numbers are taken the registry knows."""
    return msgspec.structs.replace(one, last=stored.last, version=stored.version) if stored else one
