"""Records, locks and events as text and JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from envbuild.apply import Event
from envbuild.project import Outcome
from envbuild.record import Record
from envbuild.report.terminal import clean, one_line


def record_object(record: Record) -> dict[str, Any]:
    return {
        "environment": record.environment,
        "version": record.version,
        "fingerprint": record.fingerprint,
        "builder": record.builder,
        "reference": record.reference,
        "started": record.started,
        "seconds": record.seconds,
        "commit": record.commit,
        "dirty": record.dirty,
    }


def history_text(records: list[Record]) -> str:
    rows = [
        (
            str(record.version),
            record.started,
            f"{record.seconds:.1f} s",
            record.fingerprint[:14],
            f"{record.commit[:10] or 'no commit'}{'+' if record.dirty else ''}",
        )
        for record in records
    ]
    return table(("version", "started", "took", "fingerprint", "commit"), rows)


def histories_text(histories: Mapping[str, list[Record]]) -> str:
    """One as it is; several one after the other, each below its name."""
    if len(histories) == 1:
        return history_text(next(iter(histories.values())))
    return "\n\n".join(
        f"{one_line(name)}\n{history_text(records) if records else 'never built'}"
        for name, records in histories.items()
    )


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Columns as wide as their widest cell, two spaces apart."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
    return "\n".join(one_line(line).rstrip() for line in lines)


def package_object(package: tuple[str, str, str]) -> dict[str, str]:
    manager, name, version = package
    return {"manager": manager, "name": name, "version": version}


def outcome_object(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.environment,
        "lock": outcome.path or None,
        "result": outcome.did,
        "error": outcome.error.message if outcome.error else None,
    }


def outcomes_text(outcomes: list[Outcome]) -> str:
    lines = [f"{one.environment}  {one.did}  {one.path}" for one in outcomes if one.did in {"solved", "copied"}]
    words = ("solved", "copied", "current", "failed")
    counted = [f"{count} {word}" for word in words if (count := sum(one.did == word for one in outcomes))]
    return "\n".join([*lines, f"Lock: {', '.join(counted) or 'nothing to lock'}."])


def event_lines(event: Event) -> list[str]:
    """One event as plain lines for a log or a pipe."""
    name = event.environment
    match event.kind:
        case "started":
            return [f"{name}: {event.text}"]
        case "progress":
            return [f"{name}:   {one_line(event.text)}"]
        case "done":
            return [f"{name}: done in {event.seconds:.1f} s"]
        case "skipped":
            return [f"{name}: skipped, {one_line(event.text)}"]
    return [f"{name}: failed after {event.seconds:.1f} s", *_failure_lines(event)]


def _failure_lines(event: Event) -> list[str]:
    lines = [f"    {line}" for line in clean(event.text).splitlines()]
    lines += [f"    | {clean(line)}" for line in event.tail]
    return [*lines, f"    log: {one_line(event.log)}"] if event.log else lines
