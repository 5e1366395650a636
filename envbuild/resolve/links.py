"""What an environment needs of others before it is built: as `image.base`, `image.with` or in `image.copy`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from envbuild.document import Mapping as Node
from envbuild.document import Scalar, Sequence, Value
from envbuild.errors import EnvbuildError, Place, ResolveError
from envbuild.manifest import MatrixValue, same_value
from envbuild.resolve.environment import Environment
from envbuild.shape import nearest

Kind = Literal["base", "with", "copy"]


class Need(msgspec.Struct, frozen=True):
    """One mention of another environment, as it is written."""

    kind: Kind
    name: str
    where: Place


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


def needs(environment: Environment) -> Iterator[Need]:
    """Everything that is mentioned, in the order of the keys."""
    image = environment.body.get("image")
    if not isinstance(image, Node):
        return
    yield from _mentioned("base", image.get("base"))
    companions = image.get("with")
    for item in companions.items if isinstance(companions, Sequence) else ():
        if isinstance(item, Scalar):
            yield Need("with", item.text, item.place)
    copies = image.get("copy")
    for item in copies.items if isinstance(copies, Sequence) else ():
        yield from _mentioned("copy", item.get("from") if isinstance(item, Node) else None)


def _mentioned(kind: Kind, node: Value | None) -> Iterator[Need]:
    name = node.get("environment") if isinstance(node, Node) else None
    if isinstance(name, Scalar):
        yield Need(kind, name.text, name.place)


def link(environments: Iterable[Environment], candidates: Candidates) -> tuple[list[Link], list[EnvbuildError]]:
    """Which environment each mention means; what is wrong comes beside it."""
    links: list[Link] = []
    problems: list[EnvbuildError] = []
    for environment in environments:
        for need in needs(environment):
            try:
                meant = _meant(need, environment, candidates)
            except EnvbuildError as error:
                problems.append(error)
                continue
            links.append(Link(environment.name, meant.name, need.kind, need.where))
            problems += _misplaced(need, environment, meant)
    problems += _cycles(links)
    return links, problems


def _meant(need: Need, environment: Environment, candidates: Candidates) -> Environment:
    if need.name in candidates.abstract:
        hint = "name one that is built"
        raise ResolveError(f"'{need.name}' is abstract: it is only extended, never built", need.where, hint)
    if found := candidates.by_name.get(need.name):
        return found
    cells = candidates.by_manifest.get(need.name, ())
    if not cells:
        known = {*candidates.by_name, *candidates.by_manifest}
        raise ResolveError(f"no environment is named '{need.name}'", need.where, nearest(need.name, known))
    agreeing = [cell for cell in cells if _agree(cell.matrix, environment.matrix)]
    if len(agreeing) == 1:
        return agreeing[0]
    names = ", ".join(cell.name for cell in agreeing or cells)
    many = f"{len(agreeing)} cells" if agreeing else "no cell"
    raise ResolveError(f"{many} of '{need.name}' agree with '{environment.name}'", need.where, f"name one of: {names}")


def _agree(one: Mapping[str, MatrixValue], other: Mapping[str, MatrixValue]) -> bool:
    return all(same_value(one[axis], other[axis]) for axis in one.keys() & other.keys())


def _misplaced(need: Need, environment: Environment, meant: Environment) -> Iterator[EnvbuildError]:
    """Prefixes: a base that is also an ancestor is grown in place, any other environment lies elsewhere."""
    if need.kind == "copy":
        return
    inherits = need.kind == "base" and any(manifest.path == meant.path for manifest in environment.lineage[:-1])
    where = environment.where("image", "prefix") if environment.stated("image", "prefix") else need.where
    if inherits and environment.prefix != meant.prefix:
        message = f"'{environment.name}' extends its base '{meant.name}', so that both lie at '{meant.prefix}'"
        yield ResolveError(message, where, "remove 'image.prefix'")
    if not inherits and environment.prefix == meant.prefix:
        message = f"'{environment.name}' and '{meant.name}' both lie at '{meant.prefix}'"
        yield ResolveError(message, where, "set 'image.prefix' of one of them, or extend the base as well")
    if environment.builder != "local" and meant.builder == "local":
        hint = f"set 'builder' in {meant.path}"
        yield ResolveError(f"'{meant.name}' builds no image", need.where, hint)


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
