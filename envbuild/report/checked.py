"""What `check` says: the answer, what is worth a warning or a note, and the catalogue of all that it looks for."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from envbuild.errors import Note, redacted
from envbuild.project import Checked
from envbuild.report.columns import Cell, Column, columns
from envbuild.report.errors import Source, notes_text
from envbuild.report.excerpt import without_secrets
from envbuild.report.plans import document, error_object
from envbuild.report.terminal import PLAIN, Look, one_line, plural, wrapped
from envbuild.rules import CATALOGUE, Finding

_RULES = (Column("code"), Column("level", 2, 7), Column("what", 1, 20))


def check_text(checked: Checked, look: Look = PLAIN, source: Source | None = None, *, verbose: bool = False) -> str:
    """The answer first, then every warning; notes of one code are folded to one line unless all are asked for."""
    count = len(checked.errors)
    what = f"{plural(count, 'problem')} in" if count else "No problems in"
    warned = f"{plural(len(checked.warnings), 'warning')}, " if checked.warnings else ""
    told = f"{what} {plural(checked.manifests, 'manifest')}, {warned}{plural(len(checked.notes), 'note')}."
    if verbose:
        return "\n".join([told, *([findings_text(checked, look, source)] if checked.findings else [])])
    return "\n".join([told, *_warnings(checked, look, source), *_folded(checked.notes)])


def findings_text(checked: Checked, look: Look = PLAIN, source: Source | None = None) -> str:
    """Warnings first, each in full, as problems are."""
    shown = safe_source(checked, source)
    notes = [notes_text(checked.notes, look, shown)] if checked.notes else []
    return "\n".join([*_warnings(checked, look, source), *notes])


def safe_source(checked: Checked, source: Source | None) -> Source | None:
    """The lines of files, but for what is secret in them."""
    return source and without_secrets(source, checked.secret)


def _warnings(checked: Checked, look: Look, source: Source | None) -> list[str]:
    shown = safe_source(checked, source)
    return [notes_text(checked.warnings, look, shown, are_warnings=True)] if checked.warnings else []


def _folded(notes: Sequence[Note]) -> list[str]:
    counts = Counter(note.kind for note in notes)
    first = {note.kind: note for note in reversed(notes)}
    lines = []
    for kind, count in sorted(counts.items()):
        note = first[kind]
        more = f" (and {count - 1:,} more: -v)" if count > 1 else ""
        lines.append(f"  {kind}: {one_line(redacted(note.message))}  {one_line(note.where.line_only)}{more}")
    return lines


def check_json(checked: Checked) -> str:
    return document(
        manifests=checked.manifests,
        environments=checked.environments,
        errors=[error_object(problem) for error in checked.errors for problem in error.problems],
        warnings=[_finding_object(one) for one in checked.findings if one.level == "warning"],
        notes=[_finding_object(one) for one in checked.findings if one.level == "note"],
    )


def _finding_object(finding: Finding) -> dict[str, Any]:
    note = finding.note
    return {
        "code": note.kind,
        "level": finding.level,
        "path": note.where.path,
        "line": note.where.line,
        "column": note.where.column,
        "message": redacted(note.message),
        "hint": redacted(note.hint),
        "environments": list(finding.environments),
    }


def rules_text(look: Look = PLAIN, *, verbose: bool = False) -> str:
    """A line for each rule; why it matters below it, when that is asked for."""
    rows = [(Cell(one.code, "strong"), one.level, one.what) for one in CATALOGUE]
    head, *lines = columns(_RULES, rows, look)
    if not verbose:
        return "\n".join([head, *lines])
    whys = ["\n".join(wrapped(one.why, look, "    ", "    ")) for one in CATALOGUE]
    return "\n".join([head, *(text for pair in zip(lines, whys, strict=True) for text in pair)])


def rules_json() -> str:
    rules = [{"code": one.code, "level": one.level, "what": one.what, "why": one.why} for one in CATALOGUE]
    return document(rules=rules)
