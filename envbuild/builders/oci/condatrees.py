"""Conda's packages, each with the files that are its own: linked by rattler, and only those that somebody wants."""

import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from posixpath import join, normpath
from typing import Self

import msgspec

from envbuild.builders import conda
from envbuild.builders.noted import noted, put_right, remove_lost, source_elsewhere
from envbuild.builders.oci.facts import Facts
from envbuild.builders.oci.linkscripts import matters
from envbuild.builders.packages import Cache, Entry
from envbuild.builders.placing import folders, places, site_packages
from envbuild.builders.target import Target, Tools
from envbuild.builders.wheels import gives_way, told
from envbuild.errors import BuildError, Place, raise_all
from envbuild.lock import Pin
from envbuild.process import Programs
from envbuild.resolve import Environment
from envbuild.solvers.contents import Content
from envbuild.solvers.rattler import Rattler

ELSEWHERE = "set 'builder: docker' for it"
_BESIDE = re.compile(r"lib/python[^/]*/site-packages/(?P<facts>[^/]+)")


class Known(msgspec.Struct, frozen=True):
    """What a package brings, the script that it wants to run, and what its distributions say of their files."""

    content: Content
    script: str
    recorded: dict[str, tuple[str, ...]]


def known(pins: Sequence[Pin], facts: Facts, cache: Cache) -> dict[Pin, Known]:
    """What was never seen is fetched, looked into, and remembered."""
    return _known(pins, facts, cache.using, facts.keep)


def link_scripts(environment: Environment, pins: Sequence[Pin], rattler: Rattler, programs: Programs) -> None:
    """Refuse what would have to be run, as far as it can be told while nothing is fetched or written."""
    cache = Cache(rattler, programs, lambda _: None, dict)
    raise_all(scripted(_known(pins, Facts(rattler.cache), cache.there, lambda *_: None), environment))


Using = Callable[[Sequence[Pin]], AbstractContextManager[tuple[Entry, ...]]]


def _known(pins: Sequence[Pin], facts: Facts, using: Using, keep: Callable[[str, Known], None]) -> dict[Pin, Known]:
    found = {pin: facts.find(pin.sha256, Known) for pin in pins}
    missing = [pin for pin, one in found.items() if one is None]
    if missing:
        with using(missing) as entries:
            for entry in entries:
                found[entry.pin] = seen = _looked_into(entry)
                keep(entry.pin.sha256, seen)
    return {pin: one for pin, one in found.items() if one}


def _looked_into(entry: Entry) -> Known:
    paths = entry.content.paths
    records = [path for path in paths if path.endswith(".dist-info/RECORD")]
    rows = {path.rpartition("/")[0]: tuple(told(entry.folder / path)) for path in records}
    return Known(entry.content, _script(entry), rows)


def _script(entry: Entry) -> str:
    """The one that does more than say something; an early one may not even be there for that."""
    for path in entry.content.scripts:
        text = (entry.folder / path).read_text(encoding="utf-8", errors="replace")
        if path.endswith("-pre-link.sh") or (path.endswith("-post-link.sh") and matters(text)):
            return path
    return ""


def scripted(found: Mapping[Pin, Known], environment: Environment) -> Iterator[BuildError]:
    """Nothing of a package is run for an image that is only assembled."""
    for pin, one in found.items():
        if one.script:
            items = environment.package(pin.name)
            where = items[0].where if items else Place(environment.path)
            what = f"{pin.name} {pin.version} wants to run its script '{one.script}', and nothing is run for this image"
            yield BuildError(what, where, ELSEWHERE)


def placed(pin: Pin, one: Known, site: str) -> tuple[tuple[str, str], ...]:
    """Each path of a package where it comes to lie, where a link leads, and what is noted of it."""
    return (*places(Entry(pin, Path(), one.content), site), (noted(Path(), pin).as_posix(), ""))


def ousted(found: Mapping[Pin, Known], names: set[str], site: str) -> Iterator[tuple[str, frozenset[str]]]:
    """What tells of a distribution that another one stands for, and all its files: as it says, else all there are."""
    for pin, one in found.items():
        paths = [path for path, _ in placed(pin, one, site)]
        beside = {path: match for path in paths if (match := _BESIDE.match(path))}
        for facts in sorted({match[0] for match in beside.values() if gives_way(match["facts"], names)}):
            key = facts.replace(site, "site-packages", 1) if one.content.python else facts
            where = facts.rpartition("/")[0]
            own = (normpath(join(where, row)) for row in one.recorded[key]) if key in one.recorded else beside
            yield facts, frozenset([*own, *(path for path in paths if f"{path}/".startswith(f"{facts}/"))])


class Linking:
    """What is wanted is linked together, when the first of it is; what clashes apart, so that each is as if alone."""

    def __init__(self, found: Mapping[Pin, Known], target: Target, tools: Tools) -> None:
        """`tools` work in a folder of ours."""
        self._found = found
        self._site = site_packages(found)
        self._wanted: set[Pin] = set()
        self._target = target
        self._tools = tools
        self._guard = threading.Lock()
        self._folders: dict[Pin, Path] = {}

    def want(self, pins: Iterable[Pin]) -> None:
        self._wanted |= set(pins)

    def folder(self, pin: Pin) -> Path:
        """A prefix in which it is linked."""
        with self._guard:
            if pin not in self._folders:
                self._link([one for one in self._found if one == pin or one in self._wanted - self._folders.keys()])
            return self._folders[pin]

    def _link(self, pins: Sequence[Pin]) -> None:
        cache = Cache(self._tools.rattler, self._tools.programs, self._target.say, self._target.rendered)
        with cache.using(pins) as entries:
            self._target.say(f"linking {len(pins)} package{'' if len(pins) == 1 else 's'}")
            for some in self._apart(entries):
                prefix = Path(tempfile.mkdtemp(prefix="linked-", dir=self._tools.store))
                self._link_some(prefix, some)
                self._folders |= {entry.pin: prefix for entry in some}

    def _link_some(self, prefix: Path, entries: list[Entry]) -> None:
        platform, final = self._target.pins.platform if self._target.pins else "", Path(self._target.environment.prefix)
        linking = conda.Linking(platform, final, copies=False)
        conda.link(prefix, [*entries, *self._missing_python(entries)], self._tools, linking)
        remove_lost(prefix)
        for entry in entries:
            put_right(prefix, entry.pin, source_elsewhere(entry.pin))

    def _apart(self, entries: Sequence[Entry]) -> list[list[Entry]]:
        """As few prefixes as it takes that no path is in one of them twice, or behind a link of another package."""
        rounds: list[_Round] = []
        for entry in entries:
            new = _Round.of(entry, self._site)
            if (found := next((one for one in rounds if one.bears(new)), None)) is None:
                rounds.append(found := _Round(set(), set(), []))
            found.add(new)
        return [one.entries for one in rounds]

    def _missing_python(self, entries: Sequence[Entry]) -> Iterator[Entry]:
        """Whose version says where pure packages lie: of its files nothing is needed, so it comes without any."""
        python = next((pin for pin in self._found if pin.name == "python"), None)
        if python and all(entry.pin != python for entry in entries) and any(entry.content.python for entry in entries):
            yield Entry(python, _hollow(python, self._tools.store / "hollow"), Content((), {}))


class _Round(msgspec.Struct):
    """Packages that are linked together: what is there, and what must be there only once; folders end with a slash."""

    there: set[str]
    once: set[str]
    entries: list[Entry]

    @classmethod
    def of(cls, entry: Entry, site: str) -> Self:
        found = dict(places(entry, site))
        behind = {f"{path}/" for path, target in found.items() if target}
        return cls(found.keys() | {f"{one}/" for one in folders(found)}, found.keys() | behind, [entry])

    def bears(self, other: Self) -> bool:
        return self.there.isdisjoint(other.once) and self.once.isdisjoint(other.there)

    def add(self, other: Self) -> None:
        self.there |= other.there
        self.once |= other.once
        self.entries += other.entries


def _hollow(pin: Pin, folder: Path) -> Path:
    """A package that holds nothing, as the cache would have it."""
    own = {"name": pin.name, "version": pin.version, "build": pin.build, "build_number": pin.number}
    facts = {"index.json": own | {"subdir": pin.subdir, "depends": []}, "paths.json": {"paths": [], "paths_version": 1}}
    (folder / "info").mkdir(parents=True, exist_ok=True)
    for name, value in facts.items():
        (folder / "info" / name).write_bytes(msgspec.json.encode(value))
    return folder
