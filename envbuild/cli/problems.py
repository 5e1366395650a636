"""What is wrong, told to who asked: as text or JSON, with the lines that are meant, and to a CI beside those lines."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.cli.options import Common
from envbuild.errors import EnvbuildError, Note

if TYPE_CHECKING:
    from envbuild.project import Selection
    from envbuild.report.errors import Source
    from envbuild.workspace import Workspace


def tell(common: Common, error: EnvbuildError, *, with_lines: bool = True) -> None:
    """An error that ends a command: with --json as its answer, else on standard error.

    Lines of files that are no project's are not shown: nobody knows what else stands in them.
    """
    from envbuild.report.errors import error_json, error_text

    if common.json:
        common.out(error_json(error))
    else:
        common.warn(error_text(error, common.side_look, source(common) if with_lines else None))
    annotate(common, error.problems)


def source(common: Common) -> "Source":
    """How to get the lines of the project's files; of a file that was changed since we began there are none."""
    workspace = _workspace(common)
    if workspace is None:
        return lambda _path: None
    return cache(lambda path: workspace.source(path, common.began))


def annotate(
    common: Common,
    errors: Sequence[EnvbuildError] = (),
    notes: Sequence[Note] = (),
    warnings: Sequence[Note] = (),
) -> None:
    """In GitHub's CI also beside the lines of the change; on standard error, which its runner reads as well."""
    if not common.in_github:
        return
    from envbuild.report.annotations import error_annotations, note_annotations

    folder = _checked_out(common)
    problems = [problem for error in errors for problem in error.problems]
    warned = note_annotations(warnings, folder, are_warnings=True)
    for text in (error_annotations(problems, folder), warned, note_annotations(notes, folder)):
        if text:
            common.command(text)


def show_notes(common: Common, selection: "Selection") -> None:
    """What is worth knowing though nothing is wrong, below an answer that is asked for in full."""
    from envbuild.project import check
    from envbuild.report.checked import findings_text

    checked = check(common.project(), selection)
    if checked.findings:
        common.out(findings_text(checked, common.look, source(common)))


def _workspace(common: Common) -> "Workspace | None":
    from envbuild.workspace import Workspace, find_root

    try:
        return Workspace(find_root(Path(common.directory)))
    except (EnvbuildError, OSError, ValueError):
        return None


def _checked_out(common: Common) -> str | None:
    """The project's folder below the repository, by which GitHub knows files."""
    workspace, checkout = _workspace(common), os.environ.get("GITHUB_WORKSPACE", "")
    if workspace is None or not checkout:
        return None
    folder = os.path.relpath(os.path.realpath(workspace.root), os.path.realpath(checkout))
    if Path(folder).parts[:1] == (os.pardir,):
        return None
    return "" if folder == os.curdir else folder.replace(os.sep, "/")


def tell_notes(common: Common, notes: "Sequence[Note]") -> None:
    """What the file cannot hold; with --json it stands in the answer."""
    from envbuild.report.errors import notes_text

    if notes and not common.json:
        common.warn(notes_text(notes, common.side_look, source(common)))
    annotate(common, notes=[note for note in notes if note.where.line])
