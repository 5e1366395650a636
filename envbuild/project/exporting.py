"""What leaves the project: an environment as its manifest says now, or a version as its record has it."""

import os
from pathlib import Path

import msgspec

from envbuild.document import decode
from envbuild.errors import UsageError
from envbuild.lock import Lock, member_items, read_lock
from envbuild.manifest import Asked, is_dockerfile
from envbuild.project.front import Project
from envbuild.project.looking import refuse_stale
from envbuild.project.recorded import as_recorded
from envbuild.project.versions import asked
from envbuild.resolve import Environment


class Outgoing(msgspec.Struct, frozen=True):
    """One environment or version with its pins. `digests` are of the archives of the project that go into it.

    `place` leads from the folder of what is written to the root of the project, and `machine` is this platform.
    `dockerfile` is the text of the one that is named, where it is there to be read.
    """

    name: str
    version: int | None
    environment: Environment
    lock: Lock | None
    digests: dict[str, str]
    machine: str
    place: str = "."
    dockerfile: str = ""

    @property
    def title(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


def outgoing(project: Project, text: str, output: Path | None, *, locked: bool = True) -> Outgoing:
    """What NAME, NAME@VERSION or NAME@latest means; `output` is the file that is to be written.

    What says only what a manifest says needs no lock.
    """
    name, version = asked(project, text)
    found = _recorded(project, name, version) if version else _now(project, name, locked=locked)
    return msgspec.structs.replace(found, place=_place(project.root, output))


def _place(root: Path, output: Path | None) -> str:
    """Nothing where the file lies outside of the project: where that is, is the machine's business."""
    if output is None:
        return "."
    folder, inside = output.parent.resolve(), root.resolve()
    return os.path.relpath(inside, folder) if folder.is_relative_to(inside) else ""


def _now(project: Project, name: str, *, locked: bool) -> Outgoing:
    environment = environment_of(project, name)
    if not locked:
        return Outgoing(name, None, environment, None, {}, project.platform, dockerfile=_named(project, environment))
    (one,) = project.preparer.prepare((environment,), to_build=False)
    refuse_stale(one)
    lock = project.preparer.locks.whole(one.locked.path) if one.locked.path else None
    digests = {
        item.path: project.workspace.digest(item.path, item.where)
        for item in member_items(one.environment)
        if not Asked(item.path).is_folder
    }
    named = _named(project, environment)
    return Outgoing(name, None, one.environment, lock, digests, project.platform, dockerfile=named)


def _named(project: Project, environment: Environment) -> str:
    stated = environment.keys.image.dockerfile
    if not stated or is_dockerfile(stated):
        return stated or ""
    return decode(stated, project.workspace.read(stated, environment.where("image", "dockerfile")))


def environment_of(project: Project, name: str) -> Environment:
    """What a manifest says now; where there is none any more, the versions are told."""
    try:
        return project.one(name)
    except UsageError:
        records = project.state.history(name)
        if not records:
            raise
        hint = f"name a version: '{name}@{records[0].version}'"
        raise UsageError(f"'{name}' has no manifest now", hint=hint) from None


def _recorded(project: Project, name: str, version: str) -> Outgoing:
    """Everything stands in the record; the files of the project may be gone."""
    record = project.record(name, version)
    lock = read_lock(record.manifest_path, record.lock) if record.lock else None
    digests = {part.name.removeprefix("file/"): part.digest for part in record.parts if part.name.startswith("file/")}
    environment = as_recorded(record)
    stated = environment.keys.image.dockerfile or ""
    inline = stated if is_dockerfile(stated) else ""
    return Outgoing(name, record.version, environment, lock, digests, project.platform, dockerfile=inline)
