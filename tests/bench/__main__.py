"""`python -m tests.bench [--full] [--json] [--only TEXT]`: measures rows and prints their table.

A number that is missed is a measurement, and the exit code stays 0. A command that fails, or a program that is missing
though ENVBUILD_TEST_REQUIRE names it, is a failure. Without --full the sizes are a tenth of the design's, and the
numbers to reach are those for the full ones.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from support.services import how_to_get

from . import bake
from .process import CommandError, place
from .rows import WAITING, Answer, Bench, Question, questions

_HEAD = ("what", "against", "measured", "reach", "", "ours", "theirs")


@dataclass(frozen=True)
class Row:
    question: Question
    answer: Answer | None = None
    problem: str = ""
    failed: bool = False

    @property
    def measured(self) -> float | None:
        if self.answer is None:
            return None
        return self.answer.ours / self.answer.theirs if self.answer.theirs else self.answer.ours

    @property
    def reached(self) -> bool | None:
        return None if self.measured is None else self.measured <= self.question.reach


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    with _work(options.folder) as work:
        bench = _bench(Path(work), full=options.full, no_refresh=options.no_refresh)
        rows = [_row(bench, question) for question in questions(bench) if options.only in question.what]
    waiting = list(WAITING)
    if not bench.huge:
        waiting.append(("no-op plan, 100,000", "only with --full"))
    sys.stdout.write(_as_json(rows, waiting, full=options.full) if options.json else as_table(rows, waiting))
    return int(any(row.failed for row in rows))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure envbuild beside others.")
    parser.add_argument("--full", action="store_true", help="the design's sizes; without it a tenth of them")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows that are called so, in part")
    parser.add_argument("--no-refresh", action="store_true", help="no-op rows without looking at the built prefixes")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="work there, keep it, and use again what is there")
    return parser


def _work(folder: Path | None) -> AbstractContextManager[str | Path]:
    if folder is None:
        return tempfile.TemporaryDirectory(prefix="envbuild-bench-")
    folder.mkdir(parents=True, exist_ok=True)
    return nullcontext(folder.resolve())


def _bench(work: Path, *, full: bool, no_refresh: bool) -> Bench:
    small, large, huge = (1_000, 10_000, 100_000) if full else (100, 1_000, None)
    plan = ("plan", "--no-refresh") if no_refresh else ("plan",)
    return Bench(place(work), bake.find(), small, large, huge, plan)


def _row(bench: Bench, question: Question) -> Row:
    if question.needs and (missing := _missing(question.needs, bench)):
        return Row(question, problem=missing, failed=question.needs in _required())
    sys.stderr.write(f"measuring {question.what}\n")
    try:
        return Row(question, question.ask(bench))
    except CommandError as error:
        return Row(question, problem=str(error), failed=True)


def _missing(service: str, bench: Bench) -> str:
    """How to get what a row needs; nothing where it is there."""
    if service == "buildx":
        return "" if bench.buildx else bake.INSTALL
    return how_to_get(service)


def _required() -> list[str]:
    return [name.strip() for name in os.environ.get("ENVBUILD_TEST_REQUIRE", "").split(",")]


def as_table(rows: list[Row], waiting: list[tuple[str, str]]) -> str:
    lines = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = "".join("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)
    problems = "".join(f"\n{row.question.what}: {row.problem}\n" for row in rows if row.problem)
    left = f"\nNot measured: {'; '.join(f'{what} ({why})' for what, why in waiting)}.\n" if waiting else ""
    return f"{text}{problems}{left}"


def _cells(row: Row) -> tuple[str, ...]:
    unit = row.question.unit
    verdict = {True: "ok", False: "missed", None: "failed" if row.failed else "skipped"}[row.reached]
    theirs = row.answer.theirs if row.answer else None
    return (
        row.question.what,
        row.question.against or "-",
        "-" if row.measured is None else _said(row.measured, unit),
        f"<= {row.question.reach:g} {unit}",
        verdict,
        "-" if row.answer is None else _said(row.answer.ours, row.question.sides if unit == "x" else unit),
        "-" if theirs is None else _said(theirs, row.question.sides),
    )


def _said(value: float, unit: str) -> str:
    if unit == "s" and value < 1:
        return f"{value * 1000:.1f} ms"
    return f"{value:.4f} {unit}" if value < 0.1 else f"{value:.2f} {unit}"


def _as_json(rows: list[Row], waiting: list[tuple[str, str]], *, full: bool) -> str:
    value = {
        "format_version": 1,
        "full": full,
        "rows": [_plain(row) for row in rows],
        "not_measured": [{"what": what, "why": why} for what, why in waiting],
    }
    return json.dumps(value, indent=2) + "\n"


def _plain(row: Row) -> dict[str, Any]:
    question = row.question
    said = {"what": question.what, "against": question.against, "unit": question.unit, "reach": question.reach}
    if row.answer is None:
        return said | {"problem": row.problem, "failed": row.failed}
    return said | {"measured": row.measured, "reached": row.reached} | asdict(row.answer)


if __name__ == "__main__":
    sys.exit(main())
