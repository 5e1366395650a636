"""Text as one word of a shell: the one place that quotes for bash, zsh and sh, and for fish."""

import re
from collections.abc import Callable

_HIDDEN = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_NO_TEXT = re.compile("[\ud800-\udfff]")


def posix_word(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def fish_word(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def posix_printed(text: str) -> str:
    """The same for a file that a person may look at: what would move the cursor is written as what it is."""
    return _printed(posix_word(text), lambda octal: f"'\"$(printf '{octal}')\"'", "\\{:03o}")


def fish_printed(text: str) -> str:
    return _printed(fish_word(text), lambda bytes_: f"'{bytes_}'", "\\X{:02x}")


def _printed(word: str, placed: Callable[[str], str], form: str) -> str:
    def hidden(found: re.Match[str]) -> str:
        data = found[0].encode("utf-8", "surrogateescape")
        return placed("".join(form.format(byte) for byte in data))

    return _NO_TEXT.sub(hidden, _HIDDEN.sub(hidden, word))
