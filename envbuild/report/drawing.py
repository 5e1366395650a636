"""A graph as an SVG picture, drawn here: its text can be read and searched, on a light and on a dark page."""

from collections import defaultdict
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from envbuild.report.graph import graph_sum, said
from envbuild.report.layout import GAP, PORT, ROW, Layout, Segment, Spot, Strand, layout
from envbuild.report.terminal import cells, cropped, one_line
from envbuild.resolve import Graph, Node

_LETTER, _SMALL = 7.85, 6.65
_PADDING = 12.0
_BETWEEN = 84.0
_MARGIN = 24.0
_HEAD, _FOOT = 44.0, 52.0
_LONGEST = 48
_NARROWEST = 560.0
_TIP, _BEHIND = 12.0, 3.0
_TIPS = {"extends": "tip", "built": "tip-built"}
_STYLE = """
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328}
path{fill:none;stroke:#818b98;stroke-width:1.4}
.page{fill:#fff}.box{fill:#f2f5f8;stroke:#c3cbd4}
.abstract{fill:none;stroke:#818b98;stroke-dasharray:2 3}.it{font-style:italic}
.dim{font-size:11px;fill:#59636e}.kind{font-size:11px;fill:#bc4c00;stroke:#fff;stroke-width:3px;paint-order:stroke}
.cell{stroke-width:.8}.built{stroke:#bc4c00;stroke-dasharray:6 4}
.tip{fill:#818b98;stroke:none}.tip-built{fill:#bc4c00;stroke:none}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.box{fill:#1b222b;stroke:#3d4650}
.dim{fill:#9198a1}.kind{fill:#f0883e;stroke:#0d1117}.built{stroke:#f0883e}.tip-built{fill:#f0883e}}
"""  # one set of colours after the other: not every viewer knows variables


def graph_svg(graph: Graph) -> str:
    """The same graph gives the same bytes."""
    return "\n".join(_Picture(graph, layout(graph)).lines())


class _Picture:
    def __init__(self, graph: Graph, places: Layout) -> None:
        self._graph = graph
        self._nodes = {node.name: node for node in graph.nodes}
        self._places = places
        self._cells: dict[str, int] = defaultdict(int)
        for edge in graph.edges:
            self._cells[edge.end] += edge.kind == "cell"
        widths = [0.0] * places.layers
        for spot in places.spots:
            if not spot.is_bend:
                widths[spot.layer] = max(widths[spot.layer], self._width(spot))
        self._lefts = [_MARGIN + sum(widths[:at]) + _BETWEEN * at for at in range(len(widths))]
        self._rights = [left + width + _TIP for left, width in zip(self._lefts, widths, strict=True)]
        self._ports = _ports(places)
        self._rows, self._height = self._in_rows()

    def lines(self) -> Iterator[str]:
        told = graph_sum(self._graph)
        legend = self._legend()
        lengths = [
            *self._rights,
            *(x + self._width(spot) for spot, x in self._rows),
            _MARGIN + len(told) * _LETTER,
            _MARGIN + sum(width for _, width in legend),
        ]
        width, height = max(lengths) + _MARGIN, _HEAD + self._height + (_FOOT if legend else 0)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" '
            f'width="{_n(width)}" height="{_n(height)}" role="img">'
        )
        yield f"<title>{escape(told)}</title><style>{_STYLE}</style><defs>{_tip('tip')}{_tip('tip-built')}</defs>"
        yield '<rect class="page" width="100%" height="100%"/>'
        yield f'<text x="{_n(_MARGIN)}" y="28">{escape(told)}</text>'
        yield f'<g transform="translate(0 {_n(_HEAD)})">'
        yield from (self._segment(one) for one in self._places.segments)
        yield from self._arrivals()
        yield from self._kinds()
        for spot in self._places.spots:
            if not spot.is_bend:
                yield from self._box(spot, self._lefts[spot.layer])
        yield from self._alone()
        yield "</g>"
        x = _MARGIN
        for sample, taken in legend:
            yield f'<g transform="translate({_n(x)} {_n(height - _FOOT / 2)})">{sample}</g>'
            x += taken
        yield "</svg>"

    def _in_rows(self) -> tuple[list[tuple[Spot, float]], float]:
        """Boxes that stand alone below the rest, as many to a row as there is room; and how high all of it is."""
        found = []
        x, y, widest = _MARGIN, self._places.height + ROW / 2, max([*self._rights, _NARROWEST])
        for name in self._places.alone:
            spot = Spot(name, 0, ROW, y)
            if x > _MARGIN and x + self._width(spot) > widest:
                x, y = _MARGIN, y + ROW + GAP
            spot.y = y
            found.append((spot, x))
            x += self._width(spot) + GAP
        return found, y + ROW / 2 + GAP if found else self._places.height

    def _shown(self, node: Node) -> tuple[str, str]:
        """A name, and what is to be said of it beside."""
        what = said(node, self._cells[node.name])
        return cropped(one_line(node.name), _LONGEST), what or ("" if node.builder == "local" else node.builder)

    def _width(self, spot: Spot) -> float:
        name, what = self._shown(self._nodes[spot.name])
        return cells(name) * _LETTER + (cells(what) * _SMALL + 10 if what else 0) + 2 * _PADDING

    def _right(self, spot: Spot) -> float:
        return self._lefts[spot.layer] + self._width(spot) + (_BEHIND if self._nodes[spot.name].matrix else 0)

    def _box(self, spot: Spot, x: float) -> Iterator[str]:
        node = self._nodes[spot.name]
        name, what = self._shown(node)
        y, width = spot.y - spot.height / 2, self._width(spot)
        size = f'width="{_n(width)}" height="{_n(spot.height)}" rx="6"'
        yield f"<g><title>{escape(one_line(f'{node.name}  {node.file}'))}</title>"
        if node.matrix:
            yield f'<rect class="box" x="{_n(x + _BEHIND)}" y="{_n(y + _BEHIND)}" {size}/>'
        yield f'<rect class="{"abstract" if node.abstract else "box"}" x="{_n(x)}" y="{_n(y)}" {size}/>'
        style = ' class="it"' if node.abstract else ""
        yield f'<text{style} x="{_n(x + _PADDING)}" y="{_n(spot.y + 4.5)}">{escape(name)}</text>'
        if what:
            at = x + width - _PADDING
            yield f'<text class="dim" x="{_n(at)}" y="{_n(spot.y + 4)}" text-anchor="end">{escape(what)}</text>'
        yield "</g>"

    def _segment(self, one: Segment) -> str:
        """Along the row of a bend, then a curve to the next layer: no line crosses a box."""
        there = one.end.y + _shift(one.strand, one.end)
        near, far = self._lefts[one.start.layer], self._rights[one.end.layer]
        y, middle = self._ports.get(one, one.start.y), _n((near + far) / 2)
        begin = f"M{_n(near)} {_n(y)}"
        if one.start.is_bend:
            begin = f"M{_n(self._rights[one.start.layer])} {_n(y)}H{_n(near)}"
        has_tip = one.is_turned and one.edge and one.strand in _TIPS
        tip = f' marker-start="url(#{_TIPS[one.strand]})"' if has_tip else ""
        curve = f"C{middle} {_n(y)} {middle} {_n(there)} {_n(far)} {_n(there)}"
        return f'<path class="{one.strand}" d="{begin}{curve}"{tip}/>'

    def _arrivals(self) -> Iterator[str]:
        """The last bit of a line to a box, which all of its kind share."""
        for end, kind, is_turned in dict.fromkeys(
            (one.end, one.strand, one.is_turned) for one in self._places.segments if not one.end.is_bend
        ):
            y = _n(end.y + _shift(kind, end))
            tip = f' marker-end="url(#{_TIPS[kind]})"' if kind in _TIPS and not is_turned else ""
            line = f"M{_n(self._rights[end.layer])} {y}H{_n(self._right(end))}"
            yield f'<path class="{kind}" d="{line}"{tip}/>'

    def _kinds(self) -> Iterator[str]:
        """Beside a dashed line, as what it is built from the other."""
        for one, y in self._ports.items():
            if one.edge and one.strand == "built":
                x = self._lefts[one.start.layer] - 9
                yield f'<text class="kind" x="{_n(x)}" y="{_n(y - 4)}" text-anchor="end">{one.edge.kind}</text>'

    def _alone(self) -> Iterator[str]:
        """What nothing leads to or from, in rows."""
        for spot, x in self._rows:
            yield from self._box(spot, x)

    def _legend(self) -> list[tuple[str, float]]:
        """A sample and a word for whatever the picture has."""
        samples = []
        strands = {one.strand for one in self._places.segments}
        words = {"extends": "extends", "cell": "is a cell of", "built": "is built from"}
        for name, word in words.items():
            if name in strands:
                tip = f' marker-end="url(#{_TIPS[name]})"' if name in _TIPS else ""
                samples.append((f'<path class="{name}" d="M34 0H0"{tip}/>', 42.0, word))
        boxes = (("abstract", any(node.abstract for node in self._graph.nodes), "only extended, never built"),)
        for name, is_there, word in boxes:
            if is_there:
                samples.append((f'<rect class="{name}" x="0" y="-8" width="30" height="16" rx="4"/>', 38.0, word))
        return [
            (f'{sample}<text class="dim" x="{_n(at)}" y="4">{word}</text>', at + len(word) * _SMALL + 24)
            for sample, at, word in samples
        ]


def _ports(places: Layout) -> dict[Segment, float]:
    """Where lines leave the left side of a box: below each other, in the order of where they go."""
    leaving: dict[Spot, list[Segment]] = defaultdict(list)
    for one in places.segments:
        if not one.start.is_bend:
            leaving[one.start].append(one)
    ports: dict[Segment, float] = {}
    for spot, segments in leaving.items():
        segments.sort(key=lambda one: one.end.y + _shift(one.strand, one.end))
        first = spot.y - PORT * (len(segments) - 1) / 2
        ports |= {one: first + PORT * at for at, one in enumerate(segments)}
    return ports


def _shift(kind: Strand, end: Spot) -> float:
    """What is built from a node arrives below what extends it."""
    return ROW / 4 if kind == "built" and not end.is_bend else 0.0


def _tip(name: str) -> str:
    return (
        f'<marker id={quoteattr(name)} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path class="{name}" d="M0 0L8 4L0 8z"/></marker>'
    )


def _n(value: float) -> str:
    """A length, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")
