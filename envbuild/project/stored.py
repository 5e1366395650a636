"""Images that were made and stand: in registries, or on this machine."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import msgspec

from envbuild.builders.keeping import Keeper
from envbuild.builders.recipe import chosen
from envbuild.errors import BusyError, RegistryError, SilentError
from envbuild.project.preparing import Prepared
from envbuild.project.standing import Built, Depth, Harm, Held
from envbuild.project.wishes import Wishes
from envbuild.record import Record, Version
from envbuild.registry.client import AT_ONCE, Registries, Registry
from envbuild.registry.finding import Found, find_all, last_version
from envbuild.registry.parts import image_tag, parts_tag, read_parts
from envbuild.registry.repositories import Repository, repositories
from envbuild.render import ARCHITECTURES, platforms_of
from envbuild.render.tags import lasting
from envbuild.state import State

_NO_REFRESH = "run it again once it answers, or with '--no-refresh': files, locks and records alone"


class _Sought(msgspec.Struct, frozen=True):
    name: str
    fingerprint: str
    homes: tuple[Repository, ...]
    share: str

    @property
    def home(self) -> Repository:
        return self.homes[0]


class _Expected(msgspec.Struct, frozen=True):
    """A name in a registry: what it is to stand for, if that is known, and whether it is the number of a version."""

    version: Version
    reference: str
    digest: str | None
    is_number: bool = False


class Stored:
    """Registries are asked for what no record answers, and for all of it where a plan looks deep."""

    def __init__(
        self,
        state: State,
        registries: Registries,
        keeper: Keeper,
        depth: Depth,
        on_ask: Callable[[], None],
        wishes: Wishes,
    ) -> None:
        """`on_ask` is called before anybody is asked who may answer otherwise the next time."""
        self._on_ask = on_ask
        self._state = state
        self._registries = registries
        self._keeper = keeper
        self._depth = depth
        self._pushes = wishes.push
        self._platforms = wishes.platforms
        self._also = wishes.also

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
        return self._keeper.ids()

    def _sought(self, one: Prepared) -> _Sought | None:
        if one.fingerprint is None:
            return None
        now = self._chosen(one)
        share = "" if now == platforms_of(one.environment) else ARCHITECTURES[now[0]]
        return _Sought(one.environment.name, one.fingerprint.text, repositories(one.environment), share)

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
            raise _unplanned(answer)
        registry = self._registries.of(one.home.server)
        try:
            number = self._number(one, answer) if answer else None
            last = 0 if number else self._last(one.homes)
            where = one.home.name if answer else _share_of(one, registry)
        except RegistryError as error:
            raise _unplanned(error) from None
        return Held(where, number, last)

    def _number(self, one: _Sought, found: Found) -> int | None:
        """Its own, if that stands for it: of two who claimed one at the same moment the other may have it."""
        registry = self._registries.of(one.home.server)
        parts = read_parts(registry, one.home.path, one.fingerprint)
        if parts is None or parts.environment != one.name:
            return None
        stands = registry.head(one.home.path, one.home.version_tag(parts.version))
        return parts.version if stands in {None, found.digest} else None

    def _last(self, homes: Iterable[Repository]) -> int:
        """The last number that is taken in any of them."""
        return max(last_version(self._registries.of(one.server), one) for one in homes)

    def harm(self, built: tuple[Built, ...]) -> dict[str, Harm]:
        missing = {one.environment.name: self._missing(one, version) for one, version in built}
        found = {name: harm for name, harm in missing.items() if harm}
        sound = tuple(pair for pair in built if pair[0].environment.name not in found)
        if self._depth == Depth.WHOLE:
            found |= self._moved([pair for pair in sound if not pair[1].machine])
        unnamed = self._unnamed(tuple(pair for pair in sound if pair[0].environment.name not in found))
        return found | {name: Harm(what) for name, what in unnamed.items()}

    def _unnamed(self, built: tuple[Built, ...]) -> dict[str, str]:
        """What manifests and settings say by now of where it is to be, and of its names, without asking anybody."""
        wanted = {one.environment.name: self._wanted(one, version) for one, version in built}
        given = self._state.tags(version for one, version in built if wanted[one.environment.name])
        found: dict[str, str] = {}
        for one, version in built:
            name, home = one.environment.name, repositories(one.environment)[0]
            lacking = [tag for tag in wanted[name] if tag not in given.get(name, ())]
            if self._pushes and home.server and not version.machine and not home.has(version.reference):
                found[name] = f"it is not in {home.name}"
            elif lacking:
                found[name] = f"it is not named {lacking[0]} yet"
        return found

    def _wanted(self, one: Prepared, version: Version) -> tuple[str, ...]:
        """The names that it is to have beside its number in the first registry, which it cannot be without."""
        if not _is_whole(one, version) or not (self._pushes or version.machine):
            return ()
        homes = repositories(one.environment)
        tags = (*lasting(one.environment, version.version), *self._also)
        numbers = (home.tagged(home.version_tag(version.version)) for home in homes[1:])
        return (*numbers, *(home.tagged(tag) for home in homes for tag in tags))

    def _missing(self, one: Prepared, version: Version) -> Harm | None:
        """Platforms; or that which is kept on this machine."""
        if lacking := self._lacking(version, one):
            return Harm(f"it is not built for {', '.join(lacking)}")
        if not version.machine or self._depth == Depth.RECORDS:
            return None
        if not self._is_usable(version, one):
            home = repositories(one.environment)[0]
            what = f"it is only in {self._keeper.called}, and not in {home.name}"
            return Harm(what, self._lost(one, version, home))
        return None if version.reference in self._here else Harm(f"it is not in {self._keeper.called} any more")

    def _lost(self, one: Prepared, version: Version, home: Repository) -> int | None:
        """What is in no registry yet has a number there only by the records: somebody else may have taken it."""
        registry = self._registries.of(home.server)
        self._on_ask()
        try:
            theirs = registry.head(home.path, home.version_tag(version.version))
            same = theirs and theirs == registry.head(home.path, image_tag(version.fingerprint))
            return self._last(repositories(one.environment)) if theirs and not same else None
        except RegistryError as error:
            raise _unplanned(error) from None

    def _moved(self, built: Iterable[Built]) -> dict[str, Harm]:
        """Every digest and every tag of what registries keep."""
        self._on_ask()
        expected: dict[str, dict[tuple[str, str], _Expected]] = defaultdict(dict)
        homes = {prepared.environment.name: repositories(prepared.environment) for prepared, _ in built}
        for prepared, version in built:
            for home, name in _names(prepared, version, self._state.whole(version.environment, version.version)):
                expected[home.server][home.path, name.reference] = name
        found: dict[str, Harm] = {}
        for server, names in expected.items():
            for (path, reference), answer in self._registries.of(server).ask_all(names).items():
                if isinstance(answer, RegistryError):
                    raise _unplanned(answer)
                one = names[path, reference]
                if answer is None or one.digest not in {None, answer}:
                    whose = one.version.environment
                    harm = self._harm(one, f"{server}/{path}", answer, homes[whose])
                    found[whose] = harm if harm.last is not None else found.get(whose, harm)
        return found

    def _harm(self, one: _Expected, home: str, answer: str | None, homes: tuple[Repository, ...]) -> Harm:
        """A number that is another's is lost: it is not taken back."""
        shown = f"{home}{'@' if one.reference.startswith('sha256:') else ':'}{one.reference}"
        what = f"{shown} {'is another image' if answer else 'is gone'}"
        return Harm(what, self._last(homes) if answer and one.is_number else None)


def _unplanned(error: RegistryError) -> RegistryError:
    """What does not answer may be left out; everything else is mended as it says."""
    is_silent = isinstance(error, SilentError | BusyError) or not error.hint
    return type(error)(error.message, hint=_NO_REFRESH if is_silent else f"{error.hint}; or say '--no-refresh'")


def _is_whole(one: Prepared, version: Version) -> bool:
    """Whether it was built for all that the environment is for: a share has no names but that of its content."""
    return {*platforms_of(one.environment)} <= {*version.platforms}


def _share_of(one: _Sought, registry: Registry) -> str:
    """Where the share that is wanted is, if that is not the whole."""
    tag = image_tag(one.fingerprint, one.share)
    return one.home.tagged(tag) if one.share and registry.head(one.home.path, tag) else ""


def _names(one: Prepared, version: Version, record: Record | None) -> Iterable[tuple[Repository, _Expected]]:
    """Its digest, every tag that it was given, and what an empty checkout finds it by."""
    home, digest = Repository.of(version.reference), version.reference.rpartition("@")[2]
    yield home, _Expected(version, digest, digest)
    if not _is_whole(one, version):
        return
    yield home, _Expected(version, image_tag(version.fingerprint), digest)
    yield home, _Expected(version, parts_tag(version.fingerprint), None)
    numbers = {own.tagged(own.version_tag(version.version)) for own in repositories(one.environment)}
    for tag in record.tags if record else ():
        yield Repository.of(tag), _Expected(version, tag.rpartition(":")[2], digest, tag in numbers)


def _by_server(sought: Iterable[_Sought]) -> dict[str, list[_Sought]]:
    found: dict[str, list[_Sought]] = defaultdict(list)
    for one in sought:
        found[one.home.server].append(one)
    return found


def _with_last(one: Held, stored: Held | None) -> Held:
    """What a record knows is told by its name; which numbers are taken the registry knows."""
    return msgspec.structs.replace(one, last=stored.last, version=stored.version) if stored else one
