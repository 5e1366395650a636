"""Where Jinja may stand in a manifest, and what can be said of it before there are values."""

import re
from collections.abc import Callable, Iterator

import msgspec

from envbuild.document import Entry, Mapping, Scalar, Sequence, Value
from envbuild.errors import EnvbuildError, ManifestError
from envbuild.manifest.keys import Keys
from envbuild.shape import is_rendered

NAMES = ("params", "matrix", "environment")
PUBLISHING = (*NAMES, "git", "date", "lock", "version")

# What a path of keys says of the text there: rendered now, when it is published, or not at all.
_NOW, _LATER, _NEVER, _NAMING, _AMONG = "now", "later", "never", "naming", "among params"
_KNOWN = {_NOW: NAMES, _AMONG: NAMES, _LATER: PUBLISHING, _NAMING: ("matrix", "environment")}

_INLINE = re.compile(r"\n|^\s*FROM\s", re.IGNORECASE)

Render = Callable[[Scalar], Value]


class _Found(msgspec.Struct, frozen=True):
    node: Scalar
    when: str


def is_templated(body: Mapping) -> bool:
    """Whether there is anything to render."""
    return any(found.when == _NOW for found in _braced(body))


def braces_problems(body: Mapping) -> Iterator[EnvbuildError]:
    """What is no expression, uses names that there are not, or stands where no expression can."""
    from envbuild.sandbox import Fault, compiled

    yield from _in_keys(body)
    for found in _braced(body):
        if found.when == _NEVER:
            continue
        expression = compiled(found.node.text)
        known = _KNOWN[found.when]
        if isinstance(expression, Fault):
            yield ManifestError(expression.message, found.node.place, expression.hint)
        elif unknown := sorted(expression.names - set(known)):
            hint = f"known are: {', '.join(known)}; write '!raw' before a text with literal braces"
            yield ManifestError(f"'{unknown[0]}' is undefined", found.node.place, hint)
    if (params := body.get("params")) and is_rendered(params):
        yield ManifestError("'params' must be a mapping, not an expression", params.place, "write a mapping of values")
    for key in ("extends", "abstract"):
        for node in _below(body.get(key)):
            if is_rendered(node):
                hint = "write the value itself"
                yield ManifestError(f"'{key}' is read before there are values for '{{{{ }}}}'", node.place, hint)


def rendered(body: Mapping, render: Render) -> Mapping:
    """The body with every text rendered that is to be now; a list item that renders empty is dropped."""
    entries = {}
    for key, entry in body.entries.items():
        value = entry.value if key in Keys.FIXED else _rendered(entry.value, (key,), render)
        entries[key] = Entry(entry.key, value)
    return Mapping(body.path, body.line, body.column, body.tag, entries)


def _rendered(node: Value, keys: tuple[str, ...], render: Render) -> Value:
    match node:
        case Scalar():
            return render(node) if is_rendered(node) and _when(keys, node) == _NOW else node
        case Sequence():
            items = tuple(_items(node, keys, render))
            return Sequence(node.path, node.line, node.column, node.tag, items)
    entries = {key: Entry(one.key, _rendered(one.value, (*keys, key), render)) for key, one in node.entries.items()}
    return Mapping(node.path, node.line, node.column, node.tag, entries)


def _items(node: Sequence, keys: tuple[str, ...], render: Render) -> Iterator[Value]:
    for item in node.items:
        value = _rendered(item, keys, render)
        if value is item or not isinstance(item, Scalar) or not isinstance(value, Scalar) or value.text.strip():
            yield value


def _when(keys: tuple[str, ...], node: Scalar) -> str:
    if keys[0] in Keys.FIXED:
        return _NEVER
    if keys[:2] == ("publish", "tags"):
        return _LATER
    if keys[0] == "params":
        return _AMONG
    return _NEVER if keys[:2] == ("image", "dockerfile") and is_inline(node) else _NOW


def is_inline(node: Scalar) -> bool:
    """Whether `dockerfile` holds the text of one, not a path."""
    return is_dockerfile(node.text)


def is_dockerfile(text: str) -> bool:
    return bool(_INLINE.search(text))


def _braced(body: Mapping) -> Iterator[_Found]:
    """Every text with braces; the fragments of a matrix are manifests of their own."""
    for key, entry in body.entries.items():
        yield from _walk(entry.value, (key,))
    matrix = body.get("matrix")
    name = matrix.get("name") if isinstance(matrix, Mapping) else None
    if isinstance(name, Scalar) and is_rendered(name):
        yield _Found(name, _NAMING)


def _walk(node: Value, keys: tuple[str, ...]) -> Iterator[_Found]:
    match node:
        case Scalar():
            if is_rendered(node):
                yield _Found(node, _when(keys, node))
        case Sequence():
            for item in node.items:
                yield from _walk(item, keys)
        case Mapping():
            for key, entry in node.entries.items():
                yield from _walk(entry.value, (*keys, key))


def _in_keys(node: Value) -> Iterator[EnvbuildError]:
    match node:
        case Sequence():
            for item in node.items:
                yield from _in_keys(item)
        case Mapping():
            for key, entry in node.entries.items():
                if "{{" in key:
                    yield ManifestError("a key holds no '{{ }}'", entry.key.place, "write the key itself")
                yield from _in_keys(entry.value)


def _below(node: Value | None) -> Iterator[Scalar]:
    match node:
        case Scalar():
            yield node
        case Sequence():
            for item in node.items:
                yield from _below(item)
