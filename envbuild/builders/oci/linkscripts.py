"""Link scripts, which nothing runs where an image is only assembled: those without which a package is what it is.

Many only say something. What is not known to do no more than that is taken to matter.
"""

import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile

_SAYING = {"echo", "printf", "cat"}
_IDLE = {":", "true"}
_MESSAGES = {"$PREFIX/.messages.txt", "${PREFIX}/.messages.txt"}
_OUT = {"/dev/null", "&1", "&2", "1", "2"}
_SETTING = re.compile(r"set( [-+][a-z]+( pipefail)?)+")
_RUNNING = re.compile(r"`|\$['\"(]|[<>]\(")
_HERE = re.compile(r"<<(?P<dash>-?)\s*(?P<quote>['\"]?)(?P<word>\w+)(?P=quote)")


def matters(script: str) -> bool:
    """Whether it may do more than say something to whoever installs."""
    try:
        return not all(map(_only_says, _lines(script)))
    except ValueError:
        return True


def _lines(script: str) -> Iterator[str]:
    """Its commands, a line each, with what is said in a here-document left out."""
    lines = iter(script.replace("\\\n", " ").splitlines())
    for line in lines:
        here = _HERE.search(line)
        if here:
            body = list(_until(here["word"], lines, strip=bool(here["dash"])))
            if not here["quote"] and any(map(_RUNNING.search, body)):
                raise ValueError(line)
        told = line.replace(here[0], "") if here else line
        if told.strip() and not told.lstrip().startswith("#"):
            yield told.strip()


def _until(word: str, lines: Iterator[str], *, strip: bool) -> Iterator[str]:
    for line in lines:
        if (line.lstrip("\t") if strip else line) == word:
            return
        yield line
    raise ValueError(word)


def _only_says(line: str) -> bool:
    if _SETTING.fullmatch(line) or line in {"exit", "exit 0"}:
        return True
    if _RUNNING.search(line):
        return False
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ""
    first, *words = list(reader) or [":"]
    return first in _IDLE | _SAYING and _goes_nowhere(first, words)


def _goes_nowhere(first: str, words: list[str]) -> bool:
    """Only into the messages, or to whoever looks on."""
    said = list(dropwhile(lambda word: not _is_operator(word), words))
    read = words[: len(words) - len(said)]
    if first == "cat" and read:
        return False
    while said:
        operator, target, *said = [*said, ""] if len(said) == 1 else said
        if operator not in {">", ">>", ">&"} or target not in _MESSAGES | _OUT:
            return False
        said = said[1:] if said[:1] in (["1"], ["2"]) else said
    return True


def _is_operator(word: str) -> bool:
    return bool(word) and set(word) <= set("();<>|&")
