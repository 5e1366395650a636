"""What is to leave as a project: an environment or version, and the environments that its image starts from."""

import json
from collections.abc import Iterator

import msgspec

from envbuild.errors import PlanError, UsageError
from envbuild.fingerprint import Part
from envbuild.project import Prepared, Project
from envbuild.project.exporting import environment_of
from envbuild.project.looking import refuse_stale
from envbuild.project.reading import Selection
from envbuild.project.recorded import as_recorded
from envbuild.project.versions import asked
from envbuild.record import Record
from envbuild.resolve import Environment


class Piece(msgspec.Struct, frozen=True):
    """One environment with all that is known of it; without a version it is what the manifest says now.

    `sources` are the texts it was rendered from; where a record has none, those of now.
    """

    name: str
    version: int | None
    environment: Environment
    lock: str
    fingerprint: str
    parts: tuple[Part, ...]
    sources: dict[str, str]

    @property
    def title(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


def pieces(project: Project, text: str) -> tuple[Piece, ...]:
    """The one that is asked for first, then each that the one before it starts from."""
    name, version = asked(project, text)
    return tuple(_recorded(project, project.record(name, version)) if version else _now(project, name))


def pieces_of(project: Project, record: Record) -> tuple[Piece, ...]:
    """The same of a record."""
    return tuple(_recorded(project, record))


def _now(project: Project, name: str) -> Iterator[Piece]:
    environment = environment_of(project, name)
    selection = Selection((environment.name,))
    every = project.reader.with_bases(selection, project.environments(selection))
    prepared = {one.environment.name: one for one in project.preparer.prepare(every, to_build=True)}
    one: Prepared | None = prepared[environment.name]
    while one:
        refuse_stale(one)
        yield _of_now(project, one)
        one = prepared.get(one.base) if one.base else None


def _of_now(project: Project, one: Prepared) -> Piece:
    if one.fingerprint is None:
        name = one.environment.name
        raise PlanError(f"'{name}' is not locked", one.environment.where_itself, f"run 'envbuild lock {name}'")
    return Piece(
        name=one.environment.name,
        version=None,
        environment=one.environment,
        lock=(project.workspace.text(one.locked.path) or "") if one.locked.path else "",
        fingerprint=one.fingerprint.text,
        parts=one.fingerprint.parts,
        sources=project.jobs().sources(one.environment),
    )


def _recorded(project: Project, record: Record) -> Iterator[Piece]:
    one: Record | None = record
    while one:
        yield _of_record(project, one)
        one = _base(project, one)


def _of_record(project: Project, record: Record) -> Piece:
    environment = as_recorded(record, project.workspace.read)
    sources = record.sources if record.sources is not None else project.jobs().sources(environment)
    return Piece(
        name=record.environment,
        version=record.version,
        environment=environment,
        lock=record.lock,
        fingerprint=record.fingerprint,
        parts=record.parts,
        sources=sources,
    )


def _base(project: Project, record: Record) -> Record | None:
    """The version whose image it started from, by its content."""
    part = next((part for part in record.parts if part.name == "base"), None)
    content = json.loads(part.content).get("environment", "") if part and part.content else ""
    if not content:
        return None
    stated = as_recorded(record, project.workspace.read).node("image", "base", "environment")
    name = getattr(stated, "text", "")
    found = project.state.of_content(name, content)
    if found is None:
        what = f"{record.title} starts from a version of '{name}' that is not in the records"
        raise UsageError(what, hint="export one whose base is on record")
    return found
