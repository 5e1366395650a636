"""Tables that fit: columns give way in an order that is said, cropped where that is enough and left out where not."""

from collections.abc import Sequence

import msgspec

from envbuild.report.terminal import Look, Style, cells, cropped, one_line

GAP = 2


class Column(msgspec.Struct, frozen=True):
    """`yields` says in which order columns give way, the highest first, equal ones together; 0 never does.

    A column is cropped down to `least` cells; where that is not enough it is left out, unless it is to stay.
    """

    head: str
    yields: int = 0
    least: int = 8
    style: Style | None = None
    stays: bool = False


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


def is_fitting(lines: Sequence[str], look: Look) -> bool:
    """Whether lines without colour have room; else side by side says less than one below the other."""
    return look.width is None or all(cells(line) <= look.width for line in lines)


def _safe(cell: str | Cell, kind: Column) -> Cell:
    found = cell if isinstance(cell, Cell) else Cell(cell, kind.style)
    return Cell(one_line(found.text), found.style)


def _taken(widths: list[int]) -> int:
    return sum(widths) + GAP * (sum(width > 0 for width in widths) - 1)


def _narrow(widths: list[int], kinds: Sequence[Column], room: int) -> None:
    for turn in sorted({kind.yields for kind in kinds if kind.yields}, reverse=True):
        own = [at for at, kind in enumerate(kinds) if kind.yields == turn]
        spare = sum(max(0, widths[at] - kinds[at].least) for at in own)
        over = _taken(widths) - room
        if over > spare:
            for at in own:
                widths[at] = min(widths[at], kinds[at].least) if kinds[at].stays else 0
        else:
            _crop(widths, {at: kinds[at].least for at in own}, over)


def _crop(widths: list[int], least: dict[int, int], over: int) -> None:
    """The widest first, so that what is left is shared."""
    for _ in range(max(0, over)):
        widths[max((at for at in least if widths[at] > least[at]), key=lambda at: widths[at])] -= 1


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
