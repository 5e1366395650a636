"""An environment as a manifest that needs no parents: the same environment comes of it."""

import posixpath
from collections.abc import Iterable

from envbuild.document import PREFIX, RAW, Entry, Scalar, Sequence, Value, write
from envbuild.document import Mapping as Node
from envbuild.manifest import RULES, Item, Keys, path_of, repathed
from envbuild.names import qualified
from envbuild.resolve.environment import Environment, Variable
from envbuild.resolve.packages import Package, Packages
from envbuild.shape import rewrite_marked

_KINDS = ("sel(linux)", "sel(unix)", "sel(osx)", "sel(win)")
_LEFT_OUT = {"name", "prefix", "category", "extends", "abstract", "without", "matrix"}
_ALONE = {"spark", "r"}  # which say something by being there


def resolved_text(environment: Environment) -> str:
    """Whole, in the order in which a manifest has its keys."""
    own = _Writer(environment)
    stated = {**own.stated(), **own.made()}
    ordered = {key: stated[key] for key in RULES if key in stated}
    return write(Node(environment.path, 1, 1, None, {key: Entry(_text(key), value) for key, value in ordered.items()}))


def _says(value: Value) -> bool:
    return not isinstance(value, Node) or bool(value.entries)


class _Writer:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._folder = posixpath.dirname(environment.path)

    def stated(self) -> dict[str, Value]:
        """What keeps the form in which it is stated; its paths are taken from this manifest's own folder."""
        located = rewrite_marked(self._environment.body, Keys, "path", self._relocated)
        located = rewrite_marked(located, Keys, "environment", self._qualified)
        entries = located.entries if isinstance(located, Node) else {}
        kept = {key: entry.value for key, entry in entries.items() if key not in _LEFT_OUT}
        python = kept.get("python")
        if isinstance(python, Node):  # its version stands among the dependencies
            kept["python"] = _mapping({key: one.value for key, one in python.entries.items() if key != "version"})
        return {key: _placed(value) for key, value in kept.items() if key in _ALONE or _says(value)}

    def _relocated(self, kind: str, node: Scalar) -> Scalar:
        path = path_of(kind, node)
        if not path:
            return node
        return _text(repathed(kind, node, self._from_here(path)))

    def _qualified(self, _kind: str, node: Scalar) -> Scalar:
        """By a name that means the same where this stands."""
        name = qualified(node.text, node.path)
        return node if qualified(node.text, self._environment.path) == name else _text(name)

    def _from_here(self, path: str) -> str:
        relative = posixpath.relpath(path, self._folder or ".")
        return relative if relative.startswith("..") else f"./{relative}"

    def made(self) -> dict[str, Value]:
        """What was merged apart, and what the settings or the machine say where the manifest says nothing."""
        one = self._environment
        limits = [*one.limits.every, *one.constraints.every]
        found: dict[str, Value] = {
            "channels": _list(_text(channel) for channel in one.channels),
            "platforms": _list(_text(platform) for platform in one.platforms),
            "dependencies": self._packages(self._listed, one.dependencies),
            "constraints": self._packages(tuple(limits), one.constraints),
            "overrides": self._packages(one.overrides.every, one.overrides),
            "variables": _mapping({variable.name: _variable(variable) for variable in self._stated}),
        }
        filled = {key: value for key, value in found.items() if not isinstance(value, Sequence) or value.items}
        filled = {key: value for key, value in filled.items() if not isinstance(value, Node) or value.entries}
        return {**filled, "builder": _text(one.builder)}

    @property
    def _listed(self) -> tuple[Package, ...]:
        """Without what `spark` and `r` bring, who bring it again."""
        brought = self._environment.brought.items
        every = (
            Package(one.key, tuple(item for item in one.items if item not in brought))
            for one in self._environment.packages
        )
        return tuple(one for one in every if one.items)

    @property
    def _stated(self) -> tuple[Variable, ...]:
        brought = self._environment.brought.variables
        every = self._environment.variables
        return tuple(one for one in every if one.name not in brought or one.value != brought[one.name])

    def _packages(self, packages: tuple[Package, ...], field: Packages) -> Sequence:
        conda = [node for package in packages for node in self._conda(package, field)]
        items = [item for package in packages for item in package.items]
        pip = [_text(self._pip(item)) for item in items if item.manager == "pip"]
        return _list([*conda, *([_mapping({"pip": _list(pip)})] if pip else [])])

    def _conda(self, package: Package, field: Packages) -> list[Value]:
        """What holds everywhere first, then by kinds of platforms: in the order in which it is read again."""
        items = (item for item in package.items if item.manager == "conda")
        nodes = [node for item in items for node in self._selected(item, field)]
        return sorted(nodes, key=lambda node: _KINDS.index(next(iter(node.entries))) if isinstance(node, Node) else -1)

    def _selected(self, item: Item, field: Packages) -> list[Value]:
        """Once where it holds everywhere, else once for each kind of platform that it holds on."""
        text = _text(item.text)
        on = {one for one in self._environment.platforms if any(item in package.items for package in field.on(one))}
        if on == set(self._environment.platforms) or item.selector:
            return [_mapping({f"sel({item.selector})": text}) if item.selector else text]
        return [_mapping({f"sel({system})": text}) for system in sorted({one.partition("-")[0] for one in on})]

    def _pip(self, item: Item) -> str:
        if not item.path:
            return item.text
        path = self._from_here(item.path) + (f"[{','.join(item.extras)}]" if item.extras else "")
        if item.editable:
            return f"-e {path}"
        return f"{item.name} @ {path}" if item.name and not item.path.endswith(".whl") else path


def _variable(variable: Variable) -> Value:
    """Paths around a text are a text; around nothing they are around what the host has."""
    if variable.value is not None:
        return _placed(_text(":".join(filter(None, (*variable.prepend, variable.value, *variable.append)))))
    ends = {"prepend": variable.prepend, "append": variable.append}
    return _placed(_mapping({end: _list(_text(one) for one in paths) for end, paths in ends.items() if paths}))


def _placed(node: Value) -> Value:
    """With the place of the environment as an expression again, and other braces meant literally."""
    match node:
        case Scalar():
            if PREFIX in node.text:
                literal = node.text.replace("{{", "{{ '{{' }}")
                return Scalar("", 0, 0, None, literal.replace(PREFIX, "{{ environment.prefix }}"), plain=False)
            return node
        case Sequence():
            return _list(_placed(item) for item in node.items)
    return _mapping({key: _placed(entry.value) for key, entry in node.entries.items()})


def _text(text: str) -> Scalar:
    return Scalar("", 0, 0, RAW if "{{" in text else None, text, plain=False)


def _list(items: Iterable[Value]) -> Sequence:
    return Sequence("", 0, 0, None, tuple(items))


def _mapping(values: dict[str, Value]) -> Node:
    return Node("", 0, 0, None, {key: Entry(_text(key), value) for key, value in values.items()})
