"""What could move in locks, as text and JSON: by environment and package, what is locked, what fits, what there is."""

from collections.abc import Container, Iterator, Sequence
from typing import Any

from envbuild.project import Behind, Outcome
from envbuild.report.columns import Cell, Column, columns
from envbuild.report.locks import reason_lines, reason_objects
from envbuild.report.terminal import Look, one_line, plural

_KINDS = (
    Column("environment", style="strong"),
    Column("package"),
    Column("locked"),
    Column("fits", style="change"),
    Column("newest"),
    Column("held by", yields=1),
)
_UP = frozenset({"up", "build"})
_COUNTED = (
    ("held", "with only held-back ones"),
    ("newest", "up to date"),
    ("unlocked", "without a current lock"),
    ("failed", "failed"),
)


def outdated_object(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.environment,
        "state": _state(outcome),
        "packages": [_package_object(one) for one in outcome.behind],
        "reasons": reason_objects(outcome.why),
        "error": outcome.error.message if outcome.error else None,
    }


def _state(outcome: Outcome) -> str:
    if outcome.did in {"unlocked", "failed"}:
        return outcome.did
    ways = {one.way for one in outcome.behind}
    if ways & _UP:
        return "behind"
    return "ahead" if "down" in ways else "held" if ways else "newest"


def _package_object(one: Behind) -> dict[str, Any]:
    return {
        "manager": one.manager,
        "name": one.name,
        "locked": one.have,
        "fits": one.fits,
        "way": one.way,
        "newest": one.newest or None,
        "held_by": one.held or None,
        "where": one.where.line_only if one.where else None,
        "platforms": list(one.platforms),
    }


def outdated_text(outcomes: Sequence[Outcome], look: Look) -> str:
    """The sum first; then a line for each package that could move, or that there is a newer one of than fits.

    What has no current lock comes last, with why.
    """
    lines = [look.fit(_sum(outcomes))]
    rows = [row for outcome in outcomes for row in _rows(outcome)]
    lines += columns(_KINDS, rows, look) if rows else []
    for one in outcomes:
        if one.did == "unlocked":
            lines += [look.fit(f"{one_line(one.environment)}: no current lock"), *reason_lines(one.why, look)]
    return "\n".join(lines)


def _sum(outcomes: Sequence[Outcome]) -> str:
    held = sum(package.way == "held" for one in outcomes for package in one.behind)
    told = [*_moving(outcomes, _UP, "could move"), *_moving(outcomes, ("down",), "would go down")]
    told += [f"{plural(held, 'package')} held back"] if held else []
    for state, what in _COUNTED:
        own = sum(_state(one) == state for one in outcomes)
        told += [f"{plural(own, 'environment')} {what}"] if own else []
    what_to_do = " Run 'envbuild lock'." if any(one.did == "unlocked" for one in outcomes) else ""
    return f"{', '.join(told) or 'Nothing is locked'}.{what_to_do}"


def _moving(outcomes: Sequence[Outcome], ways: Container[str], what: str) -> Iterator[str]:
    counts = [sum(package.way in ways for package in one.behind) for one in outcomes]
    if sum(counts):
        yield f"{plural(sum(counts), 'package')} of {plural(sum(map(bool, counts)), 'environment')} {what}"


def _rows(outcome: Outcome) -> list[list[str | Cell]]:
    every = {platform for one in outcome.behind for platform in one.platforms}
    found: list[list[str | Cell]] = []
    for one in outcome.behind:
        name = f"pip/{one.name}" if one.manager == "pip" else one.name
        on = f" ({', '.join(one.platforms)})" if set(one.platforms) != every else ""
        held = f"{one.held}  {one.where.line_only}" if one.where else one.held
        found.append([outcome.environment if not found else "", f"{name}{on}", one.have, _fits(one), one.newest, held])
    return found


def _fits(one: Behind) -> str | Cell:
    if one.way == "down":
        return Cell(f"{one.fits} (lower)", "bad")
    return one.fits if one.way in _UP else Cell(one.fits, None)
