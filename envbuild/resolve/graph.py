"""Who extends whom and what is built from what: the whole family of manifests and environments as one value."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from envbuild.errors import Place
from envbuild.manifest import Manifest
from envbuild.resolve.environment import Environment
from envbuild.resolve.links import Link

EdgeKind = Literal["extends", "cell", "base", "with", "copy"]
Parents = Callable[[str], Iterable[tuple[str, Place]]]


class Node(msgspec.Struct, frozen=True, order=True):
    """A manifest, an environment, or mostly both. What is abstract, or stands for the cells of a matrix, is not built.

    The builder is '' for what is not built. What is `lent` is an environment of a catalogue that nobody has asked for,
    and only a parent here.
    """

    name: str
    file: str
    abstract: bool = False
    matrix: bool = False
    builder: str = ""
    lent: bool = False

    @property
    def is_environment(self) -> bool:
        return not self.abstract and not self.matrix and not self.lent


class Edge(msgspec.Struct, frozen=True, order=True):
    """`start` extends `end`, is a cell of it, or is built from it."""

    start: str
    end: str
    kind: EdgeKind
    where: Place


class Graph(msgspec.Struct, frozen=True):
    """Nodes by name, edges by where they start, parents in the order in which they are stated."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    def dependents(self, names: Collection[str]) -> frozenset[str]:
        """The environments that extend any of these or are built from it, directly or not."""
        return self._environments(_reached(names, self._arcs(backwards=True)))

    def dependencies(self, names: Collection[str]) -> frozenset[str]:
        """The environments that any of these extends or is built from, directly or not."""
        return self._environments(_reached(names, self._arcs(backwards=False)))

    def part(self, names: Collection[str]) -> "Graph":
        """These, and all that their edges lead to."""
        ends: dict[str, list[str]] = defaultdict(list)
        for edge in self.edges:
            ends[edge.start].append(edge.end)
        return self._kept({*names, *_reached(names, ends)}.__contains__)

    def without(self, is_left_out: Callable[[Node], bool]) -> "Graph":
        """All but some nodes, and no edge to or from those."""
        gone = {node.name for node in self.nodes if is_left_out(node)}
        return self._kept(lambda name: name not in gone)

    def _kept(self, is_kept: Callable[[str], bool]) -> "Graph":
        return Graph(
            tuple(node for node in self.nodes if is_kept(node.name)),
            tuple(edge for edge in self.edges if is_kept(edge.start) and is_kept(edge.end)),
        )

    def _environments(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(node.name for node in self.nodes if node.is_environment and node.name in names)

    def _arcs(self, *, backwards: bool) -> dict[str, list[str]]:
        """From each name to what it needs, or to what needs it.

        Who extends a manifest with a matrix needs all of its cells; a cell needs what its manifest extends, and no
        other cell. So the manifest needs its cells here, and its parents are theirs.
        """
        cells: dict[str, list[str]] = defaultdict(list)
        for edge in self.edges:
            if edge.kind == "cell":
                cells[edge.end].append(edge.start)
        arcs: dict[str, list[str]] = defaultdict(list)
        for edge in self.edges:
            start, end = (edge.end, edge.start) if edge.kind == "cell" else (edge.start, edge.end)
            for one in [start] if edge.kind == "cell" else cells.get(start, [start]):
                first, last = (end, one) if backwards else (one, end)
                arcs[first].append(last)
        return arcs


def _reached(names: Collection[str], arcs: Mapping[str, Iterable[str]]) -> set[str]:
    """Where arcs lead from any of these; a start only if a ring leads back to it."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        for name in arcs.get(waiting.pop(), ()):
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found


def graph(
    environments: Iterable[Environment],
    manifests: Iterable[Manifest],
    parents: Parents,
    links: Iterable[Link],
    named: Collection[str],
) -> Graph:
    """`parents` are the paths that a file extends, each with its line; what no name means is only extended."""
    made: dict[str, list[Environment]] = defaultdict(list)
    for environment in environments:
        made[environment.path].append(environment)
    files = {one.path: one for one in manifests}
    titles = {path: _title(one, made[path]) for path, one in files.items()}
    nodes: list[Node] = []
    edges: list[Edge] = [Edge(one.environment, one.needed, one.kind, one.where) for one in links]
    for path, one in files.items():
        abstract = one.abstract or (path not in named and one.name == path)
        nodes += _nodes(one, titles[path], made[path], abstract=abstract)
        edges += _cells(one, titles[path], made[path])
        edges += (Edge(titles[path], titles[to], "extends", where) for to, where in parents(path) if to in titles)
    known = {node.name for node in nodes}
    first: dict[tuple[str, str, str], Edge] = {}
    for edge in sorted(edges, key=_stated):
        if edge.start in known and edge.end in known:
            first.setdefault((edge.start, edge.end, edge.kind), edge)
    return Graph(tuple(sorted(nodes)), tuple(first.values()))


def _stated(edge: Edge) -> tuple[str, bool, Place, Edge]:
    return edge.start, edge.kind not in {"extends", "cell"}, edge.where, edge


def _title(manifest: Manifest, made: list[Environment]) -> str:
    """What a manifest is called: its name, unless that is the name of one cell among others."""
    return manifest.path if len(made) > 1 and any(one.name == manifest.name for one in made) else manifest.name


def _is_matrix(manifest: Manifest, made: list[Environment]) -> bool:
    return bool(made) and [one.name for one in made] != [manifest.name]


def _nodes(manifest: Manifest, title: str, made: list[Environment], *, abstract: bool) -> Iterator[Node]:
    if abstract or not made:
        yield Node(title, manifest.path, abstract, lent=not abstract)
        return
    if _is_matrix(manifest, made):
        yield Node(title, manifest.path, matrix=True)
    yield from (Node(one.name, one.path, builder=one.builder) for one in made)


def _cells(manifest: Manifest, title: str, made: list[Environment]) -> Iterator[Edge]:
    if _is_matrix(manifest, made):
        where = manifest.matrix.where if manifest.matrix else manifest.place
        yield from (Edge(one.name, title, "cell", where) for one in made)
