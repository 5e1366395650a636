"""The tree of one YAML file: values that know their file, line, column and text as written."""

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from envbuild.errors import Place

OVERRIDE = "!override"
RESET = "!reset"
RAW = "!raw"

# Stands for the place of an environment until a builder knows it; no document may hold these characters.
PREFIX = "\ufdd0prefix\ufdd1"

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")


class Node(msgspec.Struct, frozen=True, gc=False):
    path: str
    line: int
    column: int
    tag: str | None

    @property
    def place(self) -> Place:
        return Place(self.path, self.line, self.column)


class Scalar(Node, frozen=True, gc=False):
    """A text; `plain` where it was written without quotes, `block` where its lines are those of the file below it."""

    text: str
    plain: bool
    block: bool = False


class Sequence(Node, frozen=True):
    items: tuple["Value", ...]


class Entry(msgspec.Struct, frozen=True):
    key: Scalar
    value: "Value"


class Mapping(Node, frozen=True):
    entries: dict[str, Entry]

    def get(self, key: str) -> "Value | None":
        entry = self.entries.get(key)
        return entry.value if entry else None


Value: TypeAlias = Scalar | Sequence | Mapping


class Document(msgspec.Struct, frozen=True):
    """One file; its text is kept for what a tree does not hold: comments."""

    path: str
    root: Mapping
    text: str = ""


def is_null(node: Value) -> bool:
    """Whether nothing is said: an empty value, `~` or `null`."""
    return isinstance(node, Scalar) and node.plain and node.text in {"", "~", "null", "Null", "NULL"}


def plain_value(node: Scalar) -> bool | int | str | None:
    """What a scalar is by YAML 1.2: nothing, a boolean, an integer, or its text."""
    if is_null(node):
        return None
    if node.plain and node.text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return node.text.lower() == "true"
    if node.plain and _INTEGER.fullmatch(node.text):
        return int(node.text)
    return node.text


def plain_data(node: Value) -> Any:
    """A tree as plain data, its scalars by YAML 1.2."""
    match node:
        case Scalar():
            return plain_value(node)
        case Sequence():
            return [plain_data(item) for item in node.items]
    return {key: plain_data(entry.value) for key, entry in node.entries.items()}


def scalars(node: Value) -> Iterator[Scalar]:
    """Every scalar below, in the order written."""
    match node:
        case Scalar():
            yield node
        case Sequence(items=items):
            for item in items:
                yield from scalars(item)
        case Mapping(entries=entries):
            for entry in entries.values():
                yield from scalars(entry.value)
