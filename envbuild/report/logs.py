"""Logs as a terminal shows them: what programs wrote, without what they meant for another screen."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

from envbuild.errors import redacted
from envbuild.project.logs import Attempt
from envbuild.report.ages import age, size
from envbuild.report.columns import Cell, Column, columns
from envbuild.report.plans import document
from envbuild.report.terminal import Look, Style, clean, duration, plural

_SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and links
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and moves
    r"|\x1b[ -/]*[0-~]"
)
_BACK = "\x08"
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


def log_line(line: str) -> str:
    """One line as it was to be read in the end: what was overwritten is gone, and nothing in it is active."""
    text = _SEQUENCE.sub("", line).rstrip("\r")
    text = text.rpartition("\r")[2] if "\r" in text else text
    return clean(redacted(_retyped(text) if _BACK in text else text))


def _retyped(text: str) -> str:
    kept: list[str] = []
    for character in text:
        if character != _BACK:
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)


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
