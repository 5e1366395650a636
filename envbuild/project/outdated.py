"""What could move in a lock: what it has, beside what `lock --upgrade` would give, and the newest that there is."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from envbuild.errors import Place
from envbuild.lock import Change, Lock, Pin
from envbuild.project.facts import Prepared
from envbuild.project.holding import Holder, Side, holder
from envbuild.project.moving import Behind, Outcome, Way
from envbuild.solvers.newest import Newest

Known = Mapping[str, Newest]  # of what a manifest asks for by name: its key -> the newest there is


def unlocked(one: Prepared) -> Outcome:
    """What has no current lock of its own, and why: one that a twin has is not written yet."""
    copied = Change(f"{one.locked.path} has all of it, and it is not copied yet", Place(one.environment.path))
    return Outcome(one.environment.name, "", "unlocked", why=one.locked.changes or (copied,))


def outdated(before: Lock | None, known: Mapping[str, Known], sides: Sequence[Side]) -> list[Behind]:
    """`known` is by platform; what could move alike on several platforms is told once.

    The first of `sides` is the environment with its new lock, the others are of its `solve_group`.
    """
    found: dict[Behind, list[str]] = {}
    for platform, pins in (before.pins if before else {}).items():
        now = sides[0].lock.pins.get(platform)
        current = {pin.key: pin for pin in now.pins} if now else {}
        for pin in pins.pins:
            if pin.key in current:
                newest = known.get(platform, {}).get(pin.key)
                for one in _behind(pin, current[pin.key], newest, platform, sides):
                    found.setdefault(one, []).append(platform)
    told = (msgspec.structs.replace(one, platforms=tuple(sorted(on))) for one, on in found.items())
    return sorted(told, key=lambda one: (one.manager, one.name, one.have))


def _behind(pin: Pin, now: Pin, newest: Newest | None, platform: str, sides: Sequence[Side]) -> Iterator[Behind]:
    """What would go altogether is not among it."""
    way = _way(pin, now)
    have, fits = (_built(pin), _built(now)) if way == "build" else (pin.version, now.version)
    beyond = newest if newest and _is_newer(newest.version, now.version, pin.manager) else None
    if way == "held" and not beyond:
        return
    held = holder(now, beyond, platform, sides) if beyond else Holder("")
    yield Behind(pin.manager, pin.name, have, fits, way, beyond.version if beyond else "", held.what, held.where)


def _way(pin: Pin, now: Pin) -> Way:
    if pin.identity == now.identity:
        return "held"
    if pin.version == now.version:
        return "build"
    return "up" if _is_newer(now.version, pin.version, pin.manager) else "down"


def _built(pin: Pin) -> str:
    return f"{pin.version} {pin.build or pin.sha256[:8]}"


def _is_newer(version: str, than: str, manager: str) -> bool:
    if manager == "conda":
        from rattler import Version

        return Version(version) > Version(than)
    from packaging.version import Version as OfPython

    return OfPython(version) > OfPython(than)
