"""Locks as text and JSON: whether they are current, what became of them, what moved in them."""

from collections.abc import Iterable, Sequence
from typing import Any

from envbuild.lock import Move
from envbuild.project import Outcome, Prepared
from envbuild.report.terminal import PLAIN, Look, Style, one_line, plural

_SIGNS = {"added": "+", "removed": "-", "moved": "~"}
_STYLES: dict[str, Style] = {"added": "good", "removed": "bad", "moved": "change"}


def currency_object(one: Prepared) -> dict[str, Any]:
    reasons = [{"change": change.text, "where": change.where.line_only} for change in one.locked.changes]
    return {"name": one.environment.name, "current": one.locked.current, "reasons": reasons}


def currency_text(prepared: Sequence[Prepared], look: Look = PLAIN) -> str:
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


def outcome_object(outcome: Outcome, *, moves: bool = False) -> dict[str, Any]:
    told = {"moves": [_move_object(move) for move in outcome.moves]} if moves else {}
    return {
        "name": outcome.environment,
        "lock": outcome.path or None,
        "result": outcome.did,
        "error": outcome.error.message if outcome.error else None,
        **told,
    }


def _move_object(move: Move) -> dict[str, Any]:
    return {
        "manager": move.manager,
        "name": move.name,
        "change": move.kind,
        "before": move.before or None,
        "now": move.now or None,
        "platforms": list(move.platforms),
    }


def outcomes_text(outcomes: list[Outcome], look: Look, *, moves: bool = False, dry_run: bool = False) -> str:
    lines = []
    for one in outcomes:
        if one.did in {"solved", "copied"}:
            lines.append(f"{one.environment}  {one.did}  {one.path}")
            lines += _moves(one.moves, one.platforms, look) if moves else []
    words = ("solved", "copied", "current", "failed")
    counted = [f"{count} {word}" for word in words if (count := sum(one.did == word for one in outcomes))]
    end = " Nothing was written." if dry_run else ""
    return "\n".join([*lines, f"Lock: {', '.join(counted) or 'nothing to lock'}.{end}"])


def _moves(moved: Iterable[Move], every: Iterable[str], look: Look) -> list[str]:
    """One line each; on which platforms is said where it is not all that the lock is for."""
    moved = tuple(moved)
    width = max((len(one_line(move.name)) for move in moved), default=0)
    lines = []
    for move in moved:
        versions = f"{move.before} -> {move.now}" if move.kind == "moved" else move.now or move.before
        on = "" if set(move.platforms) in ({*every}, set()) else f"  ({', '.join(move.platforms)})"
        text = f"  {_SIGNS[move.kind]} {one_line(move.name).ljust(width)}  {one_line(versions)}{on}"
        lines.append(look.paint(look.fit(text), _STYLES[move.kind]))
    return lines
