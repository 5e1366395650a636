"""An environment or one of its versions as a project of its own: all that it takes to build that version again.

It is written beside, read again as any project is, and put in its place only if the same content comes of it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from envbuild.errors import EnvbuildError, Note, PlanError, RefusedError, UsageError, WorkspaceError, raise_all
from envbuild.fingerprint import Part
from envbuild.globs import matcher
from envbuild.interop.exports.manifest_files import Files
from envbuild.interop.exports.manifest_pieces import Piece, pieces, pieces_of
from envbuild.lock import lock_path
from envbuild.names import FILE, RESERVED
from envbuild.project import Project, Selection
from envbuild.project.preparing import Prepared
from envbuild.record import Record
from envbuild.resolve import resolved_text
from envbuild.workspace import PRIVATE, Workspace
from envbuild.workspace.writing import hint_of

_HEADING = "# All that {} is built from; written by 'envbuild export manifest'.\n"


class Carried(msgspec.Struct, frozen=True):
    """What stands in the folder now: its files, sorted, and what is to be known of them."""

    name: str
    version: int | None
    fingerprint: str
    files: tuple[str, ...]
    notes: tuple[Note, ...]


def export(project: Project, asked: str, folder: Path) -> Carried:
    """Whole, or not at all."""
    folder = folder.absolute()
    _refuse_full(folder)
    _refuse_among_manifests(project, folder)
    return _exported(project, pieces(project, asked), folder)


def export_record(project: Project, record: Record, folder: Path) -> Carried:
    """The same of a record, wherever it was kept; what has a reserved name has another one there."""
    folder = folder.absolute()
    _refuse_full(folder)
    _refuse_among_manifests(project, folder)
    first, *below = pieces_of(project, record)
    named = msgspec.structs.replace(first, name=first.name.removeprefix(RESERVED))
    return _exported(project, (named, *below), folder)


def _exported(project: Project, every: Sequence[Piece], folder: Path) -> Carried:
    first, *below = every
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise _unwritten(folder, error) from None
    try:
        notes = _write(project, (first, *below), beside)
        _verify(project, (first, *below), beside)
        shutil.rmtree(beside / PRIVATE, ignore_errors=True)
        files = tuple(sorted(path.relative_to(beside).as_posix() for path in beside.rglob("*") if path.is_file()))
        beside.chmod(0o755)
        beside.rename(folder)
    except OSError as error:
        raise _unwritten(folder, error) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Carried(first.name, first.version, first.fingerprint, files, notes)


def _refuse_full(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"'{folder}' is no folder", hint="name one that is empty or new")
    try:
        is_full = folder.is_dir() and any(os.scandir(folder))
    except OSError as error:
        raise _unwritten(folder, error) from None
    if is_full:
        raise UsageError(f"'{folder}' is not empty", hint="name a folder that is empty or new")
    if folder.exists() and folder.samefile("."):
        raise UsageError("the folder that you are in cannot be replaced", hint="name one that is empty or new")


def _refuse_among_manifests(project: Project, folder: Path) -> None:
    """What is written there would be read as manifests of this project."""
    inside = os.path.relpath(folder.resolve(), project.root.resolve()).replace(os.sep, "/")
    if any(matcher(one).fullmatch(f"{inside}/{FILE}") for one in project.settings.manifests):
        raise UsageError(f"'{folder}' lies among the manifests of this project", hint="name a folder elsewhere")


def _unwritten(folder: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(f"'{folder}' cannot be written: {error.strerror}", hint=hint_of(error))


def _write(project: Project, every: Sequence[Piece], beside: Path) -> tuple[Note, ...]:
    """Texts first, then the files of the project; all that is not there any more is told together."""
    target = Workspace(beside)
    for path, text in _texts(every).items():
        target.write(path, text)
    files = Files(project, beside)
    raise_all(problem for piece in every for problem in files.problems(piece))
    return tuple(note for piece in every for note in files.notes(piece))


def _texts(every: Sequence[Piece]) -> dict[str, str]:
    """What is said twice is said alike, or there is no such project."""
    found: dict[str, str] = {}
    for piece in every:
        manifest = f"manifests/{piece.name}.yaml"
        own = {
            **piece.sources,
            manifest: resolved_text(msgspec.structs.replace(piece.environment, path=manifest)),
            **({lock_path(piece.name): piece.lock} if piece.lock else {}),
        }
        for path, text in own.items():
            if found.setdefault(path, text) != text:
                what = f"{piece.title} and {every[0].title}, which starts from it, have different texts in '{path}'"
                raise PlanError(what, hint=f"export what '{every[0].name}' says now")
    heading = _HEADING.format(every[0].title)
    return {**found, FILE: f"{heading}{found.get(FILE, '')}"}


def _verify(project: Project, every: Sequence[Piece], beside: Path) -> None:
    """As whoever gets it will read it."""
    first = every[0]
    copy = Project.load(beside, project.host)
    selection = Selection((first.name,))
    try:
        environments = copy.reader.with_bases(selection, copy.environments(selection))
        prepared = copy.preparer.prepare(environments, to_build=True)
    except EnvbuildError as error:
        problem = error.problems[0]
        what = f"{first.title} cannot stand alone: {problem.message}"
        raise PlanError(what, hint=problem.hint or "export it in another format") from None
    one = next(one for one in prepared if one.environment.name == first.name)
    if one.fingerprint and one.fingerprint.text == first.fingerprint:
        return
    differing = ", ".join(_differing(first, one)) or "its lock"
    what = f"{first.title} cannot be told whole any more: {differing} would not be as it was"
    raise RefusedError(what, hint="restore these in the project as they were then, or register what it says now")


def _differing(piece: Piece, one: Prepared) -> Iterator[str]:
    if one.locked.changes:
        yield f"its lock ({one.locked.changes[0].text})"
    was, now = _digests(piece.parts), _digests(one.fingerprint.parts if one.fingerprint else ())
    if now:
        yield from sorted(
            name.removeprefix("file/") for name in was.keys() | now.keys() if was.get(name) != now.get(name)
        )


def _digests(parts: Sequence[Part]) -> Mapping[str, str]:
    return {part.name: part.digest for part in parts}
