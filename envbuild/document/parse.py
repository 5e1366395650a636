"""Text becomes a Document: a tree of YAML values in which each knows its file, line, column and the text as written.

One pass over the C parser's events builds the tree and holds the bounds, so that nothing large, deep or ambiguous is
ever built. What YAML readers disagree on is refused here, with the way to write it plainly.
"""

import contextlib
import re
import threading
from collections.abc import Iterable
from typing import Any, NoReturn

import msgspec

from envbuild.document.values import OVERRIDE, RAW, RESET, Document, Entry, Mapping, Scalar, Sequence, Value, is_null
from envbuild.errors import DocumentError, Place

LIMIT_BYTES = 1024 * 1024
LIMIT_DEPTH = 50
LIMIT_NODES = 100_000

_TAGS = {None, OVERRIDE, RESET, RAW, "!"}
_CORE_TAGS = {
    "ScalarEvent": "tag:yaml.org,2002:str",
    "MappingStartEvent": "tag:yaml.org,2002:map",
    "SequenceStartEvent": "tag:yaml.org,2002:seq",
}

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufdd0-\ufdef\ufffe\uffff]")
_QUOTE_BRACES = 'write it in quotes: "{{ … }}"'
_THREAD = threading.local()
_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def parse(path: str, data: bytes) -> Document:
    """Read one YAML file; `path` is how messages name it."""
    from ruamel.yaml.error import MarkedYAMLError

    text = decode(path, data)
    _refuse_control_characters(path, text)
    try:
        with contextlib.closing(parser().parse(text)) as events:
            root = _Builder(path).build(events)
    except MarkedYAMLError as error:
        _refuse_syntax(path, text, error)
    if root is None:
        root = Mapping(path, 1, 1, None, {})
    if root.tag:
        raise DocumentError(f"{root.tag} stands on the value of a key", root.place, "remove it")
    if not isinstance(root, Mapping):
        raise DocumentError("the file must be a mapping of keys to values", root.place, "write 'key: value' lines")
    return Document(path, root, text)


def parser() -> Any:
    """One for each thread: making one costs as much as reading a small file."""
    from ruamel.yaml import YAML

    if not hasattr(_THREAD, "parser"):
        _THREAD.parser = YAML(typ="safe")
    _THREAD.parser.doc_infos.clear()
    return _THREAD.parser


def decode(path: str, data: bytes) -> str:
    """UTF-8, or UTF-16 with a byte order mark; within the size that a file may have."""
    if len(data) > LIMIT_BYTES:
        raise DocumentError(
            f"the file is larger than {LIMIT_BYTES // 1024} KiB",
            Place(path, 1, 1),
            "split it; parents are named by 'extends'",
        )
    mark, encoding = next((pair for pair in _BYTE_ORDER_MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    text = data[len(mark) :]
    try:
        return _lines_ended(text.decode(encoding))
    except UnicodeDecodeError as error:
        line = _lines_ended(text[: error.start].decode(encoding, "replace")).count("\n") + 1
        raise DocumentError("the file is not UTF-8 text", Place(path, line, 1), "save it as UTF-8") from None


def _lines_ended(text: str) -> str:
    """With one kind of line break, so that every reader of a file counts the same lines."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_control_characters(path: str, text: str) -> None:
    if found := _FORBIDDEN.search(text):
        start = text.rfind("\n", 0, found.start()) + 1
        place = Place(path, text.count("\n", 0, found.start()) + 1, found.start() - start + 1)
        raise DocumentError(_unprintable(found.group()), place, "remove it")


def unprintable(text: str) -> str:
    """Why a text may not stand in a file, if so."""
    found = _FORBIDDEN.search(text)
    return _unprintable(found.group()) if found else ""


def _unprintable(character: str) -> str:
    return f"the character U+{ord(character):04X} may not stand in a file"


def _refuse_syntax(path: str, text: str, error: Any) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    last = text.count("\n") + 1
    place = Place(path, min(mark.line + 1, last), mark.column + 1) if mark else Place(path)
    what = error.problem or error.context or "this is not YAML"
    if "tab" in what or text[mark.index : mark.index + 1] == "\t":
        raise DocumentError("a tab may not indent", place, "indent with spaces") from None
    if mark and "{{" in text.split("\n")[place.line - 1][: mark.column + 2]:
        raise DocumentError("'{{' stands in a value that is not quoted", place, _QUOTE_BRACES) from None
    if "unexpected ':'" in what:
        hint = 'quote the value: "https://…"'
        raise DocumentError("a ':' stands within brackets and outside of quotes", place, hint) from None
    if "mapping values are not allowed" in what:
        raise DocumentError("a ': ' stands where no key can", place, "quote the value, or mend the indent") from None
    raise DocumentError(f"this is not YAML: {what}", place, "quote text that holds special characters") from None


class _Frame:
    """A collection that is still open."""

    def __init__(self, event: Any, nodes_before: int) -> None:
        self.event = event
        self.nodes_before = nodes_before
        self.height = 1
        self.items: list[Value] = []
        self.entries: dict[str, Entry] = {}
        self.key: Scalar | None = None

    @property
    def is_mapping(self) -> bool:
        return type(self.event).__name__ == "MappingStartEvent"


class _Anchored(msgspec.Struct, frozen=True):
    node: Value
    nodes: int
    height: int


class _Builder:
    """Events in, one tree out; a stack of its own, so that depth never becomes recursion."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored] = {}
        self.nodes = 0
        self.root: Value | None = None

    def build(self, events: Iterable[Any]) -> Value | None:
        for event in events:
            match type(event).__name__:
                case "ScalarEvent":
                    self._scalar(event)
                case "MappingStartEvent" | "SequenceStartEvent":
                    self._open(event)
                case "MappingEndEvent" | "SequenceEndEvent":
                    self._close()
                case "AliasEvent":
                    self._alias(event)
                case "DocumentStartEvent":
                    self._document(event)
        return self.root

    def _document(self, event: Any) -> None:
        if event.version or event.tags:
            self._refuse("YAML directives are not read", event, "remove the line that starts with '%'")
        if self.root is not None:
            self._refuse("a file holds one document", event, "remove the '---', or make it two files")

    def _scalar(self, event: Any) -> None:
        self._count(event, 1, 1)
        self._check_tag(event)
        if found := _FORBIDDEN.search(event.value):
            self._refuse(_unprintable(found.group()), event, "remove the escape")
        mark = event.start_mark
        plain = not event.style and event.tag in {None, RESET, OVERRIDE}
        at = (self.path, mark.line + 1, mark.column + 1)
        node = Scalar(*at, _own_tag(event.tag), event.value, plain, event.style == "|")
        if node.tag == RESET and not is_null(node):
            self._refuse_value(event)
        self._anchor(event, node, 1, 1)
        self._add(node)

    def _open(self, event: Any) -> None:
        self._count(event, 1, 1)
        self._check_tag(event)
        if event.tag == RAW:
            self._refuse("!raw stands before a text", event, "write it before each text that holds braces")
        if self.stack and self.stack[-1].is_mapping and self.stack[-1].key is None:
            self._refuse_key(event)
        self.stack.append(_Frame(event, self.nodes - 1))

    def _close(self) -> None:
        frame = self.stack.pop()
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, frame.height + 1)
        mark, tag = frame.event.start_mark, _own_tag(frame.event.tag)
        if tag == RESET and (frame.items or frame.entries):
            self._refuse_value(frame.event)
        node: Value
        if frame.is_mapping:
            node = Mapping(self.path, mark.line + 1, mark.column + 1, tag, frame.entries)
        else:
            node = Sequence(self.path, mark.line + 1, mark.column + 1, tag, tuple(frame.items))
        self._anchor(frame.event, node, self.nodes - frame.nodes_before, frame.height)
        self._add(node)

    def _alias(self, event: Any) -> None:
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            self._refuse(f"no anchor '&{event.anchor}' stands before this", event, "define it first")
        self._count(event, anchored.nodes, anchored.height)
        if self.stack and self.stack[-1].is_mapping and self.stack[-1].key is None:
            self._refuse("an alias cannot be a key", event, "write the key itself")
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, anchored.height + 1)
        self._add(anchored.node)

    def _add(self, node: Value) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        if not frame.is_mapping:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(frame, node)
        else:
            frame.entries[frame.key.text] = Entry(frame.key, node)
            frame.key = None

    def _key(self, frame: _Frame, node: Value) -> Scalar:
        if not isinstance(node, Scalar):
            self._refuse_key(frame.event)
        if node.plain and node.text == "<<":
            raise DocumentError("merge keys ('<<') are not read", node.place, "name a parent with 'extends'")
        if is_null(node) or node.tag:
            raise DocumentError("a key must be plain text", node.place, "write 'key: value'")
        if first := frame.entries.get(node.text):
            raise DocumentError(
                f"the key '{node.text}' stands twice",
                node.place,
                f"keep one of the two: the first is at line {first.key.line}",
            )
        return node

    def _anchor(self, event: Any, node: Value, nodes: int, height: int) -> None:
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(node, nodes, height)

    def _count(self, event: Any, nodes: int, height: int) -> None:
        self.nodes += nodes
        if self.nodes > LIMIT_NODES:
            self._refuse(f"more than {LIMIT_NODES:,} values", event, "use fewer aliases, or split the file")
        if len(self.stack) + height > LIMIT_DEPTH:
            self._refuse(f"nested more than {LIMIT_DEPTH} deep", event, "write it flatter")

    def _in_flow(self) -> bool:
        return bool(self.stack) and bool(self.stack[-1].event.flow_style)

    def _refuse(self, what: str, event: Any, hint: str) -> NoReturn:
        mark = event.start_mark
        raise DocumentError(what, Place(self.path, mark.line + 1, mark.column + 1), hint)

    def _check_tag(self, event: Any) -> None:
        if event.tag in _TAGS or event.tag == _CORE_TAGS[type(event).__name__]:
            return
        if event.tag in _CORE_TAGS.values():
            self._refuse("the tag is for another kind of value", event, "remove it")
        self._refuse(f"unknown tag '{event.tag}'", event, "use one of !override, !reset and !raw")

    def _refuse_value(self, event: Any) -> NoReturn:
        self._refuse("!reset takes no value", event, "write '!reset' alone; to replace, '!override'")

    def _refuse_key(self, event: Any) -> NoReturn:
        if event.flow_style and type(event).__name__ == "MappingStartEvent" and self._in_flow():
            self._refuse("'{{' starts a value that is not quoted", event, _QUOTE_BRACES)
        self._refuse("a key must be plain text", event, "write 'key: value'")


def _own_tag(tag: str | None) -> str | None:
    return tag if tag in {OVERRIDE, RESET, RAW} else None
