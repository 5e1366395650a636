"""What an environment needs of others before it is built: as `image.base`, `image.with` or in `image.copy`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeAlias

import msgspec

from envbuild.document import Mapping as Node
from envbuild.document import Scalar, Sequence, Value
from envbuild.errors import EnvbuildError, Place, Problems, ResolveError
from envbuild.manifest import MatrixValue, same_value
from envbuild.names import qualified
from envbuild.resolve.environment import Environment
from envbuild.shape import nearest

Kind = Literal["base", "with", "copy"]


class Need(msgspec.Struct, frozen=True):
    """One mention of another environment, by the name that it has in the project."""

    kind: Kind
    name: str
    where: Place


_Mention: TypeAlias = tuple[Need, Environment]


class Link(msgspec.Struct, frozen=True, order=True):
    """`needed` is built before `environment`."""

    environment: str
    needed: str
    kind: Kind
    where: Place


class Candidates(msgspec.Struct, frozen=True):
    """Environments that a name may mean: each under its own, the cells of a manifest also under the manifest's."""

    by_name: Mapping[str, Environment]
    by_manifest: Mapping[str, tuple[Environment, ...]]
    abstract: frozenset[str]
    known: frozenset[str]


def needs(environment: Environment) -> Iterator[Need]:
    """Everything that is mentioned, in the order of the keys."""
    image = environment.body.get("image")
    if not isinstance(image, Node):
        return
    yield from _mentioned("base", image.get("base"))
    companions = image.get("with")
    for item in companions.items if isinstance(companions, Sequence) else ():
        if isinstance(item, Scalar):
            yield Need("with", qualified(item.text, item.path), item.place)
    copies = image.get("copy")
    for item in copies.items if isinstance(copies, Sequence) else ():
        yield from _mentioned("copy", item.get("from") if isinstance(item, Node) else None)


def _mentioned(kind: Kind, node: Value | None) -> Iterator[Need]:
    name = node.get("environment") if isinstance(node, Node) else None
    if isinstance(name, Scalar):
        yield Need(kind, qualified(name.text, name.path), name.place)


def link(environments: Iterable[Environment], candidates: Candidates) -> tuple[list[Link], list[EnvbuildError]]:
    """Which environment each mention means, also in those that are meant; what is wrong comes beside it."""
    links: list[Link] = []
    problems: list[EnvbuildError] = []
    mentions: list[tuple[Environment, list[_Mention]]] = []
    waiting = list(environments)
    met = {environment.name for environment in waiting}
    while waiting:
        environment = waiting.pop()
        asked = ((need, _found(need, environment, candidates, problems)) for need in needs(environment))
        meant = [(need, found) for need, found in asked if found]
        links += (Link(environment.name, found.name, need.kind, need.where) for need, found in meant)
        mentions.append((environment, meant))
        waiting += (found for _, found in meant if found.name not in met)
        met |= {found.name for _, found in meant}
    return links, [*problems, *_misplaced(mentions), *_cycles(links)]


def _found(
    need: Need, environment: Environment, candidates: Candidates, problems: list[EnvbuildError]
) -> Environment | None:
    try:
        return _meant(need, environment, candidates)
    except EnvbuildError as error:
        problems.append(error)
        return None


def _meant(need: Need, environment: Environment, candidates: Candidates) -> Environment:
    if need.name in candidates.abstract:
        hint = "name one that is built"
        raise ResolveError(f"'{need.name}' is abstract: it is only extended, never built", need.where, hint)
    if found := candidates.by_name.get(need.name):
        return found
    cells = candidates.by_manifest.get(need.name, ())
    if not cells and need.name in candidates.known:
        raise Problems([])  # what is wrong with it is told where it stands
    if not cells:
        known = {*candidates.known, *candidates.by_name}
        raise ResolveError(f"no environment is named '{need.name}'", need.where, nearest(need.name, known))
    agreeing = [cell for cell in cells if _agree(cell.matrix, environment.matrix)]
    if len(agreeing) == 1:
        return agreeing[0]
    names = ", ".join(cell.name for cell in agreeing or cells)
    many = f"{len(agreeing)} cells of '{need.name}' agree" if agreeing else f"no cell of '{need.name}' agrees"
    raise ResolveError(f"{many} with '{environment.name}'", need.where, f"name one of: {names}")


def _agree(one: Mapping[str, MatrixValue], other: Mapping[str, MatrixValue]) -> bool:
    return all(same_value(one[axis], other[axis]) for axis in one.keys() & other.keys())


def _misplaced(mentions: list[tuple[Environment, list[_Mention]]]) -> Iterator[EnvbuildError]:
    below = {environment.name: other for environment, meant in mentions for need, other in meant if need.kind == "base"}
    for environment, meant in mentions:
        if environment.builder != "local":
            yield from _imageless(meant)
            yield from _colliding(environment, meant, below)


def _imageless(meant: list[_Mention]) -> Iterator[EnvbuildError]:
    for need, other in meant:
        if other.builder == "local":
            yield ResolveError(f"'{other.name}' builds no image", need.where, f"set 'builder' in {other.path}")


def _colliding(
    environment: Environment, meant: list[_Mention], below: Mapping[str, Environment]
) -> Iterator[EnvbuildError]:
    """Each environment of an image that installs something has a place of its own; a base that is extended is grown."""
    lying = {environment.prefix: environment.name} if environment.installs else {}
    for need, other in meant:
        where = environment.where("image", "prefix") if environment.stated("image", "prefix") else need.where
        for above, one in _brought(need, environment, other, below):
            if above and _extends(above, one):
                if above is environment and above.installs and above.prefix != one.prefix:
                    message = f"'{above.name}' extends its base '{one.name}', so that both lie at '{one.prefix}'"
                    yield ResolveError(message, where, "remove 'image.prefix'")
            elif there := lying.get(one.prefix):
                message = f"'{there}' and '{one.name}' both lie at '{one.prefix}'"
                yield ResolveError(message, where, "set 'image.prefix' of one of them, or extend the base as well")
            lying.setdefault(one.prefix, one.name)


def _brought(
    need: Need, environment: Environment, other: Environment, below: Mapping[str, Environment]
) -> Iterator[tuple[Environment | None, Environment]]:
    """What a mention brings that installs something; of a base each that it is made of, behind what starts from it."""
    if need.kind != "base":
        if need.kind == "with" and other.installs:
            yield None, other
        return
    met, above, one = {environment.name}, environment, other
    while one.name not in met:
        if one.installs:
            yield above, one
        met.add(one.name)
        above, one = one, below.get(one.name, one)


def _extends(environment: Environment, other: Environment) -> bool:
    return any(manifest.path == other.path for manifest in environment.lineage[:-1])


def _cycles(links: list[Link]) -> Iterator[EnvbuildError]:
    """Every ring of environments that wait for each other, named whole."""
    if not links:
        return
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edges_from((one.environment, one.needed) for one in sorted(links))
    where = {(one.environment, one.needed): one.where for one in sorted(links, reverse=True)}
    for ring in sorted(sorted(component) for component in nx.strongly_connected_components(graph)):
        if len(ring) > 1 or graph.has_edge(ring[0], ring[0]):
            edges = nx.find_cycle(graph.subgraph(ring), ring[0])
            shown = " -> ".join([*(one for one, _ in edges), edges[0][0]])
            last = edges[-1]
            hint = "build one of them from another image"
            yield ResolveError(f"these are built from each other: {shown}", where[(last[0], last[1])], hint)
