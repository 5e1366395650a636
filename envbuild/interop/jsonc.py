"""JSON with comments, as editors keep settings: read with positions, so that one value is changed and no other."""

import json
import re
from typing import Any

import msgspec

from envbuild.errors import Place, UsageError

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_REST = re.compile(r"[^\S\r\n]*(?:/\*[^\r\n]*?\*/[^\S\r\n]*)*(?://[^\r\n]*)?(?=\r?\n)")
_INDENT = re.compile(r"\n([ \t]+)\"")
_DEPTH = 100
_HINT = "correct it, or name another file"


class Held(msgspec.Struct, frozen=True):
    """A value and where it is in the text; `entries` are those of an object, with the place where each name begins."""

    value: Any
    start: int
    end: int
    entries: dict[str, tuple[int, "Held"]] = {}
    last: int = -1  # the end of the last entry or item, if there is one, and of the comma behind it
    comma: int = -1


class _Reader:
    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self.at = 0

    def whole(self) -> Held:
        found = self._value(0)
        self._skip()
        if self.at < len(self._text):
            self._expected("nothing more")
        return found

    def _skip(self) -> str:
        """The letter that is next."""
        found = _SPACE.match(self._text, self.at)
        self.at = found.end() if found else self.at
        return self._text[self.at : self.at + 1]

    def _expected(self, wanted: str) -> None:
        raise UsageError(f"{wanted} is expected here", _place(self._text, self._path, self.at), _HINT)

    def _value(self, depth: int) -> Held:
        letter, start = self._skip(), self.at
        if depth > _DEPTH:
            self._expected("nothing as deep")
        if letter == "{":
            return self._object(depth)
        if letter == "[":
            return self._array(depth)
        found = (_STRING if letter == '"' else _PLAIN).match(self._text, start)
        if found is None:
            self._expected("a value")
            raise AssertionError
        self.at = found.end()
        return Held(self._plain(found[0], start), start, self.at)

    def _plain(self, text: str, start: int) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            self.at = start
            self._expected("a value")

    def _object(self, depth: int) -> Held:
        start, entries, last, comma = self.at, dict[str, tuple[int, Held]](), -1, -1
        self.at += 1
        while self._skip() != "}":
            if entries and comma < 0:
                self._expected("a comma")
            name_at = self.at
            name = self._value(depth).value
            if not isinstance(name, str) or self._skip() != ":":
                self._expected("a name and a colon")
            self.at += 1
            held = self._value(depth + 1)
            entries[name], last = (name_at, held), held.end
            comma = self._comma()
        self.at += 1
        value = {name: held.value for name, (_, held) in entries.items()}
        return Held(value, start, self.at, entries, last, comma)

    def _array(self, depth: int) -> Held:
        start, items, comma = self.at, list[Held](), -1
        self.at += 1
        while self._skip() != "]":
            if items and comma < 0:
                self._expected("a comma")
            items.append(self._value(depth + 1))
            comma = self._comma()
        self.at += 1
        last = items[-1].end if items else -1
        return Held([one.value for one in items], start, self.at, last=last, comma=comma)

    def _comma(self) -> int:
        end = self.at
        if self._skip() == ",":
            self.at += 1
            return self.at
        self.at = end
        return -1


def _place(text: str, path: str, at: int) -> Place:
    return Place(path, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))


def read(text: str, path: str) -> Held:
    """Raises UsageError with the place where it is no JSON, even with comments and commas behind last values."""
    return _Reader(text, path).whole()


def is_empty(text: str) -> bool:
    """Whether there is nothing but comments."""
    found = _SPACE.match(text)  # not `fullmatch`, for which a comment might end at the end of another one
    return found is not None and found.end() == len(text)


def with_value(text: str, path: str, names: tuple[str, ...], value: Any) -> str:
    """The same text with one value; an object that holds it is made where it is missing."""
    found, depth = read(text, path), 0
    for name in names:
        if not isinstance(found.value, dict):
            what = f"'{'.'.join(names[:depth])}' is no object"
            raise UsageError(what, _place(text, path, found.start), _HINT)
        if name not in found.entries:
            for inner in reversed(names[depth + 1 :]):
                value = {inner: value}
            return _behind(text, found, _Entry(f"{json.dumps(name, ensure_ascii=False)}: ", value), depth)
        found, depth = found.entries[name][1], depth + 1
    if json.dumps(found.value) == json.dumps(value):  # not `==`, by which 1 is True
        return text
    return f"{text[: found.start]}{_written(value, text, depth)}{text[found.end :]}"


def with_item(text: str, path: str, names: tuple[str, ...], item: Any) -> str:
    """The same text with one more item in a list."""
    found = read(text, path)
    for name in names:
        found = found.entries[name][1]
    return _behind(text, found, _Entry("", item), len(names))


class _Entry(msgspec.Struct, frozen=True):
    """What an object or a list gets more."""

    head: str
    value: Any

    def text(self, whole: str, depth: int, *, on_a_line: bool) -> str:
        if on_a_line:
            return f"{self.head}{json.dumps(self.value, ensure_ascii=False)}"
        return f"{self.head}{_written(self.value, whole, depth)}"


def _behind(text: str, found: Held, entry: _Entry, depth: int) -> str:
    """Behind the last entry, and behind what is said of it on its line."""
    line, unit = "\r\n" if "\r\n" in text else "\n", _unit(text)
    on_a_line = "\n" not in text[found.start : found.end] and found.last >= 0
    added = entry.text(text, depth + 1, on_a_line=on_a_line)
    if found.last < 0:
        at = found.end - 1
        inner = text[found.start + 1 : at]
        kept = inner.rstrip() if inner.strip() else ""
        return f"{text[: found.start + 1]}{kept}{line}{unit * (depth + 1)}{added}{line}{unit * depth}{text[at:]}"
    comma, behind = ("", found.comma) if found.comma >= 0 else (",", found.last)
    if on_a_line:
        return f"{text[:behind]}{comma} {added}{text[behind:]}"
    rest = _REST.match(text, behind)
    end = rest.end() if rest else behind
    trailing = "," if found.comma >= 0 else ""
    head = f"{text[:behind]}{comma}{text[behind:end]}"
    return f"{head}{line}{unit * (depth + 1)}{added}{trailing}{text[end:]}"


def _written(value: Any, text: str, depth: int) -> str:
    unit, line = _unit(text), "\r\n" if "\r\n" in text else "\n"
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return f"{line}{unit * depth}".join(lines)


def _unit(text: str) -> str:
    found = _INDENT.search(text)
    return found[1] if found else "    "
