"""A Document is held against a type: every problem is collected, and what is left is plain data of that type.

msgspec stops at the first problem and knows no lines; this walk goes along the same types, so that one definition
checks, converts and (as JSON Schema) completes a file. A text field takes a scalar as written: `3.10` stays `3.10`.

A loose walk is for files that are not rendered yet: it takes a text with `{{ }}` for any value, and gives no value.
"""

import re
from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict
from functools import cache
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

from envbuild.document import RAW, RESET, Mapping, Scalar, Sequence, Value, is_null, plain_value
from envbuild.errors import EnvbuildError, Place
from envbuild.shape.words import damaged_number, nearest
from envbuild.typed import converted
from envbuild.version import __version__

Reader: TypeAlias = Callable[[Value, str, "_Report"], Any]

_OLD_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


class Reading(msgspec.Struct):
    """What one walk found: the value, and everything that is wrong with it."""

    value: Any
    problems: list[EnvbuildError]


def read(node: Value, shape: Any, error: type[EnvbuildError], *, loose: bool = False) -> Reading:
    """Hold a node against a type; the value is only to be used when there are no problems, and none if loose."""
    report = _Report(error, loose=loose)
    value = _reader(shape)(node, "", report)
    return Reading(value, report.problems)


class _Report:
    """Collects what is wrong, so that the walk goes on."""

    def __init__(self, error: type[EnvbuildError], *, loose: bool) -> None:
        self._error = error
        self.loose = loose
        self.problems: list[EnvbuildError] = []

    def __call__(self, what: str, where: Place, hint: str) -> None:
        self.problems.append(self._error(what, where, hint))


def is_rendered(node: Value) -> bool:
    """Whether a scalar holds what Jinja is to replace."""
    return isinstance(node, Scalar) and "{{" in node.text and node.tag != RAW


@cache
def _reader(shape: Any) -> Reader:
    return _reader_of(inspect.type_info(shape))


def _reader_of(info: inspect.Type) -> Reader:
    inner = _strict_reader(info)

    def read_loosely(node: Value, name: str, report: _Report) -> Any:
        return None if report.loose and is_rendered(node) else inner(node, name, report)

    return read_loosely


def _strict_reader(info: inspect.Type) -> Reader:
    match info:
        case inspect.Metadata():
            return _annotated(info)
        case inspect.StructType():
            return _struct(info)
        case inspect.DictType():
            return _dict(_reader_of(info.value_type))
        case inspect.VarTupleType():
            return _tuple(_reader_of(info.item_type))
        case inspect.LiteralType():
            return _literal(tuple(str(value) for value in info.values))
        case inspect.StrType():
            return _matching(info.pattern) if info.pattern else _word if info.min_length else _str
        case inspect.UnionType():
            return _union(info)
    if simple := _SIMPLE.get(type(info)):
        return simple
    raise TypeError(f"no reader for {info}")


def _annotated(info: inspect.Metadata) -> Reader:
    extra = info.extra or {}
    if extra.get("data"):
        return _data
    return _quoted(_strict_reader(info.type)) if extra.get("quoted") else _strict_reader(info.type)


def _data(node: Value, name: str, report: "_Report") -> Any:
    """Plain data of any shape; text that looks like a number has to say what it is."""
    match node:
        case Scalar():
            _report_damaged(node, report)
            return plain_value(node)
        case Sequence():
            return tuple(_data(item, name, report) for item in node.items)
    return {key: _data(entry.value, key, report) for key, entry in node.entries.items()}


def _int(node: Value, name: str, report: "_Report") -> int:
    found = plain_value(node) if isinstance(node, Scalar) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    _wrong(node, name, "a whole number", report)
    return 0


def _matching(pattern: str) -> Reader:
    expression = re.compile(pattern)

    def read_matching(node: Value, name: str, report: _Report) -> str:
        text = _str(node, name, report)
        if text and not expression.search(text):
            report(f"{_quote(name)} cannot be '{text}'", node.place, f"write it in the form {pattern}")
        return text

    return read_matching


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
        if isinstance(node, Scalar):
            _report_damaged(node, report)
        return inner(node, name, report)

    return read_quoted


def _report_damaged(node: Scalar, report: "_Report") -> None:
    if why := damaged_number(node):
        report(why, node.place, f'quote it: "{node.text}"')


def _tuple(inner: Reader) -> Reader:
    def read_tuple(node: Value, name: str, report: _Report) -> tuple[Any, ...]:
        if not isinstance(node, Sequence):
            _wrong(node, name, "a list", report)
            return ()
        for item in node.items:
            if item.tag and item.tag != RAW:
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
    shapes: tuple[tuple[str, ...], ...] = getattr(info.cls, "SHAPES", ())
    excluding: tuple[tuple[str, str], ...] = getattr(info.cls, "EXCLUDES", ())

    def read_struct(node: Value, name: str, report: _Report) -> Any:
        if not isinstance(node, Mapping):
            _wrong(node, name, "a mapping", report)
            return None
        values: dict[str, Any] = {}
        before = len(report.problems)
        for key, entry in node.entries.items():
            inner = fields.get(key)
            if inner is None:
                report(f"unknown key '{key}'", entry.key.place, nearest(key, fields))
            elif key in later:
                report(f"'{key}' is not supported by envbuild {__version__} yet", entry.key.place, later[key])
            elif entry.value.tag != RESET and not is_null(entry.value):
                values[key] = inner(entry.value, key, report)
        _refuse_missing(values, info, node, report)
        _refuse_together(values, excluding, node, report)
        if shapes and len(report.problems) == before and not any(_fits(values, shape) for shape in shapes):
            report(f"{_quote(name)} has keys that do not go together", node.place, f"write {_shown_shapes(shapes)}")
        if report.loose or len(report.problems) > before:
            return None
        return converted(values, info.cls, strict=False)

    return read_struct


def _refuse_together(
    values: Dict[str, Any], excluding: tuple[tuple[str, str], ...], node: Mapping, report: _Report
) -> None:
    for one, other in excluding:
        if one in values and other in values:
            report(f"'{other}' takes the place of '{one}'", node.entries[other].key.place, "keep one of the two")


def _fits(values: Iterable[str], shape: tuple[str, ...]) -> bool:
    """Whether the keys are those of one shape; a key with `?` may be missing."""
    needed = {key for key in shape if not key.endswith("?")}
    return needed <= set(values) <= {key.removesuffix("?") for key in shape}


def _shown_shapes(shapes: tuple[tuple[str, ...], ...]) -> str:
    return " or ".join("{" + ", ".join(key.removesuffix("?") for key in shape) + "}" for shape in shapes)


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
        if null and (is_null(node) or node.tag == RESET):
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
    if isinstance(node, Mapping) and any(key.startswith("-") for key in node.entries):
        return "quote it: a text that ends in ':' is a key"
    if expected == "a list" and isinstance(node, Scalar) and name.isidentifier():
        return f"write {name}: [{node.text}]"
    return f"write {expected}"


def _quote(name: str) -> str:
    return name if " " in name else f"'{name}'" if name else "the file"


_SIMPLE: Dict[type, Reader] = {inspect.BoolType: _bool, inspect.IntType: _int, inspect.AnyType: _any}
