"""One environment or version as `show` tells of it, when its manifest is there and when it is long gone."""

import msgspec

from envbuild.document import Scalar, parse
from envbuild.lock import Lock, read_lock
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.project.standing import Depth
from envbuild.record import Record, labels_of


class Shown(msgspec.Struct, frozen=True):
    """One environment or version, as `show` tells of it."""

    name: str
    fingerprint: str | None
    version: int | None
    reference: str | None
    builder: str
    description: str
    packages: tuple[tuple[str, str, str], ...]
    labels: tuple[str, ...] = ()


def recorded(project: Project, name: str, version: str) -> Shown:
    record = project.record(name, version)
    return msgspec.structs.replace(
        shown_record(record), labels=labels_of(project.state.labels.of(name), record.version)
    )


def shown_record(record: Record) -> Shown:
    """All that needs no project."""
    lock = read_lock(record.manifest_path, record.lock) if record.lock else None
    return Shown(
        record.environment,
        record.fingerprint,
        record.version,
        record.reference or None,
        record.builder,
        _described(record),
        _packages(lock, record.platforms[0]),
    )


def shown_now(project: Project, name: str) -> Shown:
    """What a manifest says now; its version and reference when that is what was built last."""
    name = project.one(name).name
    planned = project.plan(Selection((name,)), Depth.RECORDS)
    step = next(step for step in planned.plan.steps if step.environment == name)
    one = next(one for one in planned.prepared if one.environment.name == name)
    built = project.state.latest((name,)).get(name) if step.action == "keep" or step.registered else None
    lock = project.preparer.locks.whole(one.locked.path) if one.locked.path else None
    platforms = one.environment.platforms
    return Shown(
        name,
        step.fingerprint,
        built.version if built else None,
        built.reference or None if built else None,
        step.builder,
        one.environment.description,
        _packages(lock, project.platform if project.platform in platforms else platforms[0]),
        labels_of(project.state.labels.of(name), built.version) if built else (),
    )


def _packages(lock: Lock | None, platform: str) -> tuple[tuple[str, str, str], ...]:
    pins = lock.pins.get(platform) if lock else None
    if pins is None:
        return ()
    found = [(pin.manager, pin.name, pin.version) for pin in pins.pins]
    return tuple(sorted([*found, *(("pip", member.name, member.version) for member in pins.members)]))


def _described(record: Record) -> str:
    """The description that the recorded manifest had."""
    stated = parse(record.manifest_path, record.manifest.encode()).root.get("description")
    return stated.text if isinstance(stated, Scalar) else ""
