"""Tables that fit: columns give way in an order that is said, are cropped first and left out last."""

from collections.abc import Sequence

import msgspec

from envbuild.report.terminal import Look, Style, cells, cropped, one_line

GAP = 2


class Column(msgspec.Struct, frozen=True):
    """`yields` says in which order columns give way, the highest first; 0 is never left out or cropped.

    A column is cropped down to `least` cells, and left out when that is not enough.
    """

    head: str
    yields: int = 0
    least: int = 8
    style: Style | None = None


class Cell(msgspec.Struct, frozen=True):
    """A text of its own colour."""

    text: str
    style: Style | None = None


Row = Sequence[str | Cell]


def columns(kinds: Sequence[Column], rows: Sequence[Row], look: Look, indent: int = 0) -> list[str]:
    """The heads, if there are any, and below them a line for each row."""
    heads = [Cell(kind.head, "strong") for kind in kinds]
    safe = [[_safe(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in rows]
    every = [heads, *safe] if any(kind.head for kind in kinds) else safe
    widths = [max((cells(row[at].text) for row in every), default=0) for at in range(len(kinds))]
    room = None if look.width is None else max(1, look.width - indent)
    if room is not None:
        _narrow(widths, kinds, room)
    return [f"{' ' * indent}{_line(row, widths, look, room)}".rstrip() for row in every]


def _safe(cell: str | Cell, kind: Column) -> Cell:
    found = cell if isinstance(cell, Cell) else Cell(cell, kind.style)
    return Cell(one_line(found.text), found.style)


def _taken(widths: list[int]) -> int:
    return sum(widths) + GAP * (sum(width > 0 for width in widths) - 1)


def _narrow(widths: list[int], kinds: Sequence[Column], room: int) -> None:
    """Each in its turn is cropped as far as it may be, then they are left out in the same order."""
    turns = sorted((at for at, kind in enumerate(kinds) if kind.yields), key=lambda at: -kinds[at].yields)
    for at in turns:
        over = _taken(widths) - room
        if over > 0 and widths[at]:
            widths[at] = max(min(kinds[at].least, widths[at]), widths[at] - over)
    for at in turns:
        if _taken(widths) > room:
            widths[at] = 0


def _line(row: Sequence[Cell], widths: list[int], look: Look, room: int | None) -> str:
    """What stands last on a line needs no room behind it; what never gives way is cropped where the line ends."""
    shown, left = [], room
    for cell, width in zip(row, widths, strict=True):
        if not width:
            continue
        wide = width if left is None else max(0, min(width, left))
        text = cropped(cell.text, wide) if wide else ""
        padding = " " * (wide - cells(text))
        shown.append(f"{look.paint(text, cell.style) if cell.style else text}{padding}")
        left = None if left is None else left - wide - GAP
    return (" " * GAP).join(shown)
