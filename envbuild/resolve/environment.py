"""Manifests -> Environments: complete, typed, immutable, each value knowing its line."""

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Dict

import msgspec

from envbuild.document import Mapping, Scalar, Sequence, Value
from envbuild.errors import EnvbuildError, Place, ResolveError, raise_all
from envbuild.manifest import Item, Keys, Manifest, Parent, Rule, project_path, rules
from envbuild.resolve.lineage import lineages
from envbuild.resolve.merge import merge
from envbuild.resolve.names import Names
from envbuild.resolve.packages import Package, contradictions, manager_of, merge_constraints, merge_packages
from envbuild.settings import Settings
from envbuild.shape import nearest, read


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
    name: str
    path: str
    lineage: tuple[str, ...]
    description: str
    tags: dict[str, str]
    channels: tuple[str, ...]
    platforms: tuple[str, ...]
    packages: tuple[Package, ...]
    constraints: tuple[Item, ...]
    variables: tuple[Variable, ...]
    python: Python
    index_url: str
    setup: tuple[str, ...]
    builder: str
    builder_where: Place
    body: Mapping

    def where(self, *keys: str) -> Place:
        """The line that states a value; the manifest itself for what no line states."""
        node = self._node(keys)
        return node.place if node else Place(self.path, 1, 1)

    def where_item(self, key: str, index: int) -> Place:
        """The line of one item of a list."""
        node = self.body.get(key)
        return node.items[index].place if isinstance(node, Sequence) else self.where(key)

    def stated(self, *keys: str) -> str | None:
        """The text that the lineage states for a key, if it does."""
        node = self._node(keys)
        return node.text if isinstance(node, Scalar) else None

    def _node(self, keys: tuple[str, ...]) -> Value | None:
        node: Value | None = self.body
        for key in keys:
            node = node.get(key) if isinstance(node, Mapping) else None
        return node

    def package(self, key: str) -> tuple[Item, ...]:
        return next((package.items for package in self.packages if package.key == key), ())


class Family(msgspec.Struct, frozen=True):
    """Manifests that name each other: all that were read, by path, and the project's names."""

    manifests: Dict[str, Manifest]
    names: Names

    def parents(self, manifest: Manifest) -> tuple[Manifest, ...]:
        return tuple(self.manifests[parent_path(manifest.folder, parent, self.names)] for parent in manifest.extends)


def parent_path(folder: str, parent: Parent, names: Names) -> str:
    """The file that an `extends` item means; whether a path exists is found out by reading it."""
    if parent.is_path:
        return project_path(parent.text, folder, parent.where)
    if path := names.path(parent.text):
        return path
    raise ResolveError(f"no manifest is named '{parent.text}'", parent.where, nearest(parent.text, names.paths))


def resolve(wanted: Iterable[Manifest], family: Family, settings: Settings, platform: str) -> tuple[Environment, ...]:
    """Inherit and merge; all that does not fit is raised together. `platform` is the machine's own."""
    manifests = tuple(wanted)
    ordered = lineages(manifests, family.parents)
    ancestors = _ancestors(ordered, family.parents)
    problems: list[EnvbuildError] = []
    environments = []
    for manifest in manifests:
        environment = _environment(ordered[manifest.path], ancestors, settings, platform)
        problems += contradictions(environment.packages)
        environments.append(environment)
    raise_all(problems)
    return tuple(environments)


def _ancestors(
    ordered: Dict[str, tuple[Manifest, ...]], parents: Callable[[Manifest], tuple[Manifest, ...]]
) -> dict[str, frozenset[str]]:
    """Each manifest's ancestors, by path; a lineage lists parents before children, so one pass does."""
    found: dict[str, frozenset[str]] = {}
    for lineage in ordered.values():
        for manifest in lineage:
            if manifest.path not in found:
                direct = [parent.path for parent in parents(manifest)]
                found[manifest.path] = frozenset(direct).union(*(found[path] for path in direct))
    return found


def _environment(
    lineage: tuple[Manifest, ...], ancestors: dict[str, frozenset[str]], settings: Settings, platform: str
) -> Environment:
    own = lineage[-1]
    body = merge(lineage)
    packages = merge_packages(lineage, ancestors)
    keys: Keys = read(_typed(body), Keys, ResolveError).value
    return Environment(
        name=own.name,
        path=own.path,
        lineage=tuple(manifest.path for manifest in lineage),
        description=keys.description or "",
        tags={key: value for key, value in keys.tags.items() if value is not None},
        channels=keys.channels or settings.channels,
        platforms=tuple(sorted(set(keys.platforms or settings.platforms or (platform,)))),
        packages=packages,
        constraints=merge_constraints(lineage, ancestors),
        variables=_variables(body.get("variables")),
        python=_python(keys, packages),
        index_url=keys.pip.index_url or "",
        setup=keys.setup,
        builder=keys.builder or settings.builder,
        builder_where=_builder_where(body, settings),
        body=body,
    )


def _builder_where(body: Mapping, settings: Settings) -> Place:
    stated = body.get("builder")
    return stated.place if stated else settings.places.get("builder", body.place)


def _typed(body: Mapping) -> Mapping:
    """The keys that convert by their type alone; packages and variables have merged forms of their own."""
    plain = {
        key: entry
        for key, entry in body.entries.items()
        if _RULES[key] not in {Rule.PACKAGES, Rule.VARIABLES, Rule.OWN} or key == "description"
    }
    return Mapping(body.path, body.line, body.column, None, plain)


def _python(keys: Keys, packages: tuple[Package, ...]) -> Python:
    """DECISIONS 12: conda brings Python where it brings anything else; a pip-only environment has uv's."""
    conda = any(manager_of(package.key) == "conda" and package.key not in {"python", "pip"} for package in packages)
    managed = keys.python.managed is not False
    return Python(managed, keys.python.interpreter or "", keys.python.source or ("conda" if conda else "uv"))


def _variables(stated: Value | None) -> tuple[Variable, ...]:
    entries = stated.entries if isinstance(stated, Mapping) else {}
    found = (_variable(name, entries[name].value) for name in sorted(entries))
    return tuple(one for one in found if one.value is not None or one.prepend or one.append)


def _variable(name: str, node: Value) -> Variable:
    if isinstance(node, Mapping):
        kept = node.get("")
        value = kept.text if isinstance(kept, Scalar) else None
        return Variable(name, value, _texts(node.get("prepend")), _texts(node.get("append")))
    return Variable(name, node.text if isinstance(node, Scalar) else "")


def _texts(node: Value | None) -> tuple[str, ...]:
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(item.text for item in items if isinstance(item, Scalar))


_RULES = rules()
