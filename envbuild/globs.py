"""Globs over paths and names with '/': `*` stays within a folder, `**` crosses folders, `{a,b}` is either."""

import re
from functools import lru_cache

from envbuild.errors import EnvbuildError

LIMIT_ALTERNATIVES = 256
_BRACES = re.compile(r"\{([^{}]*)\}")
_WILD = re.compile(r"[*?\[{]")
_PIECE = re.compile(r"\*\*/|\*\*|\*|\?|\[![^\]]+\]|\[[^\]!][^\]]*\]|[^*?\[]+|\[")
_NOTHING = "(?!)"


def expand_braces(pattern: str) -> list[str]:
    """`a.{b,c}` is `a.b` and `a.c`; Python's own glob does not know this."""
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        one = waiting.pop()
        match = _BRACES.search(one)
        if match is None:
            done.append(one)
        else:
            options = match[1].split(",")
            waiting += [f"{one[: match.start()]}{option}{one[match.end() :]}" for option in reversed(options)]
        if len(waiting) + len(done) > LIMIT_ALTERNATIVES:
            what = f"the glob '{pattern}' has more than {LIMIT_ALTERNATIVES} alternatives"
            raise EnvbuildError(what, hint="write several globs instead")
    return done


def fixed_folder(pattern: str) -> str:
    """The part of a glob before its first wildcard: where to look, and what names leave out."""
    wild = _WILD.search(pattern)
    return pattern[: wild.start()].rpartition("/")[0] if wild else pattern.rpartition("/")[0]


def is_glob(text: str) -> bool:
    return bool(_WILD.search(text))


@lru_cache(maxsize=256)
def matcher(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression."""
    return re.compile(
        "|".join("".join(map(_translate, _PIECE.findall(one))) for one in expand_braces(pattern)), re.DOTALL
    )


def _translate(piece: str) -> str:
    match piece:
        case "**/":
            return "(?:[^/]+/)*"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if piece.startswith("[") and piece.endswith("]"):
        return _one_of(piece[1:-1])
    return re.escape(piece)


def _one_of(inside: str) -> str:
    """A set of characters; a range that runs backwards holds none, and no set holds '/'."""
    negated = inside.startswith("!")
    held = "".join(_ranges(inside.removeprefix("!")))
    if negated:
        return f"[^/{held}]"
    return f"(?!/)[{held}]" if held else _NOTHING


def _ranges(characters: str) -> list[str]:
    found = []
    at = 0
    while at < len(characters):
        if characters[at + 1 : at + 2] == "-" and at + 2 < len(characters):
            first, last = characters[at], characters[at + 2]
            if first <= last:
                found.append(f"{_literal(first)}-{_literal(last)}")
            at += 3
        else:
            found.append(_literal(characters[at]))
            at += 1
    return found


def _literal(character: str) -> str:
    return f"\\{character}" if character in "\\^[]&~|-" else character
