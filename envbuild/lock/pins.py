"""The solved packages of one platform, and the questions that are asked of them."""

import hashlib
from collections.abc import Mapping

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
    if not all(_met(root, known) for root in _touched(request.roots, recorded.roots)):
        return False
    return _reached({_name(root) for root in request.roots}, known) == set(known)


def _touched(roots: tuple[str, ...], recorded: tuple[str, ...]) -> list[str]:
    """The roots, old and new, whose answer may be another now: those of each package that is asked for otherwise.

    A plain root that is gone leaves nothing behind but its pins; one with extras or a source has shaped others.
    """
    changed = set(roots) ^ set(recorded)
    still = {_name(root) for root in roots} & {_name(root) for root in changed}
    return [root for root in (*roots, *recorded) if _name(root) in still or (root in changed and not _is_plain(root))]


def _is_path(root: str) -> bool:
    return root.endswith(".whl") and " @ " not in root


def _is_plain(root: str) -> bool:
    from packaging.requirements import Requirement

    if _is_path(root):
        return False
    requirement = Requirement(root)
    return not (requirement.extras or requirement.marker or requirement.url)


def _name(root: str) -> str:
    from packaging.requirements import Requirement

    return normalise(wheel_name(root)) if _is_path(root) else Requirement(root).name


def _met(root: str, known: Mapping[str, Pin | Wheel]) -> bool:
    """Whether no solver could answer otherwise: extras, markers and sources, come or gone, are for a solver."""
    from packaging.requirements import Requirement

    if not _is_plain(root):
        return False
    requirement = Requirement(root)
    pin = known.get(requirement.name)
    return pin is not None and requirement.specifier.contains(pin.version, prereleases=True)


def _reached(roots: set[str], known: Mapping[str, Pin | Wheel]) -> set[str]:
    reached: set[str] = set()
    waiting = [name for name in roots if name in known]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(edge for edge in known[name].dependencies if edge in known)
    return reached
