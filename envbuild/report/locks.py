"""Locks as text and JSON: whether they are current, what became of them, what moved in them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from envbuild.lock import Change, Move
from envbuild.project import Fate, Outcome, Prepared
from envbuild.report.terminal import PLAIN, Look, Style, one_line, plural

_SIGNS = {"added": "+", "removed": "-", "moved": "~"}
_STYLES: dict[str, Style] = {"added": "good", "removed": "bad", "moved": "change"}


def currency_object(one: Prepared) -> dict[str, Any]:
    return {
        "name": one.environment.name,
        "current": one.locked.current,
        "reasons": reason_objects(one.locked.changes),
    }


def reason_objects(changes: Iterable[Change]) -> list[dict[str, Any]]:
    return [{"change": change.text, "where": change.where.line_only} for change in changes]


def reason_lines(changes: Iterable[Change], look: Look) -> list[str]:
    """Why a lock is not current, each with its line."""
    return [look.beside(f"    {one_line(change.text)}", one_line(change.where.line_only)) for change in changes]


def currency_text(prepared: Sequence[Prepared], look: Look = PLAIN) -> str:
    """Each lock that is not current, and why; the sum last."""
    stale = [one for one in prepared if not one.locked.current]
    lines = []
    for one in stale:
        lines.append(look.fit(f"{one_line(one.environment.name)}  not current"))
        lines += reason_lines(one.locked.changes, look)
    sum_of_it = f"{plural(len(prepared) - len(stale), 'lock')} current, {len(stale):,} not."
    return "\n".join([*lines, f"{sum_of_it} Run 'envbuild lock'." if stale else sum_of_it])


def outcome_object(outcome: Outcome, *, moves: bool = False, upgraded: bool = False) -> dict[str, Any]:
    """`upgraded` packages were to move: an environment that has none of them says so by an empty list."""
    told: dict[str, Any] = {"moves": [_move_object(move) for move in outcome.moves]} if moves else {}
    if upgraded:
        told["packages"] = [_fate_object(fate) for fate in outcome.fates]
    return {
        "name": outcome.environment,
        "lock": outcome.path or None,
        "result": outcome.did,
        "error": outcome.error.message if outcome.error else None,
        **told,
    }


def _fate_object(fate: Fate) -> dict[str, Any]:
    return {
        "manager": fate.manager,
        "name": fate.name,
        "result": "stays" if fate.stays else "moved",
        "before": fate.before,
        "now": fate.now or None,
        "where": fate.where.line_only if fate.where else None,
        "platforms": list(fate.platforms),
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


def outcomes_text(
    outcomes: list[Outcome],
    look: Look,
    packages: Iterable[str] = (),
    *,
    moves: bool = False,
    dry_run: bool = False,
    verbose: bool = False,
) -> str:
    """What became of the `packages` that were to move comes first; then each lock, and the sum."""
    lines = [line for package in sorted(packages) for line in _spread(package, outcomes, look, verbose=verbose)]
    for one in outcomes:
        if one.did in {"solved", "copied"} or one.fates:
            lines.append(f"{one.environment}  {one.did}  {one.path}")
            lines += _moves(one.moves, one.platforms, look) if moves else [_moved(fate, look) for fate in _moving(one)]
            lines += [_staying(fate, look) for fate in one.fates if fate.stays]
    words = ("solved", "copied", "current", "failed")
    counted = [f"{count} {word}" for word in words if (count := sum(one.did == word for one in outcomes))]
    end = " Nothing was written." if dry_run else ""
    return "\n".join([*lines, f"Lock: {', '.join(counted) or 'nothing to lock'}.{end}"])


def _spread(package: str, outcomes: list[Outcome], look: Look, *, verbose: bool) -> Iterator[str]:
    """In how many environments a package moved, stayed, or is not; those that do not have it by name where wanted."""
    own = [(one, [fate for fate in one.fates if package in {fate.key, fate.name}]) for one in outcomes]
    has = [fates for _, fates in own if fates]
    moved = sum(any(not fate.stays for fate in fates) for fates in has)
    rest = [one.environment for one, fates in own if not fates and one.did != "failed"]
    told = [f"moved in {plural(moved, 'environment')}"] if moved else []
    told += [f"stays in {plural(len(has) - moved, 'environment')}"] if len(has) > moved else []
    told += [f"{plural(len(rest), 'environment')} {'does' if len(rest) == 1 else 'do'} not have it"] if rest else []
    yield look.fit(f"{one_line(package)}: {', '.join(told) or 'nothing was locked'}.")
    yield from (look.fit(f"    not in {one_line(name)}") for name in rest if verbose)


def _moving(one: Outcome) -> Iterator[Fate]:
    return (fate for fate in one.fates if not fate.stays)


def _moved(fate: Fate, look: Look) -> str:
    text = f"  ~ {one_line(fate.name)}  {one_line(fate.before)} -> {one_line(fate.now) or 'gone'}"
    return look.paint(look.fit(text), "change")


def _staying(fate: Fate, look: Look) -> str:
    text = f"  = {one_line(fate.name)}  stays at {one_line(fate.before)}"
    if not fate.where:
        return look.fit(text)
    return look.beside(f"{text}, as '{one_line(fate.asked)}' asks", fate.where.line_only)


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
