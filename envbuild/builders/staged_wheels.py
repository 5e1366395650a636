"""Wheels into a prefix that will lie elsewhere, perhaps on another kind of machine: nothing of them is run.

uv can only install for an interpreter that it can run, and with the paths of this machine.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from envbuild.builders import members
from envbuild.builders.building import Building, Source
from envbuild.builders.downloads import Downloads, filename
from envbuild.builders.repositories import Repository, checked_out, is_repository
from envbuild.builders.target import Target, Tools, note
from envbuild.builders.unpacking import Layout, Wheel, place
from envbuild.builders.wheels import builds_of, make_room
from envbuild.lock import Pin, Pins
from envbuild.manifest import Asked, normalise
from envbuild.process import Interrupted
from envbuild.solvers.installing import is_built


def install(layout: Layout, target: Target, tools: Tools, python: Path | None) -> None:
    """The pins exactly, by their hashes; what is built with what the environment has comes last."""
    pins = target.pins
    names = [*(pin.name for pin in pins.pip), *(member.name for member in pins.members)] if pins else []
    if pins is None or not names:
        return
    target.say(f"{len(names)} package{'s' if len(names) > 1 else ''}{' from PyPI' if target.uses_conda else ''}")
    if target.uses_conda:
        make_room(layout.folder, set(map(normalise, names)), target)
    with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
        building = Building(target, tools, Path(folder), python)
        for wheel in _wheels(pins, building):
            if tools.programs.stopped:
                raise Interrupted
            place(wheel, layout, target.environment.where_asked(wheel.name))
            note(target.log, f"placed {wheel.filename}")


def _wheels(pins: Pins, building: Building) -> Iterator[Wheel]:
    found = wanted(pins, building)
    yield from sorted(one for one in found if isinstance(one, Wheel))
    yield from built(found, building)


def wanted(pins: Pins, building: Building) -> list[Wheel | Source]:
    """Wheels as they are, and what others are built of."""
    downloads = downloads_of(building.target, building.tools)
    files = downloads.files([pin for pin in pins.pip if not is_repository(pin)])
    return [*_pinned(pins.pip, files, building), *_of_the_project(pins, building)]


def built(found: Sequence[Wheel | Source], building: Building) -> Iterator[Wheel]:
    """One after the other, what needs its environment at the end."""
    sources = [one for one in found if isinstance(one, Source)]
    for source in sorted(sources, key=lambda one: (building.is_alone(one), one.name)):
        yield building.wheel(source)


def downloads_of(target: Target, tools: Tools) -> Downloads:
    return Downloads(target, tools, builds_of(target, tools).stated({}))


def _pinned(pins: Sequence[Pin], files: dict[str, Path], building: Building) -> Iterator[Wheel | Source]:
    for pin in pins:
        if is_repository(pin):
            one = Repository.of(pin)
            folder = building.folder / "repositories" / normalise(pin.name)
            yield Source(pin.name, checked_out(one, folder, building.target, building.tools), origin=one.origin)
        elif is_built(pin):
            yield Source(pin.name, _named(pin, files[pin.name], building.folder), pin.version)
        else:
            yield Wheel(pin.name, files[pin.name], filename(pin))


def _named(pin: Pin, file: Path, folder: Path) -> Path:
    """An archive by the name that it has in its index, by which uv knows what it is."""
    named = folder / "archives" / normalise(pin.name) / filename(pin)
    named.parent.mkdir(parents=True)
    named.symlink_to(file)
    return named


def _of_the_project(pins: Pins, building: Building) -> Iterator[Wheel | Source]:
    for member in pins.members:
        asked, target, tools = Asked(member.path), building.target, building.tools
        if asked.is_folder:
            copies = building.folder / "copies" / normalise(member.name)
            yield Source(member.name, members.copy_of(member, target, tools, copies))
        else:
            path = members.file_of(member, target, tools)
            yield Wheel(member.name, path, path.name) if asked.is_wheel else Source(member.name, path)
