"""Where the nodes of a graph stand in a picture: parents on the left, children on the right, few lines that cross.

Each connected part is drawn for itself: a node stands right of all that its edges lead to; an edge over several layers
has a bend in each, which all edges of its kind to that node share; each layer is ordered by the middle of its
neighbours, and stands as near to that as its boxes allow. Nothing here is left to chance, so a graph has one picture.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from envbuild.resolve import Edge, Graph

ROW, GAP, BEND = 30.0, 12.0, 8.0
PORT = 12.0
_PARTS_APART = 28.0
_SWEEPS = 12
_BENDS = 20_000

Strand = Literal["extends", "cell", "built"]
Key = tuple[str, Strand | None, int]


def strand(edge: Edge) -> Strand:
    """What edges to one node are drawn as one trunk."""
    return edge.kind if edge.kind in {"extends", "cell"} else "built"


class Spot(msgspec.Struct, eq=False):
    """A box, or with no name a bend of the edges that go on to the same node."""

    name: str
    layer: int
    height: float
    y: float = 0.0
    left: "list[Spot]" = []
    right: "list[Spot]" = []

    @property
    def is_bend(self) -> bool:
        return not self.name


class Segment(msgspec.Struct, frozen=True):
    """A line from a spot to one in the layer on its left; the edge that it begins or ends, if it does."""

    start: Spot
    end: Spot
    strand: Strand
    edge: Edge | None
    is_turned: bool


class Layout(msgspec.Struct, frozen=True):
    spots: tuple[Spot, ...]
    segments: tuple[Segment, ...]
    layers: int
    height: float
    alone: tuple[str, ...]


def layout(graph: Graph) -> Layout:
    """All connected parts below each other, the largest first; what nothing leads to or from stands `alone`."""
    spots: list[Spot] = []
    segments: list[Segment] = []
    top, layers = 0.0, 0
    parts = _parts(graph)
    for names in (part for part in parts if len(part) > 1):
        inside = set(names)
        part = _Part(names, [edge for edge in graph.edges if edge.start in inside])
        part.place()
        lowest = min(spot.y - spot.height / 2 for spot in part.spots)
        for spot in part.spots:
            spot.y += top - lowest
        top = max(spot.y + spot.height / 2 for spot in part.spots) + _PARTS_APART
        layers = max(layers, len(part.layers))
        spots += part.spots
        segments += part.segments
    return Layout(tuple(spots), tuple(segments), layers, top, tuple(part[0] for part in parts if len(part) == 1))


def _parts(graph: Graph) -> list[list[str]]:
    """Names that edges join, in whatever direction."""
    joined: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
    for edge in graph.edges:
        joined[edge.start].append(edge.end)
        joined[edge.end].append(edge.start)
    found, met = [], set[str]()
    for name in joined:
        part, waiting = [], [name]
        while waiting:
            one = waiting.pop()
            if one not in met:
                met.add(one)
                part.append(one)
                waiting += reversed(joined[one])
        if part:
            found.append(sorted(part))
    return sorted(found, key=lambda part: (-len(part), part))


class _Part:
    """One connected part while it is laid out."""

    def __init__(self, names: Sequence[str], edges: Sequence[Edge]) -> None:
        turned = _turned(names, edges)
        self._edges = [(edge, edge in turned) for edge in edges]
        level = self._levels(names)
        ports: dict[str, int] = defaultdict(int)
        for edge, back in self._edges:
            ports[edge.end if back else edge.start] += 1
        self._at: dict[Key, Spot] = {
            (name, None, level[name]): Spot(name, level[name], max(ROW, PORT * (ports[name] + 1))) for name in names
        }
        self._levels_of = level
        self.segments: list[Segment] = []
        self._draw()
        self.spots = list(self._at.values())
        self.layers: list[list[Spot]] = [[] for _ in range(max(level.values()) + 1)]
        for spot in self.spots:
            self.layers[spot.layer].append(spot)

    def _levels(self, names: Sequence[str]) -> dict[str, int]:
        """How many edges the longest way from a node has."""
        ends: dict[str, list[str]] = {name: [] for name in names}
        for edge, back in self._edges:
            start, end = (edge.end, edge.start) if back else (edge.start, edge.end)
            ends[start].append(end)
        level: dict[str, int] = {}
        for name in names:
            stack = [name]
            while stack:
                one = stack[-1]
                waiting = [end for end in ends[one] if end not in level]
                if waiting:
                    stack += waiting
                else:
                    level[stack.pop()] = max((level[end] + 1 for end in ends[one]), default=0)
        return level

    def _draw(self) -> None:
        """Every edge as segments, through bends that it shares with others to the same node."""
        level = self._levels_of
        lengths = [abs(level[edge.start] - level[edge.end]) for edge, _ in self._edges]
        straight = sum(lengths) > _BENDS
        known: set[tuple[Key, Key, Strand, bool]] = set()
        for edge, back in self._edges:
            start, end = (edge.end, edge.start) if back else (edge.start, edge.end)
            here: Key = (start, None, level[start])
            between = () if straight else range(level[start] - 1, level[end], -1)
            for there in [*((end, strand(edge), at) for at in between), (end, None, level[end])]:
                step = (here, there, strand(edge), back)
                if here[1] is None or step not in known:
                    known.add(step)
                    self._join(here, there, edge if here[1] is None else None, strand(edge), is_turned=back)
                here = there

    def _join(self, here: Key, there: Key, edge: Edge | None, kind: Strand, *, is_turned: bool) -> None:
        start, end = self._spot(here), self._spot(there)
        self.segments.append(Segment(start, end, kind, edge, is_turned))
        if end not in start.left:
            start.left.append(end)
            end.right.append(start)

    def _spot(self, key: Key) -> Spot:
        if key not in self._at:
            self._at[key] = Spot("", key[2], BEND)
        return self._at[key]

    def place(self) -> None:
        """First the order in each layer, then how far down each spot stands."""
        self._order_by_descent()
        best, order = _crossings(self.layers), [list(layer) for layer in self.layers]
        for sweep in range(_SWEEPS):
            if not best:
                break
            for layer in self.layers if sweep % 2 == 0 else reversed(self.layers):
                _by_neighbours(layer, self.layers, leftwards=sweep % 2 == 0)
            if (count := _crossings(self.layers)) < best:
                best, order = count, [list(layer) for layer in self.layers]
        self.layers = order
        for layer in self.layers:
            _spread(layer, [0.0] * len(layer))
        for sweep in range(_SWEEPS):
            for layer in self.layers if sweep % 2 == 0 else reversed(self.layers):
                _spread(layer, [_middle(spot, sweep) for spot in layer])

    def _order_by_descent(self) -> None:
        """Children in the order of their parents: a tree has no crossings to begin with."""
        seen: dict[Spot, int] = {}
        stack = list(reversed(self.layers[0]))
        while stack:
            spot = stack.pop()
            if spot not in seen:
                seen[spot] = len(seen)
                stack += sorted(spot.right, key=lambda one: (len(one.right), one.name), reverse=True)
        for layer in self.layers:
            layer.sort(key=lambda spot: seen.get(spot, len(seen)))


def _turned(names: Iterable[str], edges: Iterable[Edge]) -> set[Edge]:
    """The edges that close a ring: something may be built from what extends it."""
    ends: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        ends[edge.start].append(edge)
    done, opened, found = set[str](), set[str](), set[Edge]()
    for name in names:
        stack = [(name, iter(ends[name]))] if name not in done else []
        opened.update(one for one, _ in stack)
        while stack:
            one, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                opened.discard(one)
                done.add(one)
            elif following.end in opened:
                found.add(following)
            elif following.end not in done:
                opened.add(following.end)
                stack.append((following.end, iter(ends[following.end])))
    return found


def _by_neighbours(layer: list[Spot], layers: list[list[Spot]], *, leftwards: bool) -> None:
    """By the mean of where the neighbours on one side stand; who has none keeps its place."""
    side = layer[0].layer + (-1 if leftwards else 1)
    if not 0 <= side < len(layers):
        return
    at = {spot: number for number, spot in enumerate(layers[side])}
    mean = {}
    for number, spot in enumerate(layer):
        places = [at[one] for one in (spot.left if leftwards else spot.right) if one in at]
        mean[spot] = sum(places) / len(places) if places else float(number)
    layer.sort(key=mean.__getitem__)


def _crossings(layers: list[list[Spot]]) -> int:
    """How many pairs of lines cross between neighbouring layers."""
    count = 0
    for layer in layers[1:]:
        before = {spot: at for at, spot in enumerate(layers[layer[0].layer - 1])}
        met: list[int] = []
        for spot in layer:
            places = sorted(before[one] for one in spot.left if one in before)
            count += sum(len(met) - bisect_right(met, place) for place in places)
            for place in places:
                insort(met, place)
    return count


def _middle(spot: Spot, sweep: int) -> float:
    """Where a spot would like to be: in turn by what is on its left, on its right, and at last by both."""
    sides = [spot.left, spot.right] if sweep >= _SWEEPS - 2 else [spot.left if sweep % 2 == 0 else spot.right]
    near = [one.y for side in sides for one in side]
    return sum(near) / len(near) if near else spot.y


def _spread(layer: list[Spot], wishes: list[float]) -> None:
    """As near to its wishes as a layer can be without changing its order or overlapping: least squares, by pooling."""
    offsets, below = [], 0.0
    for at, spot in enumerate(layer):
        below += (layer[at - 1].height + spot.height) / 2 + GAP if at else 0.0
        offsets.append(below)
    pools: list[tuple[float, float, int]] = []
    for spot, wish, offset in zip(layer, wishes, offsets, strict=True):
        weight = 4.0 if spot.is_bend else 1.0
        total, heavy, count = (wish - offset) * weight, weight, 1
        while pools and pools[-1][0] / pools[-1][1] > total / heavy:
            before = pools.pop()
            total, heavy, count = total + before[0], heavy + before[1], count + before[2]
        pools.append((total, heavy, count))
    places = [total / heavy for total, heavy, count in pools for _ in range(count)]
    for spot, place, offset in zip(layer, places, offsets, strict=True):
        spot.y = place + offset
