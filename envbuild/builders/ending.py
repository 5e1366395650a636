"""What buildx tells behind all steps: the error, and the lines of the Dockerfile that it is about."""

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile

_AT = re.compile(r"\S.*:(\d+)")
_RULE = re.compile(r"-{4,}")
_PARSED = re.compile(r"parse error on line (\d+)", re.IGNORECASE)
_MARKED = re.compile(r" *\d+ \| >>> (.*)")
_ERROR = "ERROR: "
_SOLVE = "failed to solve: "


def error(text: Sequence[str]) -> str:
    """Why it failed, as one line; what comes behind an empty one is about something else."""
    for number, line in enumerate(text):
        if line.startswith(_ERROR):
            told = takewhile(str.strip, text[number:])
            said = " ".join(part.strip() for part in told)
            return said.removeprefix(_ERROR).removeprefix(_SOLVE)
    return ""


def line(text: Sequence[str]) -> int:
    """The Dockerfile's, or 0: its place is shown above a rule; of what does not parse the error tells it."""
    for above, below in pairwise(text):
        if _RULE.fullmatch(below) and (found := _AT.fullmatch(above)):
            return int(found[1])
    found = _PARSED.search(error(text))
    return int(found[1]) if found else 0


def marked(text: Sequence[str]) -> str:
    """The instruction that it is about, where its place is shown."""
    found = (_MARKED.fullmatch(line) for line in text)
    return " ".join(one[1].removesuffix("\\").strip() for one in found if one)


def rest(text: Sequence[str]) -> list[str]:
    """What is told before that, and in no step."""
    ends = (number for number, line in enumerate(text) if _RULE.fullmatch(line) or line.startswith(_ERROR))
    first = next(ends, len(text))
    if first and first < len(text) and _AT.fullmatch(text[first - 1]):
        first -= 1
    return [line for line in text[:first] if line.strip()]
