"""What became of a package that was to move: it did, or it stays, and what the manifest says of it."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from envbuild.lock import Lock, Pin
from envbuild.project.moving import Fate
from envbuild.resolve import Environment


def fates(packages: Iterable[str], before: Lock | None, now: Lock, environment: Environment) -> Iterator[Fate]:
    """Of each package that a lock had; what moved alike on several platforms is told once."""
    wanted, found = set(packages), dict[Fate, list[str]]()
    for platform, pins in (before.pins if before else {}).items():
        current = _by_key(now, platform)
        for pin in pins.pins:
            if {pin.key, pin.name} & wanted:
                fate = _fate(pin, current.get(pin.key), environment, platform)
                found.setdefault(fate, []).append(platform)
    for fate, platforms in found.items():
        yield msgspec.structs.replace(fate, platforms=tuple(sorted(platforms)))


def _by_key(lock: Lock, platform: str) -> Mapping[str, Pin]:
    return {pin.key: pin for pin in lock.pins[platform].pins} if platform in lock.pins else {}


def _fate(pin: Pin, now: Pin | None, environment: Environment, platform: str) -> Fate:
    is_same = now is not None and now.identity == pin.identity
    items = environment.package(pin.key, platform) if is_same else ()
    version = now.version if now else ""
    told = Fate(pin.manager, pin.name, pin.version, version, is_same)
    item = next((one for one in items if any(not one.startswith(">") for one in one.specifier.split(",") if one)), None)
    return msgspec.structs.replace(told, asked=item.shown, where=item.where) if item else told
