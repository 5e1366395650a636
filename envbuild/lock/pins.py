"""The solved packages of one platform, and the questions that are asked of them."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from envbuild.lock.request import Request, canonical
from envbuild.manifest import normalise, wheel_name


class Pin(msgspec.Struct, frozen=True, order=True):
    """One package in a lock. `sha256` holds the commit where the source is a repository."""

    manager: str
    name: str
    version: str
    url: str
    sha256: str
    build: str = ""
    dependencies: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """What of it counts in a fingerprint: never where it came from."""
        return " ".join((self.manager, self.name, self.version, self.build or "-", self.sha256))


class Wheel(msgspec.Struct, frozen=True, order=True):
    """A wheel of the project itself: its bytes are an input of their own, so that no hash of them stands here."""

    path: str
    name: str
    version: str
    dependencies: tuple[str, ...] = ()


class Pins(msgspec.Struct, frozen=True):
    platform: str
    pins: tuple[Pin, ...]
    wheels: tuple[Wheel, ...] = ()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def content(self) -> str:
        """One line for each pin, sorted: the text whose hash is a part of the fingerprint."""
        return "".join(f"{line}\n" for line in sorted(pin.identity for pin in self.pins))

    def by_name(self) -> Mapping[str, Pin | Wheel]:
        known: dict[str, Pin | Wheel] = {pin.name: pin for pin in self.pins}
        return known | {wheel.name: wheel for wheel in self.wheels}


def still_met(request: Request, recorded: Request, pins: Pins) -> bool:
    """DECISIONS 15: other roots are no reason to solve when each is met by a pin and reaches each pin."""
    if canonical(request.besides_roots) != canonical(recorded.besides_roots):
        return False
    known = pins.by_name()
    wanted = _wanted(request.roots)
    if not all(_met(root, known, recorded.roots) for root in request.roots):
        return False
    return _reached(wanted, known) == set(known)


def _wanted(roots: Iterable[str]) -> set[str]:
    return {name for root in roots if (name := _name(root))}


def _name(root: str) -> str:
    """The package a root asks for on any platform; empty where a marker may leave it out."""
    from packaging.requirements import Requirement

    return normalise(wheel_name(root)) if root.endswith(".whl") and " @ " not in root else Requirement(root).name


def _met(root: str, known: Mapping[str, Pin | Wheel], recorded: tuple[str, ...]) -> bool:
    """A root whose extras, marker or source were not asked for before needs a solver."""
    from packaging.requirements import Requirement

    if root in recorded:
        return True
    if root.endswith(".whl") and " @ " not in root:
        return False
    requirement = Requirement(root)
    pin = known.get(requirement.name)
    plain = not (requirement.extras or requirement.marker or requirement.url)
    return plain and pin is not None and requirement.specifier.contains(pin.version, prereleases=True)


def _reached(roots: set[str], known: Mapping[str, Pin | Wheel]) -> set[str]:
    reached: set[str] = set()
    waiting = [name for name in roots if name in known]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(edge for edge in known[name].dependencies if edge in known)
    return reached
