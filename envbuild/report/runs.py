"""Runs as text and JSON: many in a table, one with all that is known of it, two side by side."""

import datetime as dt
import shlex
from collections.abc import Sequence
from typing import Any

import msgspec

from envbuild.difference import Difference
from envbuild.errors import EnvbuildError
from envbuild.report.ages import age, size
from envbuild.report.columns import Cell, Column, columns
from envbuild.report.differences import difference_object, difference_text
from envbuild.report.plans import document, error_object
from envbuild.report.terminal import Look, Style, duration, one_line, plural, wrapped
from envbuild.runs import Comparison, Entry, Run

_LABEL = 12
_STYLES: dict[str, Style] = {
    "done": "good", "failed": "bad", "killed": "bad", "timed out": "bad", "lost": "bad", "interrupted": "change",
    "running": "other",
}  # fmt: skip
_COLUMNS = (
    Column("run"),
    Column("status"),
    Column("environment", 2, 10),
    Column("experiment", 4),
    Column("age", 5, 10_000),
    Column("took", 3, 10_000),
    Column("command", 1, 12, "quiet", stays=True),
)


def command_text(run: Run) -> str:
    return shlex.join(run.command)


def state_text(run: Run) -> str:
    """Its status, and what that came from."""
    if run.signal:
        return f"{run.status} ({run.signal})"
    return f"{run.status} ({run.code})" if run.status == "failed" else run.status


def runs_text(found: Sequence[Run], now: dt.datetime, look: Look) -> str:
    if not found:
        return "No runs."
    rows = [
        (
            str(one.id),
            Cell(state_text(one), _STYLES.get(one.status)),
            one.title,
            one.experiment,
            age(one.started, now),
            "" if one.seconds is None else duration(one.seconds),
            command_text(one),
        )
        for one in found
    ]
    return "\n".join(columns(_COLUMNS, rows, look))


def run_object(run: Run) -> dict[str, Any]:
    """All that is remembered of it; places below `.envbuild` are nobody's business."""
    found: dict[str, Any] = msgspec.to_builtins(run)
    found["outputs"] = [{"path": one.path, "sha256": one.digest, "size": one.size} for one in run.outputs]
    return {name: None if value == "" else value for name, value in found.items()}


def runs_json(found: Sequence[Run], errors: Sequence[EnvbuildError] = ()) -> str:
    return document(
        runs=[run_object(one) for one in found],
        **({"errors": [error_object(one) for one in errors]} if errors else {}),
    )


def files_json(run: Run, entries: Sequence[Entry]) -> str:
    """Those of its snapshot; a link has what it leads to in place of a digest."""
    files = [
        {"path": one.path, "mode": one.mode, "target" if one.is_link else "sha256": one.content, "size": one.size}
        for one in entries
    ]
    return document(runs=[{"id": run.id, "files": files}])


def stopped_text(before: Sequence[Run], after: Sequence[Run]) -> str:
    """What became of each, and what had before it was asked for."""
    return "\n".join(
        f"Run {now.id} {'is ended' if then.status == 'running' else 'had ended before'}: {state_text(now)}."
        for then, now in zip(before, after, strict=True)
    )


def run_text(run: Run, now: dt.datetime, look: Look) -> str:
    """What became of it first, then what it was, and what is kept of it."""
    took = "" if run.seconds is None else f" after {duration(run.seconds)}"
    rows = (
        ("command", command_text(run)),
        ("environment", run.title),
        ("fingerprint", run.fingerprint),
        ("experiment", run.experiment),
        ("again", f"run {run.again}" if run.again else ""),
        ("started", f"{run.started} ({age(run.started, now)})"),
        ("folder", run.folder),
        ("source", _source(run)),
        ("commit", f"{run.commit}{', with changes' if run.dirty else ''}" if run.commit else ""),
        ("variables", " ".join(run.env)),
        ("log", "" if run.whole_log else "not whole: it could not be written to its end"),
        ("not kept", " ".join(run.left)),
    )
    head = wrapped(f"run {run.id}  {state_text(run)}{took if run.status != 'running' else ''}", look)
    told = [
        line
        for label, value in rows
        if value
        for line in wrapped(one_line(value), look, f"  {label.ljust(_LABEL)}", " " * (_LABEL + 2))
    ]
    outputs = [(one.path, size(one.size)) for one in run.outputs]
    listed = columns((Column("output"), Column("size", 1)), outputs, look, indent=2) if outputs else []
    return "\n".join([*head, *told, *listed])


def _source(run: Run) -> str:
    if run.snapshot is None:
        return "no snapshot"
    return f"{plural(run.snapshot.files, 'file')}, {size(run.snapshot.size)}"


def outputs_text(run: Run, look: Look) -> str:
    rows = [(one.path, size(one.size), one.digest[:12]) for one in run.outputs]
    kinds = (Column("output"), Column("size", 1), Column("sha256", 2, style="quiet"))
    lines = columns(kinds, rows, look) if rows else [f"Run {run.id} left nothing in outputs/ and logs/."]
    return "\n".join([*lines, *(f"not kept: {one_line(path)}" for path in run.left)])


def outputs_json(run: Run) -> str:
    return document(outputs=run_object(run)["outputs"], left=list(run.left))


def removed_text(numbers: Sequence[int], freed: int) -> str:
    return f"{plural(len(numbers), 'run')} forgotten, {size(freed)} freed."


def removed_json(numbers: Sequence[int], freed: int) -> str:
    return document(runs=[{"id": number} for number in numbers], freed=freed)


def comparison_text(found: Comparison, packages: Difference, look: Look, *, verbose: bool) -> str:
    """The environments first, as `diff` has it; then source, parameters and outputs."""
    first, second = f"run {found.first.id}", f"run {found.second.id}"
    lines = [difference_text(packages, look, verbose=verbose)]
    if found.source is None:
        lines += ["", "The sources cannot be compared: one of the runs has no snapshot."]
    for title, rows in (("source", found.source), ("outputs", found.outputs)):
        if rows:
            lines += ["", *columns((Column(title), Column("")), rows, look)]
    if found.words or found.parameters:
        words = [("command", before, after) for before, after in found.words]
        heads = (Column("parameters"), Column(first, 1, 10, stays=True), Column(second, 1, 10, stays=True))
        lines += ["", *columns(heads, [*words, *found.parameters], look)]
    if found.is_equal and found.source is not None:
        lines += ["", "Source, parameters and outputs are the same."]
    return "\n".join(lines)


def comparison_json(found: Comparison, packages: Difference) -> str:
    return document(
        runs=[run_object(found.first), run_object(found.second)],
        environment=difference_object(packages),
        source=None if found.source is None else [{"path": path, "change": word} for path, word in found.source],
        outputs=[{"path": path, "change": word} for path, word in found.outputs],
        parameters=[
            *({"name": "command", "before": before, "after": after} for before, after in found.words),
            *({"name": name, "before": before, "after": after} for name, before, after in found.parameters),
        ],
    )
