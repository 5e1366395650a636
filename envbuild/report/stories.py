"""Why environments are built, and were: a plan's step, a version, a history, each with its reasons."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from envbuild.errors import redacted
from envbuild.plan import Action, Step
from envbuild.project.versions import Told
from envbuild.record import Reason, Record
from envbuild.report.ages import age
from envbuild.report.columns import Cell, Column, columns, is_fitting
from envbuild.report.plans import STYLES, reason_object, step_object
from envbuild.report.records import record_object
from envbuild.report.terminal import PLAIN, Look, duration, one_line, plural, wrapped

_INDENT = 4
_FOLDED = 3
_WOULD = {
    "create": "would be built for the first time",
    "rebuild": "would be built anew",
    "restore": "would be built again",
    "adopt": "would be recorded, and nothing built",
    "forget": "would be forgotten with 'envbuild apply --prune'",
}
_REASONS = (Column("", 1, 4, "quiet"), Column("", 3, 20, stays=True), Column("", 2, 10_000, "quiet"))
_VERSIONS = (
    Column("version"),
    Column("age", 1, 10),
    Column("took", 2, 6),
    Column("commit", 3, 11),
    Column("started", 5, 20, "quiet"),
    Column("fingerprint", 4, 14, "quiet"),
)
_LABELLED = (_VERSIONS[0], Column("labels", 1, 8), *_VERSIONS[1:])


def step_text(step: Step, look: Look) -> str:
    """What a plan says of one environment now, with every reason."""
    name = one_line(step.environment)
    if step.action == "keep":
        head = f"{name} is up to date: version {step.version}, {step.fingerprint}"
        more = f"why it was built: envbuild why {name}@{step.version}"
        return "\n".join([*wrapped(head, look, rest="    "), *wrapped(more, look, "    ", "    ")])
    would = "was registered, and would be built" if step.registered and step.action == "create" else _WOULD[step.action]
    head = f"{name} {would}: {_number(step)}."
    return "\n".join([*_answer(head, step.action, look), *reason_lines(step.reasons, look)])


def _answer(text: str, action: Action, look: Look) -> list[str]:
    return [look.paint(line, STYLES[action]) for line in wrapped(text, look, rest="    ")]


def _number(step: Step) -> str:
    if step.version is None:
        was = f"version {step.previous_version} stands, " if step.previous_version else ""
        return f"{was}the next is known after locking"
    if step.previous_version and step.previous_version != step.version:
        return f"version {step.previous_version} -> {step.version}"
    return f"version {step.version}"


def reason_lines(reasons: Sequence[Reason], look: Look) -> list[str]:
    """Part, change and line side by side; where they do not fit, the line below its change, and all of both."""
    rows = [(reason.part, redacted(reason.change), reason.where) for reason in reasons]
    if is_fitting(columns(_REASONS, rows, PLAIN, _INDENT), look):
        return columns(_REASONS, rows, look, _INDENT)
    return [line for reason in reasons for line in _below_each_other(reason, look)]


def _below_each_other(reason: Reason, look: Look) -> list[str]:
    indent, deeper = " " * _INDENT, " " * (_INDENT + 2)
    said = wrapped(one_line(f"{reason.part}: {redacted(reason.change)}"), look, indent, deeper)
    return [*said, *(look.paint(line, "quiet") for line in wrapped(one_line(reason.where), look, deeper, deeper))]


def told_text(told: Told, now: dt.datetime, look: Look) -> str:
    """Why one version was built: what it replaced, when, from which commit, and every reason with its line of then."""
    record = told.record
    name = one_line(record.environment)
    over = f"replaced version {told.previous.version}" if told.previous else _first(record)
    if not record.is_built:
        over = "is registered, and not built yet"
    elif told.action == "adopt":
        over += ", and nothing was built for it"
    when = f"{age(record.started, now)} ({one_line(record.started)}), {_commit_told(record)}"
    lines = [
        *_answer(f"{name}@{record.version} {over}.", told.action, look),
        *wrapped(when, look, " " * _INDENT, " " * _INDENT),
    ]
    return "\n".join([*lines, *reason_lines(told.reasons, look)])


def _first(record: Record) -> str:
    return "is the first build" if record.version == 1 else "is the first build that is on record"


def _commit_told(record: Record) -> str:
    if not record.commit:
        return "no commit"
    return f"commit {one_line(record.commit[:10])}{' with uncommitted changes' if record.dirty else ''}"


def told_object(told: Told) -> dict[str, Any]:
    """The form of a plan's step, as it was then; and when, from which commit."""
    record = told.record
    step = Step(
        environment=record.environment,
        action=told.action,
        builder=record.builder,
        fingerprint=record.fingerprint,
        previous=told.previous.fingerprint if told.previous else None,
        version=record.version,
        after=(),
        reasons=told.reasons,
    )
    return {**step_object(step), "started": record.started, "commit": record.commit, "dirty": record.dirty}


def histories_text(histories: Mapping[str, Sequence[Told]], now: dt.datetime, look: Look, *, verbose: bool) -> str:
    """One as it is; several one after the other, each below its name."""
    told = {
        name: history_text(every, now, look, verbose=verbose) if every else "never built"
        for name, every in histories.items()
    }
    if len(told) == 1:
        return "".join(told.values())
    return "\n\n".join(f"{look.paint(one_line(name), 'strong')}\n{text}" for name, text in told.items())


def history_text(every: Sequence[Told], now: dt.datetime, look: Look, *, verbose: bool) -> str:
    """A line for each version, newest first, and below it why it was built; labels where there are any."""
    shown = _LABELLED if any(one.labels for one in every) else _VERSIONS
    rows = [_version_row(one, now, labelled=shown is _LABELLED) for one in every]
    head, *lines = columns(shown, rows, look)
    told = [head]
    for line, one in zip(lines, every, strict=True):
        told += [line, *_folded(one, look, verbose=verbose)]
    return "\n".join(told)


def _version_row(told: Told, now: dt.datetime, *, labelled: bool) -> tuple[str | Cell, ...]:
    record = told.record
    commit = f"{record.commit[:10]}{'+' if record.dirty else ''}" if record.commit else "no commit"
    return (
        Cell(str(record.version), "strong"),
        *([" ".join(told.labels)] if labelled else []),
        age(record.started, now),
        duration(record.seconds) if record.is_built else "registered",
        commit,
        record.started,
        record.fingerprint[:14],
    )


def _folded(told: Told, look: Look, *, verbose: bool) -> list[str]:
    most = None if verbose or len(told.reasons) <= _FOLDED else _FOLDED
    if most is None:
        return reason_lines(told.reasons, look) if verbose else _in_short(told.reasons, look)
    name = f"{one_line(told.record.environment)}@{told.record.version}"
    more = f"… and {plural(len(told.reasons) - most, 'more reason')}: envbuild why {name}"
    return [*_in_short(told.reasons[:most], look), f"{' ' * _INDENT}{look.paint(look.fit(more, _INDENT), 'quiet')}"]


def _in_short(reasons: Sequence[Reason], look: Look) -> list[str]:
    """A line for each: the change is cropped, then its line left out."""
    rows = [(reason.part, redacted(reason.change), reason.where) for reason in reasons]
    return columns(_REASONS, rows, look, _INDENT)


def history_object(told: Told) -> dict[str, Any]:
    return {**record_object(told.record, told.labels), "reasons": [reason_object(reason) for reason in told.reasons]}
