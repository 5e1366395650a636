"""Packages along a lineage: the nearest definition wins, those of unrelated manifests hold together."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from envbuild.errors import EnvbuildError, ResolveError
from envbuild.manifest import Item, Manifest

if TYPE_CHECKING:
    from packaging.version import Version


class Package(msgspec.Struct, frozen=True):
    """Everything that holds for one package of an environment."""

    key: str
    items: tuple[Item, ...]


def merge_packages(lineage: tuple[Manifest, ...], ancestors: dict[str, frozenset[str]]) -> tuple[Package, ...]:
    """The definitions that no nearer manifest hides, by key; `ancestors` names each manifest's own, by path."""
    stating: dict[str, list[Manifest]] = {}
    for manifest in lineage:
        for key in manifest.definitions:
            stating.setdefault(key, []).append(manifest)
    hiding = [manifest for manifest in lineage if manifest.without or manifest.cleared]
    found = (Package(key, tuple(_left(key, stating[key], hiding, ancestors))) for key in sorted(stating))
    return tuple(package for package in found if package.items)


def _left(
    key: str, stating: list[Manifest], hiding: list[Manifest], ancestors: dict[str, frozenset[str]]
) -> Iterator[Item]:
    """What is stated of a package, but not by an ancestor of one that states, drops or empties it."""
    if len(stating) == 1 and not hiding:
        yield from stating[0].definitions[key]
        return
    manager = manager_of(key)
    dropping = [one for one in hiding if key in one.without or manager in one.cleared]
    hidden = frozenset[str]().union(*(ancestors[one.path] for one in (*stating, *dropping)))
    for manifest in stating:
        if manifest.path not in hidden:
            yield from manifest.definitions[key]


def merge_constraints(lineage: tuple[Manifest, ...], ancestors: dict[str, frozenset[str]]) -> tuple[Item, ...]:
    """All that `-c` files say, but for what stands above an emptied pip list."""
    hidden = frozenset[str]().union(*(ancestors[one.path] for one in lineage if "pip" in one.cleared))
    return tuple(item for manifest in lineage if manifest.path not in hidden for item in manifest.constraints)


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
    sources = {(item.marker, item.url or item.path) for item in items if item.url or item.path}
    if len(sources) > len({marker for marker, _ in sources}):
        return True
    by_marker: dict[str, list[str]] = {}
    for item in items:
        by_marker.setdefault(item.marker, []).append(item.specifier)
    always = by_marker.pop("", [])
    return any(_empty(always + some) for some in [[], *by_marker.values()])


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
