"""The one place through which text reaches a terminal: nothing that came from data moves a cursor or forges a line."""

import re
import unicodedata
from typing import Literal

import msgspec

from envbuild.written import clean

_COMMAND = re.compile(r"^(\s*)::", re.MULTILINE)

Style = Literal["good", "change", "bad", "other", "quiet", "strong"]
_CODES: dict[Style, str] = {"good": "32", "change": "33", "bad": "31", "other": "36", "quiet": "2", "strong": "1"}
_ELLIPSIS = "…"
_GAP = "  "
_LEAST_ROOM = 24
_LEAST_LINE = 10


class Look(msgspec.Struct, frozen=True):
    """How text is to look where it goes: the width that lines have to fit, if any, and whether colour is wanted."""

    width: int | None = None
    colour: bool = False

    def paint(self, text: str, style: Style) -> str:
        """Text that has been made safe, in a colour; without colour as it is."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and text else text

    def fit(self, text: str, taken: int = 0) -> str:
        """As much of a line as there is room for beside what takes `taken` cells of it."""
        return text if self.width is None else cropped(text, max(1, self.width - taken))

    def narrowed(self, by: int) -> "Look":
        """The same within a margin."""
        return self if self.width is None else Look(max(1, self.width - by), self.colour)

    def beside(self, text: str, place: str) -> str:
        """A text and the place that it is about: the place is kept whole, and stands below where there is no room."""
        if not place:
            return self.fit(text)
        room = None if self.width is None else self.width - cells(place) - len(_GAP)
        if room is None or cells(text) <= room or room >= _LEAST_ROOM:
            shown = text if room is None else cropped(text, room)
            return f"{shown}{_GAP}{self.paint(place, 'quiet')}"
        indent = " " * (len(text) - len(text.lstrip()))
        lines = wrapped(text.lstrip(), self, indent, f"{indent}{_GAP}{_GAP}")
        return "\n".join([*lines, f"{indent}{_GAP}{self.paint(place, 'quiet')}"])


PLAIN = Look()


def one_line(text: str) -> str:
    """Text of data within a line of ours."""
    return clean(text.replace("\n", "\\n"))


def harmless(text: str, *, json: bool = False) -> str:
    """Text for the log of a CI that takes lines for commands: `::` before all else, and `##[` wherever it stands."""
    text = _COMMAND.sub(r"\1:\\:", text)
    return text.replace("##[", "\\u0023#[" if json else "# #[")


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def cropped(text: str, width: int) -> str:
    """A text of at most so many columns, in which a tab is one of them; what was cut off leaves its mark."""
    text = text.replace("\t", " ")
    if cells(text) <= width:
        return text
    kept, taken = [], 0
    for character in text:
        taken += _cells(character)
        if taken > width - 1:
            break
        kept.append(character)
    return f"{''.join(kept).rstrip()}{_ELLIPSIS}"


def wrapped(text: str, look: Look, first: str = "", rest: str = "") -> list[str]:
    """A text that is to be read to its end, over as many lines as it takes; `first` and `rest` begin them."""
    if look.width is None:
        return [f"{first}{text}"]
    width = max(look.width, cells(rest) + _LEAST_LINE) if rest else look.width
    lines, begins = [first], True
    for word in text.split(" "):
        gap = "" if begins else " "
        if cells(lines[-1]) + len(gap) + cells(word) <= width:
            lines[-1] += gap + word
        else:
            lines += [] if begins else [rest]
            *whole, last = _broken(word, width - cells(lines[-1]), width - cells(rest))
            for piece in whole:
                lines[-1] += piece
                lines.append(rest)
            lines[-1] += last
        begins = False
    return [line.rstrip() for line in lines]


def _broken(word: str, first: int, rest: int) -> list[str]:
    """A word in pieces that fit, one character at the least each."""
    pieces, room = [""], first
    for character in word:
        if pieces[-1] and cells(pieces[-1]) + _cells(character) > room:
            pieces.append("")
            room = rest
        pieces[-1] += character
    return pieces


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


_MINUTE, _HOUR = 60, 3600
_SMALLEST_EXACT = 10


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`: as exact as it is of use."""
    if seconds < _SMALLEST_EXACT:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s" if whole % _MINUTE else f"{whole // _MINUTE} min"
    minutes = whole % _HOUR // _MINUTE
    return f"{whole // _HOUR} h {minutes} min" if minutes else f"{whole // _HOUR} h"
