"""A family of manifests as a tree in the terminal, as JSON, and in the languages of two programs that draw graphs."""

from collections import defaultdict
from typing import Any

import msgspec

from envbuild.report.plans import document
from envbuild.report.terminal import Look, Style, cells, cropped, one_line, plural, wrapped
from envbuild.resolve import Edge, EdgeKind, Graph, Node
from envbuild.written import clean

INHERITED: frozenset[EdgeKind] = frozenset({"extends", "cell"})
_OF_IT: dict[EdgeKind, str] = {"base": "built on it", "with": "built with it", "copy": "copies from it"}
_FROM: dict[EdgeKind, str] = {"base": "built on", "with": "built with", "copy": "copies from"}
_AGAIN = "(*)"
Piece = tuple[str, Style | None]


def graph_sum(graph: Graph) -> str:
    """How much there is of each; what there is none of is left out."""
    environments = sum(node.is_environment for node in graph.nodes)
    parents = sum(node.abstract or node.lent for node in graph.nodes)
    matrices = sum(node.matrix for node in graph.nodes)
    built = len({edge.start for edge in graph.edges if edge.kind not in INHERITED})
    if not graph.nodes:
        return "No environments."
    told = [
        plural(environments, "environment"),
        plural(parents, "parent") if parents else "",
        f"{matrices:,} {'matrix' if matrices == 1 else 'matrices'}" if matrices else "",
        f"{built:,} built from {'another' if built == 1 else 'others'}" if built else "",
    ]
    return f"{', '.join(filter(None, told))}."


def said(node: Node, cell_count: int) -> str:
    """What is to be said of a node that is no environment to be built."""
    if node.matrix:
        return f"matrix of {cell_count:,}"
    return "abstract" if node.abstract else "of a catalogue" if node.lent else ""


def graph_json(graph: Graph) -> str:
    return document(
        nodes=[_node_object(node) for node in graph.nodes], edges=[_edge_object(one) for one in graph.edges]
    )


def _node_object(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "file": node.file,
        "abstract": node.abstract,
        "matrix": node.matrix,
        "builder": node.builder or None,
    }


def _edge_object(edge: Edge) -> dict[str, str]:
    return {"from": edge.start, "to": edge.end, "kind": edge.kind, "where": edge.where.line_only}


def graph_tree(graph: Graph, look: Look) -> str:
    """The answer first; each node once with all that is below it, and marked where it is met again."""
    tree = _Tree(graph)
    lines = [*wrapped(graph_sum(graph), look), *(_fitted(row, look) for row in tree.rows())]
    signs = [("╌ is built from", any(edge.kind not in INHERITED for edge in graph.edges)),
             (f"{_AGAIN} named again: its own place is elsewhere", tree.has_repeats)]  # fmt: skip
    legend = "   ".join(text for text, is_there in signs if is_there)
    return "\n".join([*lines, look.paint(look.fit(legend), "quiet")] if legend else lines)


def _fitted(row: "_Row", look: Look) -> str:
    """A row as wide as there is room; of a branch deep down only the end of its line is drawn."""
    width, told = look.width, ""
    half = None if width is None else max(1, width // 2)
    line = row.line if half is None or len(row.line) <= half else f"…{row.line[1 - half :]}" if half > 1 else "…"
    taken = 0
    for text, style in [(line, "quiet"), *row.pieces]:
        shown = text if width is None else cropped(text, width - taken) if taken < width else ""
        taken += cells(shown)
        told += look.paint(shown, style) if style else shown
        if shown != text:
            break
    return told.rstrip()


class _Row(msgspec.Struct, frozen=True):
    line: str
    pieces: tuple[Piece, ...]


class _Tree:
    """Below each node what extends it, its cells, what is built from it; a node's home is below its first parent."""

    def __init__(self, graph: Graph) -> None:
        self._nodes = {node.name: node for node in graph.nodes}
        self._above: dict[str, list[Edge]] = defaultdict(list)
        self._below: dict[str, list[Edge]] = defaultdict(list)
        for edge in graph.edges:
            self._above[edge.start].append(edge)
        for edge in sorted(graph.edges, key=lambda edge: (edge.kind not in INHERITED, edge.kind, edge.start)):
            self._below[edge.end].append(edge)
        self._home = {
            name: next((edge for edge in edges if edge.kind in INHERITED), None) for name, edges in self._above.items()
        }

    @property
    def has_repeats(self) -> bool:
        return any(not self._is_home(edge) for edges in self._below.values() for edge in edges)

    def _is_home(self, edge: Edge) -> bool:
        return edge is self._home[edge.start]

    def rows(self) -> list[_Row]:
        """Depth first, with a stack of its own: lines of descent may be long."""
        rows = []
        roots = [name for name in self._nodes if self._home.get(name) is None]
        stack: list[tuple[str, Edge | None, str, str]] = [(name, None, "", "") for name in reversed(roots)]
        while stack:
            name, edge, line, ahead = stack.pop()
            if edge and not self._is_home(edge):
                rows.append(_Row(line, self._again(edge)))
                continue
            rows.append(_Row(line, self._pieces(name, edge)))
            below = self._below[name]
            for at, one in reversed(list(enumerate(below))):
                last = at == len(below) - 1
                dash = "─" if one.kind in INHERITED else "╌"
                branch = f"{ahead}{'└' if last else '├'}{dash} "
                stack.append((one.start, one, branch, f"{ahead}{'   ' if last else '│  '}"))
        return rows

    def _again(self, edge: Edge) -> tuple[Piece, ...]:
        name = one_line(edge.start)
        if edge.kind in INHERITED:
            return (name, None), (f" {_AGAIN}", "quiet")
        return (name, None), (f"  {_OF_IT[edge.kind]}", "other"), (f" {_AGAIN}", "quiet")

    def _pieces(self, name: str, edge: Edge | None) -> tuple[Piece, ...]:
        """What a node is, what else it extends, and what it is built from."""
        node = self._nodes[name]
        pieces: list[Piece] = [(one_line(name), "strong" if node.is_environment else None)]
        what = said(node, sum(one.kind == "cell" for one in self._below[name]))
        what = "cell" if edge and edge.kind == "cell" else what
        pieces += [(f"  {what}", "change")] if what else []
        also = [one_line(one.end) for one in self._above[name] if one.kind in INHERITED and one is not edge]
        pieces += [(f"  also extends {', '.join(also)}", "quiet")] if also else []
        built = [f"{_FROM[one.kind]} {one_line(one.end)}" for one in self._above[name] if one.kind not in INHERITED]
        pieces += [(f"  {', '.join(built)}", "other")] if built else []
        return tuple(pieces)


def graph_dot(graph: Graph) -> str:
    """For Graphviz: a child points to its parent; dashed and named is what something is built from."""
    shapes = {"abstract": ' [style="rounded,dashed"]', "matrix": " [peripheries=2]", "": ""}
    lines = ["digraph envbuild {", "  rankdir=RL;", "  node [shape=box, style=rounded];"]
    lines += [f"  {_dot(node.name)}{shapes[_what(node)]};" for node in graph.nodes]
    for edge in graph.edges:
        style = {"extends": "", "cell": " [arrowhead=none]"}.get(edge.kind, f' [style=dashed, label="{edge.kind}"]')
        lines.append(f"  {_dot(edge.start)} -> {_dot(edge.end)}{style};")
    return "\n".join([*lines, "}"])


def _what(node: Node) -> str:
    return "abstract" if node.abstract else "matrix" if node.matrix else ""


def _dot(name: str) -> str:
    """A quoted name; a backslash would begin an escape of the label that is made from it."""
    escaped = one_line(name).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_MERMAID = {ord(sign): f"#{ord(sign)};" for sign in '#"&<>`\\|{}[]()'}


def graph_mermaid(graph: Graph) -> str:
    """For Mermaid: boxes are environments, rounded ones are abstract, double ones have cells."""
    shapes = {"abstract": '(["{0}"])', "matrix": '[["{0}"]]', "": '["{0}"]'}
    known = {node.name: f"n{at}" for at, node in enumerate(graph.nodes)}
    lines = ["flowchart RL"]
    for node in graph.nodes:
        text = one_line(node.name).translate(_MERMAID)
        lines.append(f"  {known[node.name]}{shapes[_what(node)].replace('{0}', text)}")
    for edge in graph.edges:
        arrow = {"extends": "-->", "cell": "---"}.get(edge.kind, f"-. {edge.kind} .->")
        lines.append(f"  {known[edge.start]} {arrow} {known[edge.end]}")
    return clean("\n".join(lines))
