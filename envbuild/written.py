"""What programs and data have written, as it was meant to be read: nothing in it is active any more."""

import re
from collections.abc import Iterable, Iterator

from envbuild.document import PREFIX
from envbuild.errors import redacted

_SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and links
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and moves
    r"|\x1b[ -/]*[0-~]"
)
LINE_BYTES = 32 * 1024 * 1024
_BACK = "\x08"
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Control characters and changes of direction, shown as what they are; line breaks stay."""
    named = text.replace(PREFIX, "{{ environment.prefix }}")
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", named)


def log_line(line: str) -> str:
    """A line of a program as it was meant to be read: what was overwritten is gone, and nothing in it is active."""
    text = _SEQUENCE.sub("", line).rstrip("\r")
    text = text.rpartition("\r")[2] if "\r" in text else text
    return clean(redacted(_retyped(text) if _BACK in text else text))


def _retyped(text: str) -> str:
    kept: list[str] = []
    for character in text:
        if character != _BACK:
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines of what comes in pieces; one that is longer than any should be comes in pieces itself."""
    rest: list[bytes] = []
    size = 0
    for piece in pieces:
        *whole, last = piece.split(b"\n")
        for line in whole:
            yield b"".join([*rest, line])
            rest, size = [], 0
        rest.append(last)
        size += len(last)
        if size > LINE_BYTES:
            yield b"".join(rest)
            rest, size = [], 0
    if size:
        yield b"".join(rest)
