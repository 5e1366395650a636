"""The order in which ancestors apply: the reverse of the C3 linearisation with the parents listed last-first."""

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from envbuild.errors import EnvbuildError, ResolveError
from envbuild.manifest import Manifest


class Lookup(Protocol):
    """How a lineage finds the manifests that another one names."""

    def __call__(self, manifest: Manifest) -> tuple[Manifest, ...]: ...


def lineages(
    wanted: tuple[Manifest, ...], parents: Lookup
) -> tuple[dict[str, tuple[Manifest, ...]], dict[str, EnvbuildError]]:
    """For each wanted manifest, by path: its ancestors and itself, farthest first; or why it has no such order."""
    found: dict[str, tuple[Manifest, ...]] = {}
    lost: dict[str, EnvbuildError] = {}
    for manifest in wanted:
        trail: list[Manifest] = []
        try:
            _visit(manifest, parents, found, trail, lost)
        except EnvbuildError as error:
            lost |= dict.fromkeys((one.path for one in (*trail, manifest)), error)
    paths = [manifest.path for manifest in wanted]
    return {path: found[path] for path in paths if path in found}, {path: lost[path] for path in paths if path in lost}


def _visit(
    start: Manifest,
    parents: Lookup,
    found: dict[str, tuple[Manifest, ...]],
    trail: list[Manifest],
    lost: Mapping[str, EnvbuildError],
) -> None:
    """Depth first with a stack of its own; a manifest that is met while still open closes a cycle.

    What a problem that was met before has cost is not looked into again.
    """
    stack: list[tuple[Manifest, bool]] = [(start, False)]
    while stack:
        manifest, parents_done = stack.pop()
        if manifest.path in lost:
            raise lost[manifest.path]
        if parents_done:
            trail.pop()
            found[manifest.path] = _linearise(manifest, parents(manifest), found)
        elif manifest.path not in found:
            _refuse_cycle(manifest, trail, parents)
            trail.append(manifest)
            stack.append((manifest, True))
            stack.extend((parent, False) for parent in reversed(parents(manifest)))


def _refuse_cycle(manifest: Manifest, trail: list[Manifest], parents: Lookup) -> None:
    paths = [one.path for one in trail]
    if manifest.path not in paths:
        return
    cycle = trail[paths.index(manifest.path) :]
    last = cycle[-1]
    closing = [parent.path for parent in parents(last)].index(manifest.path)
    shown = " -> ".join(one.name for one in [*cycle, manifest])
    raise ResolveError(f"these extend each other: {shown}", last.extends[closing].where, "remove one of the 'extends'")


def _linearise(
    manifest: Manifest, parents: tuple[Manifest, ...], found: Mapping[str, tuple[Manifest, ...]]
) -> tuple[Manifest, ...]:
    direct = _needed(parents, found)
    if len(direct) == 1:
        return (*found[direct[0].path], manifest)
    chains = [list(found[parent.path])[::-1] for parent in reversed(direct)]
    nearest_first = [manifest, *_merge([*chains, list(reversed(direct))], manifest)]
    return tuple(reversed(nearest_first))


def _needed(parents: tuple[Manifest, ...], found: Mapping[str, tuple[Manifest, ...]]) -> list[Manifest]:
    """A listed parent that another listed parent descends from adds nothing; nor does a repeat."""
    unique = list({parent.path: parent for parent in parents}.values())
    return [
        parent
        for parent in unique
        if not any(other is not parent and _descends(other, parent, found) for other in unique)
    ]


def _descends(child: Manifest, ancestor: Manifest, found: Mapping[str, tuple[Manifest, ...]]) -> bool:
    return any(one.path == ancestor.path for one in found[child.path])


def _merge(chains: list[list[Manifest]], child: Manifest) -> list[Manifest]:
    """The C3 merge: take the first head that stands in no other chain's tail."""
    merged: list[Manifest] = []
    at = [0] * len(chains)
    tails = Counter(one.path for chain in chains for one in chain[1:])
    while waiting := [number for number, chain in enumerate(chains) if at[number] < len(chain)]:
        heads = [chains[number][at[number]] for number in waiting]
        head = next((one for one in heads if not tails[one.path]), None)
        if head is None:
            raise _no_order([chains[number][at[number] :] for number in waiting], child)
        merged.append(head)
        for number, one in zip(waiting, heads, strict=True):
            if one.path == head.path:
                at[number] += 1
                tails.subtract(following.path for following in chains[number][at[number] : at[number] + 1])
    return merged


def _no_order(chains: list[list[Manifest]], child: Manifest) -> ResolveError:
    """Two manifests, each of which comes before the other somewhere; in a longer ring there may be none such."""
    orders = {(one.path, other.path) for chain in chains for at, one in enumerate(chain) for other in chain[at + 1 :]}
    found = {one.path: one for chain in chains for one in chain}
    pairs = sorted(pair for pair in orders if pair[::-1] in orders)
    heads = sorted({chain[0].path for chain in chains})
    first, second = (found[path] for path in (pairs[0] if pairs else (heads[0], heads[-1])))
    where = child.extends[0].where if child.extends else child.place
    return ResolveError(
        f"the parents of '{child.name}' have no common order: '{first.name}' and '{second.name}' "
        "each come before the other",
        where,
        "list them in one order everywhere",
    )
