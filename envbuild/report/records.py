"""Records, locks and events as text and JSON."""

from collections.abc import Sequence
from typing import Any

from envbuild.project import Outcome, Prepared, Shown
from envbuild.record import Record
from envbuild.report.columns import Column, columns
from envbuild.report.terminal import Look, one_line, plural, wrapped

_LABEL = 12
_PACKAGES = (Column("package"), Column("version", 1, 8))


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


def shown_object(found: Shown) -> dict[str, Any]:
    return {
        "name": found.name,
        "fingerprint": found.fingerprint,
        "version": found.version,
        "reference": found.reference,
        "builder": found.builder,
        "packages": [
            {"manager": manager, "name": name, "version": version} for manager, name, version in found.packages
        ],
    }


def shown_text(found: Shown, root: str, look: Look) -> str:
    """One environment: what it is now, or was then; its packages below."""
    state = f"version {found.version}" if found.version else "not built yet"
    rows = (
        ("description", found.description),
        ("fingerprint", found.fingerprint or "known after locking"),
        ("builder", found.builder),
        ("reference", found.reference or ""),
        ("project", root),
    )
    told = [
        line
        for label, value in rows
        if value
        for line in wrapped(one_line(value), look, f"  {label.ljust(_LABEL)}", " " * (_LABEL + 2))
    ]
    packages = [(name, version) for _, name, version in found.packages]
    listed = columns(_PACKAGES, packages, look, indent=2) if packages else []
    return "\n".join([*wrapped(f"{one_line(found.name)}  {state}", look), *told, *listed])


def currency_object(one: Prepared) -> dict[str, Any]:
    reasons = [{"change": change.text, "where": change.where.line_only} for change in one.locked.changes]
    return {"name": one.environment.name, "current": one.locked.current, "reasons": reasons}


def currency_text(prepared: Sequence[Prepared], look: Look) -> str:
    """Each lock that is not current, and why; the sum last."""
    stale = [one for one in prepared if not one.locked.current]
    lines = []
    for one in stale:
        lines.append(look.fit(f"{one_line(one.environment.name)}  not current"))
        lines += [
            look.beside(f"    {one_line(change.text)}", one_line(change.where.line_only))
            for change in one.locked.changes
        ]
    sum_of_it = f"{plural(len(prepared) - len(stale), 'lock')} current, {len(stale):,} not."
    return "\n".join([*lines, f"{sum_of_it} Run 'envbuild lock'." if stale else sum_of_it])


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
