"""Jinja in values: params first, which see each other and the matrix, then every other text of a lineage."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from envbuild.document import PREFIX, RAW, Entry, Scalar, Sequence, Value, plain_value, scalars
from envbuild.document import Mapping as Node
from envbuild.errors import EnvbuildError, ResolveError, raise_all
from envbuild.manifest import Manifest, MatrixValue, Open, read_again, rendered
from envbuild.shape import is_rendered

_WORK_OF_AN_ITEM = 16
LIMIT_RENDERED = 4 * 1024 * 1024


class Context(msgspec.Struct, frozen=True):
    """What a text may use besides params."""

    name: str
    folder: str
    matrix: dict[str, MatrixValue]


class Params(Mapping[str, Any]):
    """Params as expressions see them: each rendered when it is first asked for, so that they may use each other."""

    label = "params"

    def __init__(self, stated: Node, context: Context) -> None:
        self._stated = stated
        self._open: list[str] = []
        self._found: dict[str, Any] = {}
        self._failed: dict[str, EnvbuildError] = {}
        self._name = context.name
        self._written = 0
        self._names: dict[str, Any] = {"params": self, **_besides(context)}
        self.largest = max(len(str(value)) for value in (context.name, context.folder, *context.matrix.values()))

    def __getitem__(self, key: str) -> Any:
        if key in self._failed:
            raise self._failed[key]
        if key not in self._found:
            try:
                self._found[key] = self._render(key)
            except EnvbuildError as error:
                self._failed[key] = error.with_traceback(None)
                raise
        return self._found[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stated.entries)

    def __len__(self) -> int:
        return len(self._stated.entries)

    def __contains__(self, key: object) -> bool:
        return key in self._stated.entries

    def prepare(self, key: str) -> None:
        """Render first what a param names, deepest first, so that a long chain of params is no deep recursion."""
        waiting, met = [key], {key}
        while waiting:
            before = [name for name in self._used(waiting[-1]) if name not in {*self._found, *self._failed, *met}]
            if before:
                met.update(before)
                waiting += before
                continue
            name = waiting.pop()
            with contextlib.suppress(EnvbuildError):  # it is raised where it is asked for, if it is
                if name != key:
                    self[name]

    def _used(self, key: str) -> list[str]:
        """The params that the text of another one names."""
        from envbuild.sandbox import Fault, compiled

        found: list[str] = []
        for node in scalars(self._stated.entries[key].value):
            expression = compiled(node.text) if is_rendered(node) else None
            if expression and not isinstance(expression, Fault):
                found += [name for name in expression.params if name in self]
        return found

    def _render(self, key: str) -> Any:
        if key in self._open:
            raise self._cycle(self._open[self._open.index(key) :])
        self._open.append(key)
        try:
            return self._plain(self._stated.entries[key].value)
        finally:
            self._open.pop()

    def _cycle(self, members: list[str]) -> ResolveError:
        """Told in one way, whichever of its members was asked for first."""
        first = members.index(min(members, key=list(self).index))
        ring = [*members[first:], *members[:first]]
        shown = " -> ".join([*ring, ring[0]])
        where = self._stated.entries[ring[0]].value.place
        return ResolveError(f"these params need each other: {shown}", where, "write one of them out")

    def _plain(self, node: Value) -> Any:
        from envbuild.sandbox import placed

        match node:
            case Scalar():
                found = self.evaluate(node) if is_rendered(node) else plain_value(node)
                if not isinstance(found, str):
                    return found
                self.largest = max(self.largest, len(found))
                return placed(found)
            case Sequence():
                items = [(item, self._plain(item)) for item in node.items]
                self.largest = max(self.largest, _WORK_OF_AN_ITEM * len(items))
                return [value for item, value in items if not is_rendered(item) or not _is_empty(value)]
        return {key: self._plain(entry.value) for key, entry in node.entries.items()}

    def evaluate(self, node: Scalar) -> Any:
        """The value of a text with braces."""
        from envbuild.sandbox import Fault, compiled, evaluated

        if self._written > LIMIT_RENDERED:
            message = f"the texts of '{self._name}' come to more than {LIMIT_RENDERED // 1024 // 1024} MiB"
            raise ResolveError(message, node.place, "write them shorter")
        expression = compiled(node.text)
        found = expression if isinstance(expression, Fault) else evaluated(expression, self._names, self.largest)
        if isinstance(found, Fault):
            raise ResolveError(found.message, node.place, found.hint)
        self._written += len(found) if isinstance(found, str) else 0
        return found


def _is_empty(value: Any) -> bool:
    """What drops an item of a list."""
    return value is None or (isinstance(value, str) and not value.strip())


def _besides(context: Context) -> dict[str, Any]:
    from envbuild.sandbox import Values, placed

    own = {"name": context.name, "folder": context.folder, "prefix": placed(PREFIX)}
    return {"matrix": Values("matrix", context.matrix), "environment": Values("environment", own)}


def render_lineage(
    lineage: tuple[Manifest, ...], params: Node, context: Context, open_file: Open
) -> tuple[tuple[Manifest, ...], Node]:
    """The lineage with its texts rendered, and the params; both are the same objects where nothing is to be done."""
    if not any(manifest.is_templated for manifest in lineage) and not _has_braces(params):
        return lineage, params
    values = Params(params, context)
    problems: list[EnvbuildError] = []
    final = _final_params(values, params, problems)
    raise_all(problems)
    found = []
    for manifest in lineage:
        try:
            found.append(_rendered(manifest, values, open_file) if manifest.is_templated else manifest)
        except EnvbuildError as error:
            problems.append(error)
    raise_all(problems)
    return tuple(found), final


def _rendered(manifest: Manifest, values: Params, open_file: Open) -> Manifest:
    problems: list[EnvbuildError] = []

    def render(node: Scalar) -> Value:
        try:
            return node_of(values.evaluate(node), node)
        except EnvbuildError as error:
            problems.append(error)
            return node

    body = rendered(manifest.written, render)
    raise_all(problems)
    return read_again(manifest, body, open_file)


def _final_params(values: Params, stated: Node, problems: list[EnvbuildError]) -> Node:
    entries = {}
    for key, entry in stated.entries.items():
        try:
            values.prepare(key)
            entries[key] = Entry(entry.key, _again(entry.value, values[key]))
        except EnvbuildError as error:
            problems.append(error)
    return Node(stated.path, stated.line, stated.column, None, entries)


def _again(node: Value, value: Any) -> Value:
    """The same tree where nothing was rendered, so that each value keeps its own line."""
    return node_of(value, node) if _has_braces(node) else node


def _has_braces(node: Value) -> bool:
    match node:
        case Scalar():
            return is_rendered(node)
        case Sequence():
            return any(_has_braces(item) for item in node.items)
    return any(_has_braces(entry.value) for entry in node.entries.values())


def node_of(value: Any, like: Value) -> Value:
    """A value as a tree that stands where its expression stood."""
    from envbuild.sandbox import Placed

    if isinstance(value, Placed):
        return node_of(value.text, like)
    at = (like.path, like.line, like.column)
    tag = like.tag if like.tag != RAW else None
    match value:
        case None:
            return Scalar(*at, tag, "", plain=True)
        case bool():
            return Scalar(*at, tag, "true" if value else "false", plain=True)
        case int():
            return Scalar(*at, tag, str(value), plain=True)
        case str():
            return Scalar(*at, RAW if "{{" in value else tag, value, plain=False)
        case list() | tuple():
            return Sequence(*at, tag, tuple(node_of(item, _untagged(like)) for item in value))
    keys = {key: Scalar(*at, None, key, plain=False) for key in value}
    return Node(*at, tag, {key: Entry(keys[key], node_of(one, _untagged(like))) for key, one in value.items()})


def _untagged(like: Value) -> Value:
    return Scalar(like.path, like.line, like.column, None, "", plain=False)
