"""One environment or version as `show` tells of it, when its manifest is there and when it is long gone."""

import msgspec

from envbuild.document import Scalar, parse
from envbuild.lock import Lock
from envbuild.record import Record


class Shown(msgspec.Struct, frozen=True):
    """One environment or version, as `show` tells of it."""

    name: str
    fingerprint: str | None
    version: int | None
    reference: str | None
    builder: str
    description: str
    packages: tuple[tuple[str, str, str], ...]


def packages_of(lock: Lock | None, platform: str) -> tuple[tuple[str, str, str], ...]:
    pins = lock.pins.get(platform) if lock else None
    if pins is None:
        return ()
    found = [(pin.manager, pin.name, pin.version) for pin in pins.pins]
    return tuple(sorted([*found, *(("pip", member.name, member.version) for member in pins.members)]))


def described(record: Record) -> str:
    """The description that the recorded manifest had."""
    stated = parse(record.manifest_path, record.manifest.encode()).root.get("description")
    return stated.text if isinstance(stated, Scalar) else ""
