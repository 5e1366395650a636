"""Packages along a lineage: the nearest definition wins, those of unrelated manifests hold together."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from envbuild.errors import EnvbuildError, ResolveError
from envbuild.manifest import Item, Manifest, excludes

if TYPE_CHECKING:
    from packaging.version import Version


class Package(msgspec.Struct, frozen=True):
    """Everything that holds for one package of an environment."""

    key: str
    items: tuple[Item, ...]


Field = Literal["dependencies", "limits", "constraints", "overrides"]


class Packages(msgspec.Struct, frozen=True):
    """The packages of an environment under one key, for each of its platforms; mostly they are the same."""

    by_platform: dict[str, tuple[Package, ...]]

    def on(self, platform: str) -> tuple[Package, ...]:
        return self.by_platform.get(platform, ())

    @property
    def every(self) -> tuple[Package, ...]:
        """What holds on any platform, each item once."""
        lists = list(self.by_platform.values())
        if all(one is lists[0] for one in lists):
            return lists[0] if lists else ()
        found: dict[str, dict[Item, None]] = {}
        for packages in lists:
            for package in packages:
                found.setdefault(package.key, {}).update(dict.fromkeys(package.items))
        return tuple(Package(key, tuple(found[key])) for key in sorted(found))


def merge_packages(
    lineage: tuple[Manifest, ...], ancestors: Mapping[str, frozenset[str]], field: Field, platforms: tuple[str, ...]
) -> Packages:
    """The definitions that no nearer manifest hides; `ancestors` names each manifest's own, by key."""
    stating: dict[str, list[Manifest]] = {}
    for manifest in lineage:
        for key in getattr(manifest, field).definitions:
            stating.setdefault(key, []).append(manifest)
    if not stating:
        return Packages(dict.fromkeys(platforms, ()))
    hiding = [manifest for manifest in lineage if manifest.without or getattr(manifest, field).cleared]
    merge = _Merge(field, stating, hiding, ancestors)
    if not merge.selects:
        same = merge.packages("")
        return Packages(dict.fromkeys(platforms, same))
    return Packages({platform: merge.packages(platform) for platform in platforms})


class _Merge(msgspec.Struct, frozen=True):
    field: Field
    stating: dict[str, list[Manifest]]
    hiding: list[Manifest]
    ancestors: Mapping[str, frozenset[str]]

    @property
    def selects(self) -> bool:
        """Whether any item is for some platforms only."""
        return any(
            item.selector
            for key, manifests in self.stating.items()
            for manifest in manifests
            for item in self._defined(manifest, key)
        )

    def packages(self, platform: str) -> tuple[Package, ...]:
        found = (Package(key, tuple(self._left(key, platform))) for key in sorted(self.stating))
        return tuple(package for package in found if package.items)

    def _defined(self, manifest: Manifest, key: str) -> tuple[Item, ...]:
        found: tuple[Item, ...] = getattr(manifest, self.field).definitions[key]
        return found

    def _left(self, key: str, platform: str) -> Iterator[Item]:
        """What is stated of a package, but not by an ancestor of one that states, drops or empties it."""
        stating = self.stating[key]
        items = {one.key: self._defined(one, key) for one in stating}
        if platform:
            items = {name: tuple(item for item in found if item.holds_on(platform)) for name, found in items.items()}
            stating = [one for one in stating if items[one.key]]
        hidden: frozenset[str] = frozenset()
        if len(stating) > 1 or self.hiding:
            hidden = hidden.union(*(self.ancestors[one.key] for one in (*stating, *self._dropping(key))))
        for manifest in stating:
            if manifest.key not in hidden:
                yield from items[manifest.key]

    def _dropping(self, key: str) -> Iterator[Manifest]:
        manager = manager_of(key)
        for one in self.hiding:
            if (self.field == "dependencies" and key in one.without) or manager in getattr(one, self.field).cleared:
                yield one


def manager_of(key: str) -> str:
    return "pip" if key.startswith("pip/") else "conda"


def contradictions(packages: Iterable[Package]) -> Iterator[EnvbuildError]:
    """What no version can satisfy, with every line that has a say in it."""
    for package in packages:
        if len(package.items) > 1 and _disjoint(package.items):
            first, *others = package.items
            lines = ", ".join(f"'{item.wish}' at {item.where}" for item in others)
            yield ResolveError(
                f"no {first.name} can be both '{first.wish}' and {lines}",
                first.where,
                "keep one of them, or let the manifest that extends both say which holds",
            )


def _disjoint(items: tuple[Item, ...]) -> bool:
    if any(item.version for item in items):
        return _conda_disjoint(items)
    sources = {(item.marker, item.url or item.path) for item in items if item.url or item.path}
    if len(sources) > len({marker for marker, _ in sources}):
        return True
    by_marker: dict[str, list[str]] = {}
    for item in items:
        by_marker.setdefault(item.marker, []).append(item.specifier)
    always = by_marker.pop("", [])
    return any(_empty(always + some) for some in [[], *by_marker.values()])


def _conda_disjoint(items: tuple[Item, ...]) -> bool:
    """Two URLs, a single version that another spec does not admit, or ranges apart; the rest is the solver's."""
    if len({item.url for item in items if item.url}) > 1:
        return True
    if any(
        excludes(one.version or one.specifier, other.version or other.specifier) for one in items for other in items
    ):
        return True
    clauses = ",".join(filter(None, (item.specifier for item in items)))
    return _empty([clauses]) and not any(item.version.startswith("==") for item in items)


def _empty(specifiers: list[str]) -> bool:
    """Whether these ranges provably share no version: two pins, a pin outside a range, ranges apart."""
    from packaging.specifiers import SpecifierSet

    together = SpecifierSet(",".join(filter(None, specifiers)))
    pins = [one.version for one in together if one.operator in {"==", "==="} and not one.version.endswith(".*")]
    if pins:
        return not any(together.contains(pin, prereleases=True) for pin in pins)
    return _apart([(one.operator, one.version) for one in together])


def _apart(clauses: list[tuple[str, str]]) -> bool:
    """Whether the highest lower bound lies above the lowest upper bound."""
    lower: tuple[Version, bool] | None = None
    upper: tuple[Version, bool] | None = None
    for operator, version in clauses:
        low, high = _bounds(operator, version)
        if low and (lower is None or (low[0], not low[1]) > (lower[0], not lower[1])):
            lower = low
        if high and (upper is None or (high[0], high[1]) < (upper[0], upper[1])):
            upper = high
    if lower is None or upper is None:
        return False
    return lower[0] > upper[0] or (lower[0] == upper[0] and not (lower[1] and upper[1]))


def _bounds(operator: str, version: str) -> tuple["tuple[Version, bool] | None", "tuple[Version, bool] | None"]:
    """Lower and upper bound of one clause, each with whether the bound itself belongs to it."""
    from packaging.version import Version

    bare = Version(version.removesuffix(".*"))
    match operator:
        case ">=" | ">":
            return (bare, operator == ">="), None
        case "<=" | "<":
            return None, (bare, operator == "<=")
        case "==" if version.endswith(".*"):
            return (Version(f"{bare}.dev0"), True), (_next(bare, bare.release), False)
        case "~=":
            return (bare, True), (_next(bare, bare.release[:-1]), False)
    return None, None


def _next(version: "Version", release: tuple[int, ...]) -> "Version":
    """The very first version behind a release, within the same epoch."""
    from packaging.version import Version

    return Version(f"{version.epoch}!{'.'.join(map(str, (*release[:-1], release[-1] + 1)))}.dev0")
