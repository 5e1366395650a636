"""Errors and notes as a person reads them: where, what, how, and on a terminal the line that is meant."""

from collections.abc import Callable, Sequence
from textwrap import dedent
from typing import Any

from envbuild.difference import ConflictError
from envbuild.errors import EnvbuildError, Note, Place, redacted
from envbuild.report.excerpt import excerpt
from envbuild.report.plans import document, error_object
from envbuild.report.terminal import PLAIN, Look, one_line, plural
from envbuild.written import clean

# How to get the text of a file of the project by its path, to show a line of it; nothing where it cannot be had.
Source = Callable[[str], str | None]

_SHOWN_SOURCES = 20


def error_text(error: EnvbuildError, look: Look = PLAIN, source: Source | None = None) -> str:
    """Every problem; the first ones with their lines on a terminal, and where there are many their sum last."""
    problems = error.problems
    lines: list[str] = []
    for count, problem in enumerate(problems):
        lines += _problem(problem, look, source if count < _SHOWN_SOURCES else None)
    if look.width is not None and len(problems) > _SHOWN_SOURCES:
        lines.append(look.paint(_sum(problems), "strong"))
    return "\n".join(lines)


def error_json(error: EnvbuildError) -> str:
    """An error that ends a command; where two contents are in conflict, with what differs as `diff --json` has it."""
    return document(errors=[_object(problem) for problem in error.problems])


def _object(problem: EnvbuildError) -> dict[str, Any]:
    if not isinstance(problem, ConflictError):
        return error_object(problem)
    from envbuild.report.differences import difference_object

    return {**error_object(problem), "difference": difference_object(problem.difference)}


def _sum(problems: Sequence[EnvbuildError]) -> str:
    files = len({problem.where.path for problem in problems if problem.where})
    return f"{plural(len(problems), 'problem')} in {plural(files, 'file')}."


def _problem(problem: EnvbuildError, look: Look, source: Source | None) -> list[str]:
    """Lines that a message itself breaks are indented, so that none looks like another problem; a tree stays one."""
    first, *rest = clean(problem.message).splitlines() or [""]
    where = look.paint(one_line(str(problem.where)), "strong") if problem.where else look.paint("error", "bad")
    lines = [f"{where}: {first}", *source_lines(problem.where, look, source)]
    lines += [f"    {line}".rstrip() for line in dedent("\n".join(rest)).splitlines() if line.strip()]
    return [*lines, *_hint(problem.hint, look)]


def _hint(hint: str, look: Look) -> list[str]:
    return [look.paint(f"  hint: {one_line(hint)}", "quiet")] if hint else []


def source_lines(where: Place | None, look: Look, source: Source | None) -> list[str]:
    """The line of a place with a mark under what is meant: two lines on a terminal, nothing elsewhere."""
    if where is None or not where.line or look.width is None or source is None:
        return []
    text = source(where.path)
    return excerpt(text, where, look) if text else []


def notes_text(
    notes: Sequence[Note], look: Look = PLAIN, source: Source | None = None, *, are_warnings: bool = False
) -> str:
    """Every note, or warning, as a problem is told, with its kind."""
    lines = []
    for count, note in enumerate(notes):
        where = look.paint(one_line(str(note.where)), "strong")
        kind = look.paint(f"warning {note.kind}", "change") if are_warnings else look.paint(note.kind, "other")
        lines.append(f"{where}: {kind}: {one_line(redacted(note.message))}")
        lines += source_lines(note.where, look, source if count < _SHOWN_SOURCES else None)
        lines += _hint(redacted(note.hint), look)
    return "\n".join(lines)
