"""rattler's own words: a tree of who asks for what, read for names and versions, and shown in bounds."""

import re
from collections.abc import Iterator

_HEAD = re.compile(r"^Cannot solve the request because of: ")
_LINE = re.compile(r"^(?P<branch>[│├└─ ]*)(?:the constraint )?(?P<name>[a-z0-9_][a-z0-9_.-]*) (?P<rest>.*)$")
_ROOT = re.compile(r"^(?:[├└]─ )?(?:the constraint )?[a-z0-9_][a-z0-9_.-]* .*(?:cannot be|can be) ")
_SHOWN = 30


def headless(words: str) -> str:
    return _HEAD.sub("", words).strip()


def tree(words: str) -> list[str]:
    """The lines to be shown: one for several that say the same, and no more than a person reads."""
    lines: list[str] = []
    for line in filter(str.strip, words.splitlines()):
        if lines and len(line) == len(lines[-1]) and line.lstrip("│├└─ ") == lines[-1].lstrip("│├└─ "):
            lines.pop()
        lines.append(line.rstrip())
    rest = len(lines) - _SHOWN
    return lines if rest <= 1 else [*lines[:_SHOWN], f"… and {rest} lines more"]


def roots(words: str) -> list[str]:
    """The packages that rattler begins with: those that were asked for."""
    return list(dict.fromkeys(name for line, name in _named(words) if _ROOT.match(line)))


def mentioned(words: str) -> list[str]:
    """Every package that a line is about, the roots first."""
    return list(dict.fromkeys([*roots(words), *(name for _, name in _named(words))]))


def _named(words: str) -> Iterator[tuple[str, str]]:
    for line in words.splitlines():
        if found := _LINE.match(line):
            yield line, found["name"]
