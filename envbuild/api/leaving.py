"""What leaves in another tool's format: the subject of an export, and what became of it."""

from pathlib import Path

import msgspec

from envbuild.interop.exports import FILES, exporter
from envbuild.interop.exports.subject import Exported, Subject, Wish
from envbuild.project import Project
from envbuild.project.exporting import outgoing
from envbuild.workspace import write_folder


def exported(
    project: Project, file_format: str, asked: str, target: Path | None, wish: Wish, *, locked: bool
) -> tuple[Subject, Exported]:
    """NAME or NAME@VERSION; `target` is the file that paths in it are seen from."""
    subject = Subject(outgoing(project, asked, target, locked=locked), wish)
    found = exporter(file_format)(subject)
    notes = tuple(sorted(found.notes, key=lambda note: note.where))
    return subject, msgspec.structs.replace(found, notes=notes)


def write(file_format: str, folder: str, found: Exported, *, force: bool, word: str = "--force") -> None:
    """A folder of files; of those that would be read with them none is left from before."""
    write_folder(Path(folder), found.files, FILES[file_format], force=force, word=word)
