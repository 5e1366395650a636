"""One environment: complete, typed, immutable, each value knowing its line."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from envbuild.document import Mapping as Node
from envbuild.document import Scalar, Sequence, Value, plain_data
from envbuild.errors import EnvbuildError, Place, ResolveError
from envbuild.manifest import (
    RULES,
    Item,
    Keys,
    Manifest,
    MatrixValue,
    Rule,
    SystemRequirements,
    families,
    is_loopback,
    path_of,
    repathed,
    system_problems,
)
from envbuild.resolve.additions import NOTHING, Added, added, with_items
from envbuild.resolve.channels import channel_problems, expanded
from envbuild.resolve.merge import merge
from envbuild.resolve.packages import Package, Packages, manager_of, merge_packages
from envbuild.resolve.unaddable import additions_problems
from envbuild.resolve.variants import settled
from envbuild.settings import Settings
from envbuild.shape import read, rewrite_marked
from envbuild.urls import host_of

DEFAULT_PREFIX = "/opt/env"
_SYSTEM = SystemRequirements.__struct_fields__


class Variable(msgspec.Struct, frozen=True):
    """One environment variable: a text, or additions around what the host has."""

    name: str
    value: str | None
    prepend: tuple[str, ...] = ()
    append: tuple[str, ...] = ()


class Python(msgspec.Struct, frozen=True):
    managed: bool
    interpreter: str
    source: str


class Environment(msgspec.Struct, frozen=True):
    """One manifest after inheritance.

    `body` holds the merged values as they are written, with their lines; `keys` the same values typed, with every path
    taken from the project's root. `lineage` are the manifests it was made from, rendered, nearest last. `brought` is
    what `spark` and `r` add; its packages are among the dependencies, and its variables among the variables.
    """

    name: str
    path: str
    matrix: dict[str, MatrixValue]
    lineage: tuple[Manifest, ...]
    body: Node
    general: Node
    keys: Keys
    dependencies: Packages
    limits: Packages
    constraints: Packages
    overrides: Packages
    tags: dict[str, str]
    channels: tuple[str, ...]
    channel_priority: str
    pypi_names: dict[str, str]
    system: dict[str, SystemRequirements]
    platforms: tuple[str, ...]
    variables: tuple[Variable, ...]
    python: Python
    builder: str
    brought: Added = NOTHING

    @property
    def description(self) -> str:
        return self.keys.description or ""

    @property
    def setup(self) -> tuple[str, ...]:
        return self.keys.setup

    @property
    def index_url(self) -> str:
        return self.keys.pip.index_url or ""

    @property
    def params(self) -> dict[str, Any]:
        """What templates may use besides the environment itself."""
        stated = self.body.get("params")
        return plain_data(stated) if isinstance(stated, Node) else {}

    @property
    def prefix(self) -> str:
        """Where it lies in an image."""
        return self.keys.image.prefix or DEFAULT_PREFIX

    @property
    def installs(self) -> bool:
        """Whether anything lies at its prefix in the end."""
        return self.python.managed and bool(self.packages)

    @property
    def packages(self) -> tuple[Package, ...]:
        return self.dependencies.every

    @property
    def where_itself(self) -> Place:
        return Place(self.path, 1, 1)

    def where(self, *keys: str) -> Place:
        """The line that states a value; the manifest itself for what no line states."""
        node = self.node(*keys)
        return node.place if node else self.where_itself

    def said(self, key: str) -> Value | None:
        """What the lineage says of a key, else the settings."""
        return self.node(key) or self.general.get(key)

    def where_said(self, key: str) -> Place:
        """The line that decides a key, in a manifest or in the settings; the manifest for what no line states."""
        node = self.said(key)
        return node.place if node else Place(self.path)

    def where_item(self, key: str, index: int) -> Place:
        """The line of one item of a list."""
        node = self.body.get(key)
        return node.items[index].place if isinstance(node, Sequence) else self.where(key)

    def where_key(self, *keys: str) -> Place:
        """The line of a key itself, which stands before a value of several lines."""
        above = self.node(*keys[:-1]) if keys[:-1] else self.body
        entry = above.entries.get(keys[-1]) if isinstance(above, Node) else None
        return entry.key.place if entry else self.where_itself

    def stated(self, *keys: str) -> str | None:
        """The text that the lineage states for a key, if it does."""
        node = self.node(*keys)
        return node.text if isinstance(node, Scalar) else None

    def node(self, *keys: str) -> Value | None:
        found: Value | None = self.body
        for key in keys:
            found = found.get(key) if isinstance(found, Node) else None
        return found

    def package(self, key: str, platform: str = "") -> tuple[Item, ...]:
        packages = self.dependencies.on(platform) if platform else self.packages
        return next((package.items for package in packages if package.key == key), ())

    def where_asked(self, name: str) -> Place:
        """The line that asks for a package, of PyPI or conda's; the manifest, where only other packages do."""
        items = self.package(f"pip/{name}") or self.package(name)
        return items[0].where if items else Place(self.path)


class Origin(msgspec.Struct, frozen=True):
    """What an environment is made from, once there are no braces left."""

    name: str
    matrix: dict[str, MatrixValue]
    lineage: tuple[Manifest, ...]
    ancestors: Mapping[str, frozenset[str]]
    params: Node


def environment(origin: Origin, settings: Settings, platform: str) -> tuple[Environment, list[EnvbuildError]]:
    """Merge a lineage; what is wrong with the result comes beside it."""
    lineage = origin.lineage
    body = _with_params(merge(lineage, origin.ancestors, publishing(settings)), origin.params)
    reading = read(_located(_typed(body)), Keys, ResolveError)
    keys: Keys = reading.value or Keys()
    platforms = tuple(sorted(set(keys.platforms or settings.platforms or (platform,))))
    system = {one: _system(keys, settings, one) for one in platforms}
    body, keys = settled(body, keys, system.values())
    builder = keys.builder or settings.builder
    listed = merge_packages(lineage, origin.ancestors, "dependencies", platforms)
    brought = added(body, keys, listed.every, builder)
    dependencies = with_items(listed, brought.items)
    found = Environment(
        name=origin.name,
        path=lineage[-1].path,
        matrix=origin.matrix,
        lineage=lineage,
        body=body,
        general=settings.body,
        keys=keys,
        dependencies=dependencies,
        limits=merge_packages(lineage, origin.ancestors, "limits", platforms),
        constraints=merge_packages(lineage, origin.ancestors, "constraints", platforms),
        overrides=merge_packages(lineage, origin.ancestors, "overrides", platforms),
        tags={key: value for key, value in keys.tags.items() if value is not None},
        channels=tuple(expanded(keys.channels)) or tuple(expanded(settings.channels)),
        channel_priority=settings.channel_priority,
        pypi_names=settings.pypi_names,
        system=system,
        platforms=platforms,
        variables=_variables(body.get("variables"), brought),
        python=_python(keys, dependencies.every, builder),
        builder=builder,
        brought=brought,
    )
    named = body if keys.channels else settings.body
    channels = channel_problems(named.get("channels"), settings.insecure_indexes)
    systems = system_problems(body.get("system_requirements"))
    further = additions_problems(body, keys, listed.every, brought, settings)
    return found, [*reading.problems, *_insecure(body, settings), *channels, *systems, *further]


def publishing(settings: Settings) -> Value | None:
    """What the settings say of `publish`, as if a first ancestor had said it."""
    registry = settings.body.get("registry")
    stated = settings.body.get("publish")
    if not isinstance(registry, Scalar):
        return stated
    at = (registry.path, registry.line, registry.column)
    return node_with(stated, "registries", Sequence(*at, None, (registry,)))


def node_with(node: Value | None, key: str, value: Value) -> Node:
    """A mapping with one more key."""
    from envbuild.document import Entry

    at = (value.path, value.line, value.column)
    entries = node.entries if isinstance(node, Node) else {}
    return Node(*at, None, {**entries, key: Entry(Scalar(*at, None, key, plain=True), value)})


def _with_params(body: Node, params: Node) -> Node:
    return body if not params.entries else _replaced(body, "params", params)


def _replaced(body: Node, key: str, value: Value) -> Node:
    merged = node_with(body, key, value)
    return Node(body.path, body.line, body.column, body.tag, merged.entries)


def _typed(body: Node) -> Node:
    """The keys that convert by their type alone; packages, variables and params have merged forms of their own."""
    plain = {
        key: entry
        for key, entry in body.entries.items()
        if key == "description"
        or (RULES[key].rule not in {Rule.PACKAGES, Rule.VARIABLES, Rule.OWN, Rule.MATRIX} and key != "params")
    }
    return Node(body.path, body.line, body.column, None, plain)


def _located(body: Node) -> Value:
    def locate(kind: str, node: Scalar) -> Scalar:
        path = path_of(kind, node)
        if not path:
            return node
        return Scalar(node.path, node.line, node.column, node.tag, repathed(kind, node, path), plain=False)

    return rewrite_marked(body, Keys, "path", locate)


def _python(keys: Keys, packages: tuple[Package, ...], builder: str) -> Python:
    """Conda brings Python where it brings anything else; a pip-only environment has uv's, or its image's."""
    conda = any(manager_of(package.key) == "conda" and package.key not in {"python", "pip"} for package in packages)
    managed = keys.python.managed is not False
    source = keys.python.source or ("conda" if conda else "uv" if builder == "local" else "image")
    return Python(managed, keys.python.interpreter or "", source)


def _system(keys: Keys, settings: Settings, platform: str) -> SystemRequirements:
    """What a platform offers: the manifest's word, else the settings' for it, else for all of its system."""
    general = (keys.system_requirements, *(settings.system_requirements.get(one) for one in families(platform)))
    stated = [one for one in general if one]
    said = {name: next(filter(None, (getattr(one, name) for one in stated)), None) for name in _SYSTEM}
    return SystemRequirements(**said)


def _variables(stated: Value | None, brought: Added) -> tuple[Variable, ...]:
    """What the manifest states of one stands before what is brought along."""
    entries = stated.entries if isinstance(stated, Node) else {}
    own = {name: _variable(name, entries[name].value) for name in entries}
    every = {**{name: Variable(name, value) for name, value in brought.variables.items()}, **own}
    found = (every[name] for name in sorted(every))
    return tuple(one for one in found if one.value is not None or one.prepend or one.append)


def _variable(name: str, node: Value) -> Variable:
    if isinstance(node, Node):
        kept = node.get("")
        value = kept.text if isinstance(kept, Scalar) else None
        return Variable(name, value, _texts(node.get("prepend")), _texts(node.get("append")))
    return Variable(name, node.text if isinstance(node, Scalar) else "")


def _texts(node: Value | None) -> tuple[str, ...]:
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(item.text for item in items if isinstance(item, Scalar))


_ASKED = {"pip": "index", "spark": "repository", "r": "repository"}


def _insecure(body: Node, settings: Settings) -> Iterator[EnvbuildError]:
    """What is asked without TLS: loopback may be, and hosts that the settings name."""
    from envbuild.document import scalars

    for key, what in _ASKED.items():
        stated = body.get(key)
        for node in scalars(stated) if stated else ():
            is_url = node.text.strip().lower().startswith("http://")
            if is_url and not is_loopback(node.text) and host_of(node.text) not in settings.insecure_indexes:
                hint = f"use https, or name the host: 'insecure_indexes: [{host_of(node.text)}]'"
                yield ResolveError(f"the {what} '{node.text}' is not https", node.place, hint)
