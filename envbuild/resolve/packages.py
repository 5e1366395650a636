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
    keys = sorted({key for manifest in lineage for key in manifest.definitions})
    found = (Package(key, tuple(_left(key, lineage, ancestors))) for key in keys)
    return tuple(package for package in found if package.items)


def _left(key: str, lineage: tuple[Manifest, ...], ancestors: dict[str, frozenset[str]]) -> Iterator[Item]:
    hidden: set[str] = set()
    left: list[tuple[Item, ...]] = []
    for manifest in reversed(lineage):
        definition = manifest.definitions.get(key, ())
        if definition and manifest.path not in hidden:
            left.append(definition)
        if definition or key in manifest.without or manager_of(key) in manifest.cleared:
            hidden |= ancestors[manifest.path]
    for definition in reversed(left):
        yield from definition


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
                "say in the manifest that extends both which one holds",
            )


def _disjoint(items: tuple[Item, ...]) -> bool:
    sources = {item.url or item.path for item in items if item.url or item.path}
    if len(sources) > 1:
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
        return any(not together.contains(pin, prereleases=True) for pin in pins)
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
            return (bare, True), (_next(bare.release), False)
        case "~=":
            return (bare, True), (_next(bare.release[:-1]), False)
    return None, None


def _next(release: tuple[int, ...]) -> "Version":
    from packaging.version import Version

    return Version(".".join(map(str, (*release[:-1], release[-1] + 1))))
