"""Words that a person wrote and did not mean: misspelt ones, and numbers that are not kept as written."""

import difflib
import re
from collections.abc import Collection, Iterable

from envbuild.document import Scalar

# Text that YAML readers of other versions would take for another value: it has to say what it is.
_DAMAGED = re.compile(
    r"[-+]?(0[0-9_]+|[0-9]+(_[0-9]+)+(\.[0-9_]*)?|[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?|0[xob][0-9a-fA-F_]+|\.inf|\.Inf|\.INF)"
    r"|[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+)|\.nan|\.NaN|\.NAN"
)
_SHOWN_WORDS = 30
_COMPARED = 500


def near(word: str, known: Iterable[str]) -> str:
    """What was probably meant by a misspelt word, if anything; of a path its last part may be meant alone."""
    words = sorted(known)
    asked = word.lower()
    whole = {one.lower(): one for one in words}
    last = {key.rpartition("/")[2]: one for key, one in whole.items()} if "/" not in word else {}
    if exact := whole.get(asked) or last.get(asked):
        return exact
    for spelt in (whole, last):
        close = difflib.get_close_matches(asked, _comparable(asked, spelt), 1, 0.6)
        if close:
            return spelt[close[0]]
    return ""


def _comparable(word: str, known: Collection[str]) -> Collection[str]:
    """Comparing takes a while: of many words only those of about the same length."""
    if len(known) <= _COMPARED:
        return known
    return [one for one in known if abs(len(one) - len(word)) <= 1][:_COMPARED]


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint for a misspelt word."""
    words = sorted(known)
    if found := near(word, words):
        return f"did you mean '{found}'?"
    more = ", …" if len(words) > _SHOWN_WORDS else ""
    return f"known are: {', '.join(words[:_SHOWN_WORDS])}{more}" if words else "there are none yet"


def damaged_number(node: Scalar) -> str | None:
    """Why this scalar may not stand for text without quotes, if so."""
    if node.plain and _DAMAGED.fullmatch(node.text):
        return f"the number {node.text} is not kept as written"
    return None
