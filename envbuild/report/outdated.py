"""What could move in locks, as text and JSON: by environment and package, what is locked, what fits, what there is."""

from collections.abc import Sequence
from typing import Any

from envbuild.project import Behind, Outcome
from envbuild.report.columns import Cell, Column, columns
from envbuild.report.terminal import Look, one_line, plural

_KINDS = (
    Column("environment", style="strong"),
    Column("package"),
    Column("locked"),
    Column("fits", style="change"),
    Column("newest"),
    Column("held by", yields=1),
)
_STATES = {"unlocked": "unlocked", "failed": "failed"}


def outdated_object(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.environment,
        "state": _state(outcome),
        "packages": [_package_object(one) for one in outcome.behind],
        "error": outcome.error.message if outcome.error else None,
    }


def _state(outcome: Outcome) -> str:
    return _STATES.get(outcome.did) or ("behind" if any(one.moves for one in outcome.behind) else "newest")


def _package_object(one: Behind) -> dict[str, Any]:
    return {
        "manager": one.manager,
        "name": one.name,
        "locked": one.have,
        "fits": one.fits,
        "newest": one.newest or None,
        "where": one.where.line_only if one.where else None,
        "platforms": list(one.platforms),
    }


def outdated_text(outcomes: Sequence[Outcome], look: Look) -> str:
    """The sum first; then a line for each package that could move, or that there is a newer one of than fits."""
    lines = [look.fit(_sum(outcomes))]
    rows = [row for outcome in outcomes for row in _rows(outcome)]
    lines += columns(_KINDS, rows, look) if rows else []
    lines += [look.fit(f"{one_line(one.environment)}: no current lock") for one in outcomes if one.did == "unlocked"]
    return "\n".join(lines)


def _sum(outcomes: Sequence[Outcome]) -> str:
    moving = [one for one in outcomes if _state(one) == "behind"]
    held = sum(not package.moves for one in outcomes for package in one.behind)
    count = sum(package.moves for one in moving for package in one.behind)
    told = [f"{plural(count, 'package')} of {plural(len(moving), 'environment')} could move"] if count else []
    told += [f"{plural(held, 'package')} held back"] if held else []
    for state, what in (("newest", "up to date"), ("unlocked", "without a current lock"), ("failed", "failed")):
        own = sum(_state(one) == state for one in outcomes)
        told += [f"{plural(own, 'environment')} {what}"] if own else []
    return f"{', '.join(told) or 'Nothing is locked'}."


def _rows(outcome: Outcome) -> list[list[str | Cell]]:
    every = {platform for one in outcome.behind for platform in one.platforms}
    found: list[list[str | Cell]] = []
    for one in outcome.behind:
        name = f"pip/{one.name}" if one.manager == "pip" else one.name
        on = f" ({', '.join(one.platforms)})" if set(one.platforms) != every else ""
        held = f"{one.asked}  {one.where.line_only}" if one.where else ""
        fits = one.fits if one.moves else Cell(one.fits, None)
        found.append([outcome.environment if not found else "", f"{name}{on}", one.have, fits, one.newest, held])
    return found
