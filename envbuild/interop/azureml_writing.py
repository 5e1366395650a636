"""A manifest from a tree whose values know where in the source they are from: texts of several lines stay such."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from envbuild.document import RAW, Entry, Scalar, Value, is_null, written
from envbuild.document import Mapping as Node
from envbuild.document import Sequence as Items
from envbuild.errors import Place

Line = tuple[str, Place | None]
Said = Value | Mapping[str, "Said"] | Sequence["Said"]


def said(text: str, where: Place) -> Scalar:
    """A text of the source as a value of a manifest: nothing in it is for Jinja."""
    return Scalar(where.path, where.line, where.column, RAW if "{{" in text else None, text, plain=False)


def plain(text: str, where: Place) -> Scalar:
    """`true`, `false` and whole numbers."""
    return Scalar(where.path, where.line, where.column, None, text, plain=True)


def kept(node: Value) -> Value:
    """A value of the source as it is, with none of its texts for Jinja."""
    match node:
        case Scalar():
            return node if is_null(node) else said(node.text, node.place)
        case Items():
            return Items(node.path, node.line, node.column, None, tuple(map(kept, node.items)))
    entries = {key: Entry(entry.key, kept(entry.value)) for key, entry in node.entries.items()}
    return Node(node.path, node.line, node.column, None, entries)


def tree(stated: Mapping[str, Said]) -> Node:
    """A mapping of what is stated: keys have the places of their values."""
    found = {key: _node(value) for key, value in stated.items()}
    entries = {key: Entry(_key(key, value), value) for key, value in found.items()}
    first = next(iter(found.values()), None)
    at = (first.path, first.line, first.column) if first else ("", 0, 0)
    return Node(*at, None, entries)


def _key(key: str, value: Value) -> Scalar:
    return Scalar(value.path, value.line, value.column, None, key, plain=False)


def _node(stated: Said) -> Value:
    if isinstance(stated, Scalar | Items | Node):
        return stated
    if isinstance(stated, Mapping):
        return tree(stated)
    items = tuple(map(_node, stated))
    at = (items[0].path, items[0].line, items[0].column) if items else ("", 0, 0)
    return Items(*at, None, items)


def lines_of(root: Node) -> Iterator[Line]:
    yield from _mapping(root, "")


def _mapping(node: Node, indent: str) -> Iterator[Line]:
    for entry in node.entries.values():
        yield from _value(f"{indent}{written(entry.key)}:", entry.value, indent, _place(entry.key))


def _place(node: Value) -> Place | None:
    return node.place if node.line else None


def _value(head: str, node: Value, indent: str, where: Place | None) -> Iterator[Line]:
    match node:
        case Node() if node.entries:
            yield head, where
            yield from _mapping(node, f"{indent}  ")
        case Items() if node.items:
            yield head, where
            for item in node.items:
                yield from _listed(item, f"{indent}  ")
        case Scalar():
            yield from _scalar(head, node, f"{indent}  ")
        case _:
            yield f"{head} {'{}' if isinstance(node, Node) else '[]'}", where


def _listed(item: Value, indent: str) -> Iterator[Line]:
    """A mapping in a list starts on the line of its dash."""
    if not isinstance(item, Node) or not item.entries:
        yield from _value(f"{indent}-", item, indent, _place(item))
        return
    (first, where), *rest = _mapping(item, f"{indent}  ")
    yield f"{indent}- {first.lstrip()}", where
    yield from rest


def _scalar(head: str, node: Scalar, indent: str) -> Iterator[Line]:
    tag = f" {RAW}" if node.tag == RAW else ""
    if chomping := _chomping(node.text):
        yield f"{head}{tag} {chomping}", _place(node)
        for line in node.text.removesuffix("\n").split("\n"):
            yield f"{indent}{line}" if line else "", _place(node)
        return
    yield f"{head}{tag} {written(node)}".rstrip(), _place(node)


def _chomping(text: str) -> str:
    """How a text is written as a block of lines; nothing where it is one line, or would not be read as it is."""
    lines = text.removesuffix("\n").split("\n")
    if "\n" not in text or text[0] in " \t\n" or text.endswith("\n\n") or any("\r" in one for one in lines):
        return ""
    return "|" if text.endswith("\n") else "|-"


def bare(stated: Any) -> Any:
    """Plain data as a tree that is from nowhere, for another tool to read."""
    if isinstance(stated, Mapping):
        entries = {key: Entry(_bare_scalar(key), bare(value)) for key, value in stated.items()}
        return Node("", 0, 0, None, entries)
    if isinstance(stated, list):
        return Items("", 0, 0, None, tuple(map(bare, stated)))
    return _bare_scalar(stated)


def _bare_scalar(stated: str | int) -> Scalar:
    return Scalar("", 0, 0, None, str(stated), plain=not isinstance(stated, str))
