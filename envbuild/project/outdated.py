"""What could move in a lock: what it has, beside what `lock --upgrade` would give, and the newest that there is."""

from collections.abc import Iterator, Mapping

import msgspec

from envbuild.errors import Place
from envbuild.lock import Change, Lock, Pin
from envbuild.project.facts import Prepared
from envbuild.project.moving import Behind, Outcome, Way
from envbuild.resolve import Environment

Newest = Mapping[str, str]  # of what a manifest asks for by name: its key -> the newest version there is


def unlocked(one: Prepared) -> Outcome:
    """What has no current lock of its own, and why: one that a twin has is not written yet."""
    copied = Change(f"{one.locked.path} has all of it, and it is not copied yet", Place(one.environment.path))
    return Outcome(one.environment.name, "", "unlocked", why=one.locked.changes or (copied,))


def outdated(before: Lock | None, now: Lock, newest: Mapping[str, Newest], environment: Environment) -> list[Behind]:
    """`newest` is by platform; what could move alike on several platforms is told once."""
    found: dict[Behind, list[str]] = {}
    for platform, pins in (before.pins if before else {}).items():
        current = {pin.key: pin for pin in now.pins[platform].pins} if platform in now.pins else {}
        for pin in pins.pins:
            known = newest.get(platform, {}).get(pin.key, "")
            for one in _behind(pin, current.get(pin.key), known, environment, platform):
                found.setdefault(one, []).append(platform)
    told = (msgspec.structs.replace(one, platforms=tuple(sorted(on))) for one, on in found.items())
    return sorted(told, key=lambda one: (one.manager, one.name, one.have))


def _behind(pin: Pin, now: Pin | None, newest: str, environment: Environment, platform: str) -> Iterator[Behind]:
    """What would go altogether is not among it."""
    if now is None:
        return
    way = _way(pin, now)
    have, fits = (_built(pin), _built(now)) if way == "build" else (pin.version, now.version)
    beyond = newest if newest and _is_newer(newest, now.version, pin.manager) else ""
    if way == "held" and not beyond:
        return
    items = environment.package(pin.key, platform) if beyond else ()
    item = next((one for one in items if excludes(one.specifier, beyond)), None)
    yield Behind(
        pin.manager, pin.name, have, fits, way, beyond, item.shown if item else "", item.where if item else None
    )


def _way(pin: Pin, now: Pin) -> Way:
    if pin.identity == now.identity:
        return "held"
    if pin.version == now.version:
        return "build"
    return "up" if _is_newer(now.version, pin.version, pin.manager) else "down"


def excludes(specifier: str, version: str) -> bool:
    """Whether a line of a manifest keeps a version out; one that cannot be compared is not said to."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion

    try:
        return not SpecifierSet(specifier).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


def _built(pin: Pin) -> str:
    return f"{pin.version} {pin.build or pin.sha256[:8]}"


def _is_newer(version: str, than: str, manager: str) -> bool:
    if manager == "conda":
        from rattler import Version

        return Version(version) > Version(than)
    from packaging.version import Version as OfPython

    return OfPython(version) > OfPython(than)
