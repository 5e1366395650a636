"""Environments, values, notes and artifacts as a person looks at them."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from envbuild.errors import Note, redacted
from envbuild.project import Listed
from envbuild.project.looking import State
from envbuild.report.ages import age
from envbuild.report.columns import Cell, Column, columns, is_fitting
from envbuild.report.plans import document
from envbuild.report.terminal import PLAIN, Look, Style, cells, one_line, plural, wrapped
from envbuild.resolve import Explained
from envbuild.written import clean

_COLUMNS = (
    Column("name"),
    Column("state", 2, 10),
    Column("version", 3, 7),
    Column("age", 4, 10),
    Column("builder", 5, 6),
    Column("platforms", 6, 10),
    Column("tags", 7, 10),
    Column("file", 8, 20, "quiet"),
)
_STATES: dict[State, Style] = {
    "up to date": "good",
    "changed": "change",
    "missing": "bad",
    "registered": "other",
    "not built": "other",
    "not locked": "other",
    "refused": "bad",
}


def list_text(rows: Sequence[Listed], now: dt.datetime, look: Look = PLAIN) -> str:
    """One line an environment; the sum of it last."""
    if not rows:
        return "No environments."
    lines = columns(_COLUMNS, [_list_row(one, now) for one in rows], look)
    counts = Counter(one.state for one in rows)
    told = ", ".join(f"{counts[state]:,} {state}" for state in _STATES if counts[state])
    return "\n".join([*lines, *wrapped(f"{plural(len(rows), 'environment')}: {told}.", look)])


def _list_row(one: Listed, now: dt.datetime) -> tuple[str | Cell, ...]:
    return (
        one.name,
        Cell(one.state, _STATES[one.state]),
        str(one.version or "-"),
        age(one.built, now) if one.built else "-",
        one.builder,
        ",".join(one.platforms),
        " ".join(f"{key}={value}" for key, value in sorted(one.tags.items())),
        one.file,
    )


def list_json(rows: Sequence[Listed]) -> str:
    return document(environments=[msgspec.to_builtins(one) for one in rows])


def explain_text(rows: Sequence[Explained], look: Look = PLAIN) -> str:
    """Each value with its line, and below it what it overrode, nearest first; no value is cropped, however narrow."""
    width = max(cells(_said(row)) for row in rows)
    lines: list[str] = []
    for row in rows:
        lines += _with_line(_said(row), one_line(row.where), look, "", width)
        for one in row.overrides:
            lines += _with_line(f"overrides {one_line(redacted(one.value))}", one_line(one.where), look, "    ")
    return "\n".join(lines)


def _with_line(text: str, where: str, look: Look, margin: str, width: int = 0) -> list[str]:
    """A value and its line side by side; where there is no room, one below the other."""
    line = f"{margin}{text}{' ' * (width - cells(text))}  {where}".rstrip()
    if is_fitting([line], look):
        return [line]
    inner = f"{margin}    "
    return [*wrapped(text, look, margin, inner), *(wrapped(where, look, inner, inner) if where else [])]


def _said(row: Explained) -> str:
    value = "(removed)" if row.value is None else redacted(row.value)
    return one_line(f"{row.field}: {value}")


def explain_json(rows: Sequence[Explained]) -> str:
    values = [
        {
            "field": row.field,
            "value": None if row.value is None else redacted(row.value),
            "where": row.where,
            "overrides": [{"value": redacted(one.value), "where": one.where} for one in row.overrides],
        }
        for row in rows
    ]
    return document(values=values)


def note_object(note: Note) -> dict[str, Any]:
    where = note.where
    return {
        "kind": note.kind,
        "path": where.path,
        "line": where.line,
        "column": where.column,
        "message": redacted(note.message),
        "hint": redacted(note.hint),
    }


def artifacts_text(artifacts: Mapping[str, Mapping[str, str]]) -> str:
    """One text as it is; several, each below its name."""
    every = [(name, file, text) for name, files in artifacts.items() for file, text in files.items()]
    if len(every) == 1:
        return clean(every[0][2]).removesuffix("\n")
    return "\n".join(f"==> {one_line(name)}/{file} <==\n{clean(text)}" for name, file, text in every)


def artifacts_json(artifacts: Mapping[str, Mapping[str, str]]) -> str:
    return document(
        environments=[{"name": name, "artifacts": dict(files)} for name, files in artifacts.items()],
    )
