"""What keeps a package from the newest there is: a line of a manifest, what else is locked, or what that one needs."""

from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from envbuild.errors import Place
from envbuild.lock import SOLVE_GROUP, Lock, Pin, Request, meets, spec_name, virtual_packages
from envbuild.manifest import Item
from envbuild.resolve import Environment
from envbuild.solvers.newest import Newest

_UNKNOWN = "what else is asked for"  # nothing that is locked says of versions what it needs, as with pip's
_NO_HASH = "0" * 64
_FIELDS = ("overrides", "dependencies", "constraints", "limits")


class Side(msgspec.Struct, frozen=True):
    """An environment and what it would lock."""

    environment: Environment
    lock: Lock


class Holder(msgspec.Struct, frozen=True):
    what: str
    where: Place | None = None


def holder(pin: Pin, newest: Newest, platform: str, sides: Sequence[Side]) -> Holder:
    """The first of `sides` is the environment itself, the others are of its `solve_group`: they hold it as well.

    What a line says of the package itself is the nearest cause, and what is locked beside it the next.
    """
    wanted = msgspec.structs.replace(pin, version=newest.version, build=newest.build, dependencies=newest.needs)
    there = [one for one in sides if platform in one.lock.pins]
    found = chain(_lines(wanted, platform, there), _needing(wanted, platform, there), _needed(wanted, platform, there))
    return next(found, None) or _dependents(wanted, platform, there) or Holder(_UNKNOWN)


def _lines(wanted: Pin, platform: str, sides: Sequence[Side]) -> Iterator[Holder]:
    for one in sides:
        for field in _FIELDS:
            for item in _items(one.environment, field, wanted.key, platform):
                if _excludes(item, wanted):
                    yield Holder(f"{item.shown}{_of(one, sides)}", item.where)


def _items(environment: Environment, field: str, key: str, platform: str) -> tuple[Item, ...]:
    packages = getattr(environment, field).on(platform)
    return next((package.items for package in packages if package.key == key), ())


def _excludes(item: Item, wanted: Pin) -> bool:
    """Whether a line keeps a version out; one that cannot be compared is not said to."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    if item.manager == "conda" and item.version:
        return _rules_out(item.text, wanted)
    try:
        return not SpecifierSet(item.specifier).contains(wanted.version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


def _needing(wanted: Pin, platform: str, sides: Sequence[Side]) -> Iterator[Holder]:
    """Locked packages of conda that do not go with it."""
    for one in sides:
        for pin in one.lock.pins[platform].conda if wanted.manager == "conda" else ():
            for spec in (*pin.dependencies, *pin.constrains):
                if spec_name(spec) == wanted.name and _rules_out(spec, wanted):
                    what = f"{pin.name} {pin.version}{_of(one, sides)} needs {spec}"
                    yield Holder(what, _asking(one, pin.key, platform, sides))


def _needed(wanted: Pin, platform: str, sides: Sequence[Side]) -> Iterator[Holder]:
    """What it needs itself, and is locked otherwise, or not there on the machines that are asked for."""
    for one in sides:
        machine = _machine(one.lock.head.requests[platform])
        locked = {pin.name: pin for pin in (*machine, *one.lock.pins[platform].conda)}
        for spec in wanted.dependencies if wanted.manager == "conda" else ():
            other = locked.get(spec_name(spec))
            if other and _rules_out(spec, other):
                what = f"it needs {spec}, not {other.version}{_of(one, sides)}"
                yield Holder(what, _asking(one, other.key, platform, sides))


def _rules_out(spec: str, pin: Pin) -> bool:
    """What a channel writes need not be a spec: then it is not said to."""
    from rattler.exceptions import InvalidMatchSpecError

    try:
        return not meets(spec, pin)
    except (InvalidMatchSpecError, ValueError):
        return False


def _machine(request: Request) -> Iterator[Pin]:
    """What conda knows of a machine, as if it were packages."""
    for name, value in virtual_packages(request.platform, {**request.host, **request.system}).items():
        version, build = ("1", value) if name == "__archspec" else (value, "0")
        yield Pin("conda", name, version, "", _NO_HASH, build)


def _dependents(wanted: Pin, platform: str, sides: Sequence[Side]) -> Holder | None:
    """Of pip's packages a lock knows who needs whom, and not in which versions."""
    found = {
        f"{pin.name}{_of(one, sides)}": _asking(one, pin.key, platform, sides)
        for one in sides
        for pin in one.lock.pins[platform].pip
        if wanted.manager == "pip" and wanted.name in pin.dependencies
    }
    return Holder(f"needed by {', '.join(found)}", next(iter(found.values()))) if found else None


def _asking(one: Side, key: str, platform: str, sides: Sequence[Side]) -> Place | None:
    """The line that asks for a package; of another environment at least the line that makes it one of the group."""
    items = one.environment.package(key, platform)
    return items[0].where if items else None if one is sides[0] else one.environment.where(SOLVE_GROUP)


def _of(one: Side, sides: Sequence[Side]) -> str:
    return "" if one is sides[0] else f" of {one.environment.name}"
