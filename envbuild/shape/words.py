"""Words that a person wrote and did not mean: misspelt ones, and numbers that are not kept as written."""

import difflib
import re
from collections.abc import Iterable

from envbuild.document import Scalar

# Text that YAML readers of other versions would take for another value: it has to say what it is.
_DAMAGED = re.compile(
    r"[-+]?(0[0-9_]+|[0-9]+(_[0-9]+)+(\.[0-9_]*)?|[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?|0[xob][0-9a-fA-F_]+|\.inf|\.Inf|\.INF)"
    r"|[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+)|\.nan|\.NaN|\.NAN"
)
_SHOWN_WORDS = 30
_COMPARED = 500


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint for a misspelt word."""
    words = sorted(known)
    if len(words) > _COMPARED:
        words = [one for one in words if abs(len(one) - len(word)) <= 1][:_COMPARED]
    if close := difflib.get_close_matches(word.lower(), words, 1, 0.6):
        return f"did you mean '{close[0]}'?"
    more = ", …" if len(words) > _SHOWN_WORDS else ""
    return f"known are: {', '.join(words[:_SHOWN_WORDS])}{more}" if words else "there are none yet"


def damaged_number(node: Scalar) -> str | None:
    """Why this scalar may not stand for text without quotes, if so."""
    if node.plain and _DAMAGED.fullmatch(node.text):
        return f"the number {node.text} is not kept as written"
    return None
