"""JSON as a tree whose values know their lines: what Azure ML's first SDK saves."""

import bisect
import json
import re
from collections.abc import Iterator
from json.decoder import py_scanstring  # type: ignore[attr-defined]

from envbuild.document import LIMIT_DEPTH, Entry, Mapping, Scalar, Sequence, Value
from envbuild.errors import ManifestError, Place

_BLANK = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_PLACE = re.compile(r"[\w.+-]+")


def parse_json(path: str, text: str) -> Mapping:
    """The one object of a file; what is no JSON is told with its place."""
    reader = _Reader(path, text)
    root = reader.value(0)
    reader.end()
    if not isinstance(root, Mapping):
        raise ManifestError("the definition is no JSON object", root.place, "save it with 'save_to_directory'")
    return root


class _Reader:
    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def end(self) -> None:
        self._skip()
        if self._at < len(self._text):
            raise self._broken("something stands behind its end")

    def value(self, depth: int) -> Value:
        self._skip()
        if depth > LIMIT_DEPTH:
            raise self._broken("it is nested too deep")
        match self._text[self._at : self._at + 1]:
            case "{":
                return self._object(depth)
            case "[":
                return self._array(depth)
            case '"':
                return self._string()
        return self._plain()

    def _skip(self) -> None:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _where(self, at: int) -> tuple[str, int, int]:
        line = bisect.bisect_right(self._starts, at)
        return self._path, line, at - self._starts[line - 1] + 1

    def _broken(self, what: str) -> ManifestError:
        where = Place(*self._where(min(self._at, len(self._text))))
        return ManifestError(f"this is not JSON: {what}", where, "mend it, or save the definition again")

    def _object(self, depth: int) -> Mapping:
        where, entries = self._where(self._at), dict[str, Entry]()
        for _ in self._members("}"):
            if self._text[self._at : self._at + 1] != '"':
                raise self._broken("a name in quotes is missing")
            key = self._string()
            self._skip()
            if self._text[self._at : self._at + 1] != ":":
                raise self._broken(f"no ':' stands behind '{key.text}'")
            if key.text in entries:
                raise ManifestError(f"'{key.text}' is said twice", key.place, "keep one of the two")
            self._at += 1
            entries[key.text] = Entry(key, self.value(depth + 1))
        return Mapping(*where, None, entries)

    def _array(self, depth: int) -> Sequence:
        where = self._where(self._at)
        items = tuple(self.value(depth + 1) for _ in self._members("]"))
        return Sequence(*where, None, items)

    def _members(self, closing: str) -> Iterator[None]:
        """Once before each member, from the opening bracket to behind the closing one."""
        self._at += 1
        self._skip()
        while self._text[self._at : self._at + 1] != closing:
            yield
            self._skip()
            match self._text[self._at : self._at + 1]:
                case ",":
                    self._at += 1
                    self._skip()
                    if self._text[self._at : self._at + 1] == closing:
                        raise self._broken(f"nothing stands between ',' and '{closing}'")
                case found if found != closing:
                    raise self._broken(f"neither ',' nor '{closing}' stands behind a value")
        self._at += 1

    def _string(self) -> Scalar:
        where = self._where(self._at)
        try:
            text, self._at = py_scanstring(self._text, self._at + 1)
        except json.JSONDecodeError as error:
            self._at = error.pos
            raise self._broken("a text has no end, or holds what JSON writes otherwise") from None
        return Scalar(*where, None, text, plain=False)

    def _plain(self) -> Scalar:
        match = _PLAIN.match(self._text, self._at)
        if not match or _PLACE.match(self._text, match.end()):
            found = _PLACE.match(self._text, self._at)
            raise self._broken(f"'{found[0]}' is no value" if found else "a value is missing")
        where, self._at = self._where(self._at), match.end()
        return Scalar(*where, None, match[0], plain=True)
