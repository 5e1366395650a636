"""Logs as a terminal shows them: what programs wrote, without what they meant for another screen."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from envbuild.project.logs import Attempt
from envbuild.report.ages import age, size
from envbuild.report.columns import Cell, Column, columns
from envbuild.report.plans import document
from envbuild.report.terminal import Look, Style, duration, plural
from envbuild.written import clean

_STYLES: dict[str, Style] = {"failed": "bad", "interrupted": "change", "running": "other"}
_WHOLE = 10_000  # a part of it is of no use
_COLUMNS = (
    Column("started", 3, _WHOLE),
    Column("age", 1, _WHOLE),
    Column("result"),
    Column("took", 2, _WHOLE),
    Column("size", 4, _WHOLE),
    Column("log", 5, _WHOLE, "quiet"),
)


def attempts_text(found: Sequence[Attempt], now: dt.datetime, look: Look) -> str:
    """The sum first, then a line for each, newest first."""
    failed = sum(one.result == "failed" for one in found)
    told = f"{plural(len(found), 'attempt')} of {found[0].environment}{f', {failed:,} failed' if failed else ''}."
    rows = [
        (
            one.started,
            age(one.started, now),
            Cell(f"version {one.version}" if one.version is not None else one.result, _STYLES.get(one.result)),
            "" if one.seconds is None else duration(one.seconds),
            size(one.size),
            str(one.path),
        )
        for one in found
    ]
    return "\n".join([look.fit(clean(told)), *columns(_COLUMNS, rows, look)])


def attempt_object(one: Attempt, text: str | None = None) -> dict[str, Any]:
    return {
        "environment": one.environment,
        "version": one.version,
        "started": one.started,
        "result": one.result,
        "seconds": one.seconds,
        "size": one.size,
        "path": str(one.path),
        **({} if text is None else {"text": text}),
    }


def attempts_json(found: Sequence[dict[str, Any]]) -> str:
    return document(logs=list(found))
