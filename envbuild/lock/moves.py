"""What a lock changed: packages that came, went or moved, on which platforms."""

from collections.abc import Mapping

import msgspec

from envbuild.lock.bases import Base
from envbuild.lock.file import Lock
from envbuild.lock.pins import Pin, Pins


class Move(msgspec.Struct, frozen=True, order=True):
    """One package; an empty version stands for none. Where only its build moved, that is told with the version."""

    manager: str
    name: str
    before: str
    now: str
    platforms: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return "added" if not self.before else "removed" if not self.now else "moved"


def moves(before: Lock | None, now: Lock) -> tuple[Move, ...]:
    """Between two locks: the base image, then the packages."""
    old, new = before.head.base if before else None, now.head.base
    moved = new and (old is None or old.identity != new.identity)
    base = [Move("image", new.name, _shown(old), _shown(new))] if new and moved else []
    return (*base, *_pin_moves(before.pins if before else {}, now.pins))


def _shown(base: Base | None) -> str:
    return f"{base.tag} {base.digest.partition(':')[2][:12]}" if base else ""


def _pin_moves(before: Mapping[str, Pins], now: Mapping[str, Pins]) -> tuple[Move, ...]:
    """What moved alike on several platforms is one move."""
    found: dict[Move, list[str]] = {}
    for platform in sorted(before.keys() | now.keys()):
        old, new = _by_key(before.get(platform)), _by_key(now.get(platform))
        for key in sorted(old.keys() | new.keys()):
            if move := _move(old.get(key), new.get(key)):
                found.setdefault(move, []).append(platform)
    return tuple(sorted(msgspec.structs.replace(move, platforms=tuple(platforms)) for move, platforms in found.items()))


def _by_key(pins: Pins | None) -> dict[str, Pin]:
    return {pin.key: pin for pin in pins.pins} if pins else {}


def _move(old: Pin | None, new: Pin | None) -> Move | None:
    known = new or old
    if known is None or (old and new and old.identity == new.identity):
        return None
    builds = bool(old and new and old.version == new.version)
    return Move(known.manager, known.name, _told(old, with_build=builds), _told(new, with_build=builds))


def _told(pin: Pin | None, *, with_build: bool) -> str:
    if pin is None:
        return ""
    return f"{pin.version} {pin.build or pin.sha256[:8]}" if with_build else pin.version
