"""Wheels, each placed alone: those that are locked by their hash, and those that are built here by what is in them."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from envbuild.builders import staged_wheels
from envbuild.builders.building import Building
from envbuild.builders.downloads import Downloads, filename
from envbuild.builders.inwheels import Opened, held
from envbuild.builders.oci.facts import Facts
from envbuild.builders.oci.laying import Lying
from envbuild.builders.oci.tree import Node
from envbuild.builders.repositories import is_repository
from envbuild.builders.unpacking import Layout, Wheel, listed
from envbuild.errors import Place
from envbuild.image.entries import PLAIN, RUNNABLE, Entry
from envbuild.lock import Pin, Pins
from envbuild.solvers.installing import is_built

_PIECE = 1 << 20


class Listed(msgspec.Struct, frozen=True):
    """Each file of a wheel: its scheme and its path there."""

    files: tuple[tuple[str, str], ...]


class Placing(msgspec.Struct, frozen=True):
    """A wheel that is to be placed; `identity` stands for what it holds, and `wheel` gives it when it is needed."""

    name: str
    version: str
    identity: str
    files: tuple[tuple[str, str], ...]
    wheel: Callable[[], Wheel]

    def paths(self, layout: Layout) -> tuple[tuple[str, str], ...]:
        before = {scheme: f"{below}/" if below else "" for scheme, below in layout.below(self.name).items()}
        return tuple((f"{before[scheme]}{path}", "") for scheme, path in self.files)


def in_order(pins: Pins, building: Building, facts: Facts) -> Iterator[Placing]:
    """As they are staged: by name, and what is built after what is not."""
    plain = [pin for pin in pins.pip if not is_repository(pin) and not is_built(pin)]
    rest = msgspec.structs.replace(pins, pins=tuple(pin for pin in pins.pip if pin not in plain))
    others = staged_wheels.wanted(rest, building)
    versions = {pin.name: pin.version for pin in pins.pip} | {one.name: one.version for one in pins.members}
    ready = [_of_file(one, versions, building) for one in others if isinstance(one, Wheel)]
    yield from sorted([*_locked(plain, building, facts), *ready], key=lambda one: one.name)
    yield from (_of_file(one, versions, building) for one in staged_wheels.built(others, building))


def _locked(pins: Sequence[Pin], building: Building, facts: Facts) -> Iterator[Placing]:
    """What is known of it is asked first: then a wheel whose layer is there need not be."""
    downloads = staged_wheels.downloads_of(building.target, building.tools)
    known = {pin: facts.find(pin.sha256, Listed) for pin in pins}
    missing = [pin for pin, one in known.items() if one is None]
    for name, path in downloads.files(missing).items():
        (pin,) = (pin for pin in missing if pin.name == name)
        where = building.target.environment.where_asked(pin.name)
        files = Listed(listed(Wheel(pin.name, path, filename(pin)), where))
        facts.keep(pin.sha256, files)
        known[pin] = files
    for pin, one in known.items():
        if one:
            yield Placing(pin.name, pin.version, pin.sha256, one.files, _fetching(pin, downloads))


def _fetching(pin: Pin, downloads: Downloads) -> Callable[[], Wheel]:
    return lambda: Wheel(pin.name, downloads.files([pin])[pin.name], filename(pin))


def _of_file(wheel: Wheel, versions: dict[str, str], building: Building) -> Placing:
    files = listed(wheel, building.target.environment.where_asked(wheel.name))
    version = versions.get(wheel.name) or wheel.filename.split("-")[1]
    return Placing(wheel.name, version, f"{_digest(wheel.path)} {wheel.origin.decode()}", files, lambda: wheel)


def _digest(path: Path) -> str:
    """Of what is placed, in its order: when it was packed, and how tightly, shows nowhere."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(path) as opened:
        for info in opened.infolist():
            head = f"{info.filename}\0{bool(info.external_attr >> 16 & 0o111)}\0{info.file_size}\0"
            content = hashlib.sha256()
            with opened.open(info) as stream:
                while piece := stream.read(_PIECE):
                    content.update(piece)
            digest.update(head.encode(errors="surrogateescape") + content.digest())
    return digest.hexdigest()


def lying(placing: Placing, layout: Layout, where: Place, stack: ExitStack) -> Lying:
    """Read from the wheel itself, which is open until the stack is closed: nothing is written."""
    wheel = placing.wheel()
    files = held(wheel, layout, where)
    read = Opened(wheel)
    stack.callback(read.close)

    def node(path: str, to: str) -> Node:
        one = files[path]
        return Node(Entry(to, "file", RUNNABLE if one.is_executable else PLAIN, one.size), read.source(one))

    return node
