"""A record -> the environment that it is of, as its manifest said then, and what it takes to publish that."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec

from envbuild.apply import Job
from envbuild.document import parse
from envbuild.errors import Place, PlanError, WorkspaceError
from envbuild.fingerprint import Fingerprint
from envbuild.lock import read_lock
from envbuild.manifest import manifest
from envbuild.names import Names
from envbuild.plan import Step
from envbuild.record import Record
from envbuild.resolve import Environment, Family, resolve
from envbuild.settings import Settings

Read = Callable[[str, Place], bytes]


def as_recorded(record: Record, otherwise: Read | None = None) -> Environment:
    """What the recorded manifest says, which needs no parents; that it may say so was decided then.

    Lists that it names are in the record as well; of those that are in none, `otherwise` may know.
    """
    path, read = record.manifest_path, reading(record, otherwise)
    alone = manifest(record.environment, parse(path, record.manifest.encode()), read)
    family = Family({path: alone}, Names({record.environment: path}, {}), read)
    found = resolve((alone,), family, Settings(), record.platform)
    if not found.environments:
        raise found.problems[0].error
    return msgspec.structs.replace(found.environments[0], name=record.environment)


def recorded_job(step: Step, record: Record) -> Job:
    """All that it was made from stands in its record."""

    def unwritten(_: Path) -> NoReturn:
        raise PlanError(f"{record.environment}@{record.version} is not built again", hint="build what it says now")

    return Job(
        step=step,
        environment=as_recorded(record),
        fingerprint=Fingerprint(record.parts),
        lock=read_lock(record.manifest_path, record.lock) if record.lock else None,
        lock_text=record.lock,
        python_range="",
        files={},
        render=lambda: record.artifacts,
        manifest=record.manifest,
        write=unwritten,
    )


def reading(record: Record, otherwise: Read | None = None) -> Read:
    """The texts that a record has besides its manifest."""

    def read(path: str, where: Place) -> bytes:
        text = (record.sources or {}).get(path)
        if text is not None:
            return text.encode()
        if record.sources is None and otherwise:
            return otherwise(path, where)
        raise WorkspaceError(f"'{path}' is read from no record", where, "see what the manifest says now instead")

    return read
