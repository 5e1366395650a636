"""Records, locks and events as text and JSON."""

from collections.abc import Sequence
from typing import Any

from envbuild.project import Outcome
from envbuild.record import Record
from envbuild.report.terminal import one_line


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
