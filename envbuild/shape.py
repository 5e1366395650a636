"""A Document is held against a type: every problem is collected, and what is left is plain data of that type.

msgspec stops at the first problem and knows no lines; this walk goes along the same types, so that one definition
checks, converts and (as JSON Schema) completes a file. A text field takes a scalar as written: `3.10` stays `3.10`.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict
from functools import cache
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

from envbuild import __version__
from envbuild.document import RESET, Mapping, Scalar, Sequence, Value, is_null
from envbuild.errors import EnvbuildError, Place

Reader: TypeAlias = Callable[[Value, str, "_Report"], Any]

# Text that YAML readers of other versions would take for another value: it has to say what it is.
_DAMAGED = re.compile(
    r"[-+]?(0[0-9_]+|[0-9]+(_[0-9]+)+(\.[0-9_]*)?|[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?|0[xob][0-9a-fA-F_]+|\.inf|\.Inf|\.INF)"
    r"|[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+)|\.nan|\.NaN|\.NAN"
)
_SHOWN_WORDS = 30
_OLD_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


class Reading(msgspec.Struct):
    """What one walk found: the value, and everything that is wrong with it."""

    value: Any
    problems: list[EnvbuildError]


def read(node: Value, shape: Any, error: type[EnvbuildError]) -> Reading:
    """Hold a node against a type; the value is only to be used when there are no problems."""
    report = _Report(error)
    value = _reader(shape)(node, "", report)
    return Reading(value, report.problems)


class _Report:
    """Collects what is wrong, so that the walk goes on."""

    def __init__(self, error: type[EnvbuildError]) -> None:
        self._error = error
        self.problems: list[EnvbuildError] = []

    def __call__(self, what: str, where: Place, hint: str) -> None:
        self.problems.append(self._error(what, where, hint))


def nearest(word: str, known: Iterable[str]) -> str:
    """The hint for a misspelt word."""
    words = sorted(known)
    if close := difflib.get_close_matches(word.lower(), words, 1, 0.6):
        return f"did you mean '{close[0]}'?"
    more = ", …" if len(words) > _SHOWN_WORDS else ""
    return f"known are: {', '.join(words[:_SHOWN_WORDS])}{more}" if words else "there are none yet"


def damaged_number(node: Scalar) -> str | None:
    """Why this scalar may not stand for text without quotes, if so."""
    if node.plain and _DAMAGED.fullmatch(node.text):
        return f"the number {node.text} is not kept as written"
    return None


@cache
def _reader(shape: Any) -> Reader:
    return _reader_of(inspect.type_info(shape))


def _reader_of(info: inspect.Type) -> Reader:
    match info:
        case inspect.Metadata():
            return _quoted(_reader_of(info.type)) if (info.extra or {}).get("quoted") else _reader_of(info.type)
        case inspect.StructType():
            return _struct(info)
        case inspect.DictType():
            return _dict(_reader_of(info.value_type))
        case inspect.VarTupleType():
            return _tuple(_reader_of(info.item_type))
        case inspect.LiteralType():
            return _literal(tuple(str(value) for value in info.values))
        case inspect.BoolType():
            return _bool
        case inspect.StrType():
            return _word if info.min_length else _str
        case inspect.UnionType():
            return _union(info)
        case inspect.AnyType():
            return _any
    raise TypeError(f"no reader for {info}")


def _any(node: Value, _name: str, _report: _Report) -> Any:
    return node.text if isinstance(node, Scalar) else ""


def _str(node: Value, name: str, report: _Report) -> str:
    if isinstance(node, Scalar) and not is_null(node):
        return node.text
    _wrong(node, name, "text", report)
    return ""


def _word(node: Value, name: str, report: _Report) -> str:
    text = _str(node, name, report) if not isinstance(node, Scalar) or is_null(node) or node.text.strip() else None
    if text is None:
        report(f"{_quote(name)} is empty", node.place, "write a text, or remove it")
    return text or "-"


def _bool(node: Value, name: str, report: _Report) -> bool:
    if isinstance(node, Scalar) and node.plain:
        if node.text in {"true", "True", "TRUE"}:
            return True
        if node.text in {"false", "False", "FALSE"}:
            return False
        if word := _OLD_BOOLEANS.get(node.text.lower()):
            report(f"'{node.text}' is not a boolean", node.place, f"write {word}")
            return False
    _wrong(node, name, "true or false", report)
    return False


def _literal(values: tuple[str, ...]) -> Reader:
    def read_literal(node: Value, name: str, report: _Report) -> str:
        if isinstance(node, Scalar) and node.text in values:
            return node.text
        if isinstance(node, Scalar) and not is_null(node):
            report(f"{_quote(name)} cannot be '{node.text}'", node.place, nearest(node.text, values))
        else:
            _wrong(node, name, f"one of {', '.join(values)}", report)
        return values[0]

    return read_literal


def _quoted(inner: Reader) -> Reader:
    def read_quoted(node: Value, name: str, report: _Report) -> Any:
        if isinstance(node, Scalar) and (why := damaged_number(node)):
            report(why, node.place, f'quote it: "{node.text}"')
        return inner(node, name, report)

    return read_quoted


def _tuple(inner: Reader) -> Reader:
    def read_tuple(node: Value, name: str, report: _Report) -> tuple[Any, ...]:
        if not isinstance(node, Sequence):
            _wrong(node, name, "a list", report)
            return ()
        for item in node.items:
            if item.tag:
                report(f"{item.tag} stands on the value of a key, never on a list item", item.place, "move it")
        return tuple(inner(item, f"an item of {_quote(name)}", report) for item in node.items)

    return read_tuple


def _dict(inner: Reader) -> Reader:
    def read_dict(node: Value, name: str, report: _Report) -> dict[str, Any]:
        if not isinstance(node, Mapping):
            _wrong(node, name, "a mapping", report)
            return {}
        stated = {key: entry.value for key, entry in node.entries.items() if entry.value.tag != RESET}
        return {key: inner(value, key, report) for key, value in stated.items()}

    return read_dict


def _struct(info: inspect.StructType) -> Reader:
    fields = {field.encode_name: _reader_of(field.type) for field in info.fields}
    later: Dict[str, str] = getattr(info.cls, "LATER", {})

    def read_struct(node: Value, name: str, report: _Report) -> Any:
        if not isinstance(node, Mapping):
            _wrong(node, name, "a mapping", report)
            return None
        values: dict[str, Any] = {}
        before = len(report.problems)
        for key, entry in node.entries.items():
            if inner := fields.get(key):
                if entry.value.tag != RESET and not is_null(entry.value):
                    values[key] = inner(entry.value, key, report)
            elif key in later:
                report(f"'{key}' is not supported by envbuild {__version__} yet", entry.key.place, later[key])
            else:
                report(f"unknown key '{key}'", entry.key.place, nearest(key, fields))
        _refuse_missing(values, info, node, report)
        return msgspec.convert(values, info.cls, strict=False) if len(report.problems) == before else None

    return read_struct


def _refuse_missing(values: Dict[str, Any], info: inspect.StructType, node: Value, report: _Report) -> None:
    missing = [field.encode_name for field in info.fields if field.required and field.encode_name not in values]
    for key in missing:
        report(f"the key '{key}' is missing", node.place, "add it")


def _union(info: inspect.UnionType) -> Reader:
    readers: dict[type, Reader] = {}
    null = False
    for part in info.types:
        bare = part.type if isinstance(part, inspect.Metadata) else part
        match bare:
            case inspect.NoneType():
                null = True
            case inspect.VarTupleType():
                readers[Sequence] = _reader_of(part)
            case inspect.StructType() | inspect.DictType():
                readers[Mapping] = _reader_of(part)
            case _:
                readers[Scalar] = _reader_of(part)
    expected = " or ".join(_KINDS[kind] for kind in readers)

    def read_union(node: Value, name: str, report: _Report) -> Any:
        if null and is_null(node):
            return None
        if reader := readers.get(type(node)):
            return reader(node, name, report)
        _wrong(node, name, expected, report)
        return None

    return read_union


_KINDS: Dict[type, str] = {Scalar: "text", Sequence: "a list", Mapping: "a mapping"}


def _wrong(node: Value, name: str, expected: str, report: _Report) -> None:
    found = "nothing" if is_null(node) else _KINDS[type(node)]
    if isinstance(node, Scalar) and expected == "true or false":
        found = f"'{node.text}'"
    report(f"{_quote(name)} must be {expected}, not {found}", node.place, _example(name, node, expected))


def _example(name: str, node: Value, expected: str) -> str:
    if expected == "a list" and isinstance(node, Scalar) and name.isidentifier():
        return f"write {name}: [{node.text}]"
    return f"write {expected}"


def _quote(name: str) -> str:
    return name if " " in name else f"'{name}'" if name else "the file"
