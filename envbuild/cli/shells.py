"""What each shell gives us when Tab is pressed, and how it wants its answer: its quoting is not ours to guess later.

An answer's first line is its kind: `words`, `files`, `folders`, or `command N`, where what stands from word N on is a
command of its own. Further lines are words, each with what it is about after a tab.
"""

import re
import sys
from typing import NamedTuple

from envbuild.report.terminal import one_line

Words = list[tuple[str, str]]

_PIECE = re.compile(r"""\\.?|"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"'\\]+""", re.DOTALL)
_WORD = re.compile(f"(?:{_PIECE.pattern})+", re.DOTALL)
_UNSAFE_POWERSHELL = re.compile(r"[^\w./:=%+*-]|^[^\w./*-]")
_ABOUT_CHARACTERS = 100
SEPARATOR = "\x1f"


class Answer(NamedTuple):
    kind: str
    words: Words
    prefix: str = ""
    rest: int = 0


class Typed(NamedTuple):
    """The line up to the cursor.

    Whole words, the word at the cursor without its quotes, the quote that is open there, and the beginning of that
    word which the shell will not replace.
    """

    before: list[str]
    current: str
    quote: str = ""
    kept: str = ""


def read(shell: str, arguments: list[str]) -> Typed:
    """Of bash come its line and the word that it will replace; of the others, words."""
    if shell == "bash":
        return _of_line(arguments[0], arguments[1])
    words = arguments[0].split(SEPARATOR) if shell == "powershell" else arguments
    return Typed(words[:-1], words[-1])


def write(shell: str, answer: Answer, typed: Typed) -> None:
    kind = f"command {answer.rest}" if answer.kind == "command" else answer.kind
    lines = [kind, *_lines(shell, answer, typed)]
    sys.stdout.buffer.write("".join(f"{line}\n" for line in lines).encode())


def _lines(shell: str, answer: Answer, typed: Typed) -> list[str]:
    """Which words fit, zsh and fish choose fits by themselves, in the way that their user has set."""
    safe = [(word, about) for word, about in answer.words if one_line(word) == word and "\t" not in word]
    if shell in {"bash", "powershell"}:
        safe = [(word, about) for word, about in safe if word.startswith(typed.current)]
    if shell == "bash":
        return [_for_bash(word, typed) for word, _ in safe]
    if shell == "powershell":
        return [f"{_for_powershell(word)}\t{word}\t{_about(about)}" for word, about in safe]
    return [f"{word}\t{_about(about)}" if about else word for word, about in safe]


def _about(text: str) -> str:
    """A description on one line, as the shell will print it: with nothing in it that a terminal obeys."""
    shown = one_line(text.replace("\t", " "))
    return shown if len(shown) <= _ABOUT_CHARACTERS else f"{shown[: _ABOUT_CHARACTERS - 1]}…"


def _for_bash(word: str, typed: Typed) -> str:
    """From where bash replaces, and quoted as the quote that is open there asks."""
    part = word[len(typed.kept) :]
    if typed.quote == "'":
        return part.replace("'", "'\\''")
    return re.sub(r'(["$`\\])' if typed.quote else r"([^\w./:=@%+,-])", r"\\\1", part)


def _for_powershell(word: str) -> str:
    doubled = word.replace("'", "''")
    return f"'{doubled}'" if _UNSAFE_POWERSHELL.search(word) else word


def _of_line(line: str, replaced: str) -> Typed:
    """The words of a line of bash up to the cursor, without their quotes; expansions are left as they are written."""
    found = list(_WORD.finditer(line))
    raw = found.pop()[0] if found and found[-1].end() == len(line) else ""
    kept, _ = _unquoted(raw.removesuffix(replaced) if replaced else raw)
    current, quote = _unquoted(raw)
    return Typed([_unquoted(match[0])[0] for match in found], current, quote, kept)


def _unquoted(raw: str) -> tuple[str, str]:
    """What a word of bash stands for, and the quote that it leaves open."""
    value, quote = "", ""
    for piece in (match[0] for match in _PIECE.finditer(raw)):
        quote = ""
        if piece[0] == "\\":
            value += piece[1:]
        elif piece[0] in "'\"":
            closed = len(piece) > 1 and piece[-1] == piece[0]
            quote = "" if closed else piece[0]
            inside = piece[1:-1] if closed else piece[1:]
            value += inside if piece[0] == "'" else re.sub(r'\\(["$`\\])', r"\1", inside)
        else:
            value += piece
    return value, quote
