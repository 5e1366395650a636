"""What may be printed: each filter gives text that its format reads as one value, whatever the value holds.

Of a Dockerfile a value is never more than a word. Its lines end instructions, so that no word has more than one line;
a `$` is replaced in it, quotes are taken away and what stands behind a backslash is kept, by BuildKit as by a shell.
`quote` writes what both read as the same text; `exec` writes JSON, for commands, in which nothing is replaced.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from envbuild.document import PREFIX

# What means itself, unquoted, to a shell, to BuildKit, and in a list that is separated by blanks.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,][A-Za-z0-9_./:@%+,=-]*")
_ACTIVE = re.compile(r"['\\]")
_ESCAPED = re.compile(r'["$\\]')
_ARGUMENT = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+-]*")
_DIRECTIVE = re.compile(r"\s*[A-Za-z][A-Za-z0-9]*\s*=")
_ENDING = {"Cc", "Cs", "Zl", "Zp"}  # ends a line for some reader, moves a cursor, or is no text

Quoting = Mapping[str, Callable[[Any], str]]


class Instructions(str):
    """A Dockerfile that a person wrote as one: the only text that is printed as it is."""

    __slots__ = ()


def r(value: Any) -> str:
    """A text as one of R, in plain ASCII; which has none with a NUL."""
    text = _text_of_a_word(value)
    return f'"{"".join(_letter_of_r(letter) for letter in text)}"'


def _letter_of_r(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isascii() and letter.isprintable() else f"\\U{{{ord(letter):x}}}"


def python(value: Any) -> str:
    """A text as one of Python, in plain ASCII."""
    return ascii(_shown(value))


def property_(value: Any) -> str:
    """The name of one of Java's properties, in plain ASCII: nothing in it ends it, or begins a comment."""
    return "".join(f"\\{letter}" if letter in " \\:=#!" else _ascii(letter) for letter in _shown(value))


def setting(value: Any) -> str:
    """The value of one, which goes on to the end of its line; blanks before it would be lost.

    The place of the environment stays what it is, for whoever knows it in the end.
    """
    text = _shown(value)
    blanks = len(text) - len(text.lstrip(" "))
    return "\\ " * blanks + PREFIX.join(_escaped_setting(part) for part in text[blanks:].split(PREFIX))


def _escaped_setting(text: str) -> str:
    return "".join("\\\\" if letter == "\\" else _ascii(letter) for letter in text)


def _ascii(letter: str) -> str:
    if letter.isascii() and letter.isprintable():
        return letter
    data = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{data[at : at + 4]}" for at in range(0, len(data), 4))


def yaml(value: Any) -> str:
    """A text as a YAML scalar that no reader can take for anything else."""
    return json.dumps(_shown(value), ensure_ascii=False)


def comment(value: Any) -> str:
    """One line, and none that a Dockerfile's reader takes for an order to itself, as `# syntax=…` is."""
    text = " ".join("".join(" " if ending(letter) else letter for letter in _shown(value)).split())
    return f"- {text}" if _DIRECTIVE.match(text) else text


def quote(value: Any) -> str:
    """One word, of an instruction as of a shell.

    In single quotes nothing is replaced, but BuildKit's two readers differ about a backslash there; in double quotes a
    backslash protects all that is replaced but what a shell runs in backticks.
    """
    text = one_line(_shown(value))
    if _PLAIN.fullmatch(text):
        return text
    if not _ACTIVE.search(text):
        return f"'{text}'"
    if "`" not in text:
        return f'"{_ESCAPED.sub(_escaped, text)}"'
    return "".join(quote(part) if part != "`" else "'`'" for part in re.split("(`)", text) if part)


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def exec_(value: Any) -> str:
    """A command as JSON: of any number of lines, and with no letter that has a meaning to anybody else."""
    words = [_text_of_a_word(word) for word in _listed(value)]
    if not words:
        _unquotable("a command without a word")
    text = ", ".join(json.dumps(word) for word in words)
    return f"[{text}]".replace("<<", "<\\u003c").replace("\x7f", "\\u007f")


def copy(value: Any) -> str:
    """Places of COPY, of which the last is where to."""
    words = [quote(word) for word in _listed(value)]
    if all(_PLAIN.fullmatch(word) for word in words):
        return " ".join(words)
    return exec_(words)


def argument(value: Any) -> str:
    """What needs no quotes: the name of an image, a user, a place that envbuild chose."""
    text = _shown(value)
    if not _ARGUMENT.fullmatch(text):
        _unquotable(f"{text!a} is no plain argument of an instruction")
    return text


def instructions(value: Any) -> str:
    if not isinstance(value, Instructions):
        _unquotable("only 'image.dockerfile' may be printed as instructions")
    return str(value)


def one_line(text: str) -> str:
    """Raises what a template is told, where a text is more than one line for any reader."""
    if found := ending(text):
        _unquotable(f"{text!a} holds {found}, which cannot stand in an instruction")
    return text


def ending(text: str) -> str:
    """What of a text would end a line, or is no letter; nothing of most texts."""
    for letter in text:
        if letter != "\t" and unicodedata.category(letter) in _ENDING:
            return "a line break" if letter in "\n\r\u2028\u2029\x85\x0b\x0c" else f"the character {letter!a}"
    return ""


def _text_of_a_word(word: Any) -> str:
    text = _shown(word)
    if "\x00" in text or any(unicodedata.category(letter) == "Cs" for letter in text):
        _unquotable(f"{text!a} is no word of a command")
    return text


def _listed(value: Any) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        _unquotable("a list of words is wanted")
    words: Sequence[Any] = value
    return words


def _unquotable(what: str) -> NoReturn:
    from jinja2.exceptions import TemplateRuntimeError

    raise TemplateRuntimeError(what)


def _shown(value: Any) -> str:
    from envbuild.sandbox import shown

    return shown(value)


OF_YAML: Quoting = {"yaml": yaml, "comment": comment}
OF_A_DOCKERFILE: Quoting = {
    "argument": argument,
    "comment": comment,
    "copy": copy,
    "exec": exec_,
    "instructions": instructions,
    "quote": quote,
}


OF_R: Quoting = {"r": r, "comment": comment}
OF_PYTHON: Quoting = {"python": python, "comment": comment}
OF_PROPERTIES: Quoting = {"property": property_, "setting": setting, "comment": comment}
_ENDINGS = {".yml": OF_YAML, ".yaml": OF_YAML, ".R": OF_R, ".py": OF_PYTHON, ".conf": OF_PROPERTIES}
EVERY: Quoting = {**OF_A_DOCKERFILE, **OF_YAML, **OF_R, **OF_PYTHON, **OF_PROPERTIES}


def quoting_of(template: str) -> Quoting:
    """What quotes for one format means nothing in another: each has its own filters."""
    ending = template.removesuffix(".j2").rpartition(".")[2]
    return _ENDINGS.get(f".{ending}", OF_A_DOCKERFILE)
