"""Values whose type carries a mark, such as paths: found by walking a tree along its type, and rewritten."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

from msgspec import inspect

from envbuild.document import Entry, Mapping, Scalar, Sequence, Value

Change: TypeAlias = Callable[[str, Scalar], Scalar]
_Walk: TypeAlias = Callable[[Value, Change], Value]


def rewrite_marked(node: Value, shape: Any, mark: str, change: Change) -> Value:
    """The tree with every scalar changed whose type says `extra={mark: kind}`; the rest stays the same object."""
    walk = _walk(shape, mark)
    return walk(node, change) if walk else node


@cache
def _walk(shape: Any, mark: str) -> _Walk | None:
    return _walk_of(inspect.type_info(shape), mark)


def _walk_of(info: inspect.Type, mark: str) -> _Walk | None:
    """None where nothing below is marked, so that most of a tree is never walked."""
    match info:
        case inspect.Metadata():
            kind = (info.extra or {}).get(mark)
            return _scalar(kind) if kind else _walk_of(info.type, mark)
        case inspect.UnionType():
            return _union([walk for part in info.types if (walk := _walk_of(part, mark))])
        case inspect.VarTupleType():
            return _sequence(_walk_of(info.item_type, mark))
        case inspect.DictType():
            return _mapping({}, _walk_of(info.value_type, mark))
        case inspect.StructType():
            walks = {field.encode_name: _walk_of(field.type, mark) for field in info.fields}
            return _mapping({key: walk for key, walk in walks.items() if walk}, None)
    return None


def _kept(node: Value, _change: Change) -> Value:
    return node


def _scalar(kind: str) -> _Walk:
    return lambda node, change: change(kind, node) if isinstance(node, Scalar) else node


def _union(walks: list[_Walk]) -> _Walk | None:
    """Each kind of node has its one part of a union; the others leave it as it is."""
    if not walks:
        return None

    def walk_union(node: Value, change: Change) -> Value:
        return next((found for walk in walks if (found := walk(node, change)) is not node), node)

    return walk_union


def _sequence(inner: _Walk | None) -> _Walk | None:
    if inner is None:
        return None

    def walk_sequence(node: Value, change: Change) -> Value:
        if not isinstance(node, Sequence):
            return node
        items = tuple(inner(item, change) for item in node.items)
        return node if items == node.items else Sequence(node.path, node.line, node.column, node.tag, items)

    return walk_sequence


def _mapping(walks: dict[str, _Walk], every: _Walk | None) -> _Walk | None:
    if not walks and every is None:
        return None

    def walk_mapping(node: Value, change: Change) -> Value:
        if not isinstance(node, Mapping):
            return node
        changed = {}
        for key in node.entries if every else walks.keys() & node.entries.keys():
            entry = node.entries[key]
            value = walks.get(key, every or _kept)(entry.value, change)
            if value is not entry.value:
                changed[key] = Entry(entry.key, value)
        return Mapping(node.path, node.line, node.column, node.tag, {**node.entries, **changed}) if changed else node

    return walk_mapping
