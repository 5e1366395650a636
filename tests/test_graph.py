"""`graph` (DESIGN 11, DECISIONS 40): what extends what and what is built from what, in every form."""

import json
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.manifests import PLATFORM, Body, write_all
from support.project import Project
from support.services import require

from envbuild.errors import Place
from envbuild.project import Selection
from envbuild.project.reading import Reader, read_settings
from envbuild.report.drawing import graph_svg
from envbuild.report.graph import graph_dot, graph_json, graph_mermaid, graph_sum, graph_tree
from envbuild.report.layout import layout
from envbuild.report.terminal import PLAIN, Look, cells
from envbuild.resolve import Edge, Graph, Node
from envbuild.workspace import Workspace

FLEET: dict[str, str | Body] = {
    "base": "abstract: true\n",
    "gpu": "abstract: true\nextends: base\n",
    "churn/train": "extends: base\n",
    "churn/tune": "extends: [churn/train, gpu]\n",
    "k": "extends: ../shared/p.yaml\nmatrix: {v: [1, 2]}\n",
    "heir": "extends: k\nmatrix: !reset\n",
    "shared/p.yaml": "variables: {A: '1'}\n",
    "image": "builder: oci\nimage: {prefix: /i}\n",
    "web": """
        builder: oci
        extends: base
        image: {prefix: /w, base: {environment: image}, copy: [{from: {environment: tools, path: b}, to: /b}]}
        """,
    "tools": "builder: oci\nimage: {prefix: /t, with: [image]}\n",
    "alone": "setup: [make]\n",
}
TREE = """\
9 environments, 3 parents, 1 matrix, 2 built from others.
alone
base  abstract
├─ churn/train
│  └─ churn/tune  also extends gpu
├─ gpu  abstract
│  └─ churn/tune (*)
└─ web  built on image, copies from tools
image
├╌ web  built on it (*)
└╌ tools  built with it (*)
shared/p.yaml  abstract
└─ k  matrix of 2
   ├─ k-1  cell
   ├─ k-2  cell
   └─ heir
tools  built with image
└╌ web  copies from it (*)
╌ is built from   (*) named again: its own place is elsewhere"""


def graph_of(files: Mapping[str, str | Body], *patterns: str, **options: object) -> Graph:
    with tempfile.TemporaryDirectory(prefix="graph-") as folder:
        write_all(Path(folder), files)
        workspace = Workspace(Path(folder))
        reader = Reader(workspace, read_settings(workspace))
        return reader.graph(Selection(patterns, **options), PLATFORM)  # type: ignore[arg-type]


def names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def test_the_tree() -> None:
    """The answer, then every node in its place below its first parent, named and marked where it is met again."""
    assert graph_tree(graph_of(FLEET), PLAIN) == TREE


def test_the_json_has_the_form_that_is_promised() -> None:
    """Nodes with name, file, abstract and builder; edges with both ends, kind and line."""
    found = json.loads(graph_json(graph_of(FLEET, "web", "k-2")))
    assert found["nodes"] == [
        {"name": "base", "file": "manifests/base.yaml", "abstract": True, "matrix": False, "builder": None},
        {"name": "image", "file": "manifests/image.yaml", "abstract": False, "matrix": False, "builder": "oci"},
        {"name": "k", "file": "manifests/k.yaml", "abstract": False, "matrix": True, "builder": None},
        {"name": "k-2", "file": "manifests/k.yaml", "abstract": False, "matrix": False, "builder": "local"},
        {"name": "shared/p.yaml", "file": "shared/p.yaml", "abstract": True, "matrix": False, "builder": None},
        {"name": "tools", "file": "manifests/tools.yaml", "abstract": False, "matrix": False, "builder": "oci"},
        {"name": "web", "file": "manifests/web.yaml", "abstract": False, "matrix": False, "builder": "oci"},
    ]
    assert found["edges"] == [
        {"from": "k", "to": "shared/p.yaml", "kind": "extends", "where": "manifests/k.yaml:1"},
        {"from": "k-2", "to": "k", "kind": "cell", "where": "manifests/k.yaml:2"},
        {"from": "tools", "to": "image", "kind": "with", "where": "manifests/tools.yaml:2"},
        {"from": "web", "to": "base", "kind": "extends", "where": "manifests/web.yaml:2"},
        {"from": "web", "to": "image", "kind": "base", "where": "manifests/web.yaml:3"},
        {"from": "web", "to": "tools", "kind": "copy", "where": "manifests/web.yaml:3"},
    ]


@pytest.mark.parametrize(
    ("patterns", "options", "expected"),
    [
        (["churn/tune"], {}, ["base", "churn/train", "churn/tune", "gpu"]),
        (["web"], {}, ["base", "image", "tools", "web"]),
        (["heir"], {}, ["heir", "k", "shared/p.yaml"]),
        (["heir"], {"with_dependencies": True}, ["heir", "k", "k-1", "k-2", "shared/p.yaml"]),
        (["gpu"], {"with_dependents": True}, ["base", "churn/train", "churn/tune", "gpu"]),
        (["image"], {"with_dependents": True}, ["base", "image", "tools", "web"]),
        (["web"], {"exclude": ("base",)}, ["image", "tools", "web"]),
        (["web"], {"exclude": ("tools",)}, ["base", "image", "web"]),
        (["k"], {"exclude": ("k-1",)}, ["k", "k-2", "shared/p.yaml"]),
        (["alone"], {}, ["alone"]),
    ],
)
def test_a_part(patterns: list[str], options: dict[str, object], expected: list[str]) -> None:
    """What is selected with all that it needs; what is excluded is not in the picture."""
    found = graph_of(FLEET, *patterns, **options)
    assert names(found) == expected
    assert {end for edge in found.edges for end in (edge.start, edge.end)} <= set(expected)


def test_a_broken_parent_is_not_judged_as_an_environment() -> None:
    """A child may mend what is wrong with its parent, and is drawn below it."""
    files = {
        "p": "dependencies: [{pip: [alpha==1, alpha==2]}]\n",
        "k": "extends: p\ndependencies: [{pip: [alpha==1]}]\n",
    }
    assert graph_tree(graph_of(files, "k"), PLAIN) == "2 environments.\np\n└─ k"


def test_a_cell_may_be_named_as_its_manifest() -> None:
    """Then the manifest goes by its path."""
    files = {"k": 'matrix: {v: ["", x], name: "{{ environment.name }}{{ matrix.v }}"}\n', "c": "extends: k\n"}
    found = graph_of({**files, "c": "extends: k\nmatrix: !reset\n"})
    assert names(found) == ["c", "k", "kx", "manifests/k.yaml"]
    assert ("c", "manifests/k.yaml") in {(edge.start, edge.end) for edge in found.edges}


def test_a_sum_counts_what_there_is() -> None:
    """One and many; nothing of what there is none of."""
    assert graph_sum(Graph()) == "No environments."
    assert graph_sum(graph_of({"k": "setup: [make]\n"})) == "1 environment."
    assert graph_sum(graph_of(FLEET, "tools")) == "2 environments, 1 built from another."
    assert graph_sum(graph_of(FLEET, "gpu", with_dependents=True)) == "2 environments, 2 parents."


@pytest.mark.parametrize("width", [1, 2, 3, 10, 20, 40, 80])
def test_lines_fit(width: int) -> None:
    """However narrow the terminal, however deep the tree, however long and wide the names."""
    deep: dict[str, str | Body] = {f"m{at}": f"extends: m{at - 1}\n" if at else "setup: [make]\n" for at in range(30)}
    for graph in (graph_of(FLEET), graph_of(deep), *ODD):
        for colour in (False, True):
            lines = re.sub("\x1b\\[[0-9;]*m", "", graph_tree(graph, Look(width, colour))).splitlines()
            assert [line for line in lines if cells(line) > width] == []
    if width >= 20:
        assert "m29" in graph_tree(graph_of(deep), Look(width))


def test_kinds_are_told_apart_by_signs_and_by_colour() -> None:
    """Without colour by dashes and words; with it by colour as well, and the text is the same."""
    painted = graph_tree(graph_of(FLEET), Look(None, colour=True))
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == TREE
    assert "\x1b[36m  built on it\x1b[0m" in painted
    assert "\x1b[33m  abstract\x1b[0m" in painted


def _odd(*words: str) -> Graph:
    nodes = tuple(sorted(Node(word, f"manifests/{word}.yaml") for word in words))
    edges = [Edge(word, words[0], "extends", Place("x.yaml", 1)) for word in words[1:]]
    edges += [Edge(word, words[0], "copy", Place("x.yaml", 1)) for word in words[1:]]
    return Graph(nodes, tuple(sorted(edges)))


ODD = (
    _odd('a"b', "a\\", "a\\n", "<b>&amp;", "end", "graph", "k`x`", "#35;", "a]b[c", "ünïcode/名前", "x" * 300, "{a|b}"),
    _odd("a\x1b[31mb", "a\nb", "a\rb", "a\x00b", "\u202eb", "%%{init}%%", "-- >", "subgraph", "click", "1", "-"),
)


@pytest.mark.parametrize("graph", [*ODD, graph_of(FLEET)])
def test_any_name_is_data_in_every_form(graph: Graph) -> None:
    """No control character gets through, the picture is well formed, and a name is a name to Graphviz."""
    for draw in (graph_dot, graph_mermaid, graph_json, graph_svg, lambda graph: graph_tree(graph, PLAIN)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", draw(graph))
    root = ET.fromstring(graph_svg(graph))  # noqa: S314 - written here
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert all(node.name in texts for node in graph.nodes if node.name.isprintable() and len(node.name) < 48)
    labels = re.findall(r'^  n\d+\W*?"(.*)"\W+$', graph_mermaid(graph), re.MULTILINE)
    assert len(labels) == len(graph.nodes)
    assert not [label for label in labels if re.search('["<>`{}|\\[\\]]', label)]


@pytest.mark.parametrize("graph", [*ODD, graph_of(FLEET)])
def test_graphviz_reads_it_back(graph: Graph) -> None:
    """Every node by its name, every edge between the right two."""
    require("graphviz")
    ran = subprocess.run(["dot", "-Tjson0"], input=graph_dot(graph), capture_output=True, text=True, check=True)  # noqa: S607
    read = json.loads(ran.stdout)
    assert len(read["objects"]) == len(graph.nodes)
    assert len(read["edges"]) == len(graph.edges)
    known = [one["name"].replace("\\\\", "\\") for one in read["objects"]]
    drawn = {(known[one["tail"]], known[one["head"]]) for one in read["edges"]}
    if graph is not ODD[1]:
        assert drawn == {(edge.start, edge.end) for edge in graph.edges}


def test_lines_of_each_kind_are_drawn_differently() -> None:
    """Solid to what is extended, dashed and named to what something is built from."""
    graph = graph_of(FLEET)
    dot, mermaid, svg = graph_dot(graph), graph_mermaid(graph), graph_svg(graph)
    assert '"churn/tune" -> "gpu";' in dot
    assert '"web" -> "tools" [style=dashed, label="copy"];' in dot
    assert '"k-1" -> "k" [arrowhead=none];' in dot
    at = {node.name: f"n{number}" for number, node in enumerate(graph.nodes)}
    assert f"  {at['churn/tune']} --> {at['gpu']}\n" in mermaid
    assert f"  {at['web']} -. copy .-> {at['tools']}" in mermaid
    assert {f">{kind}<" in svg for kind in ("base", "with", "copy")} == {True}
    for kind in ("extends", "cell", "built"):
        assert f'<path class="{kind}"' in svg


@st.composite
def drawn(draw: st.DrawFn) -> Graph:
    """Any graph, also one with rings and with nodes that nothing leads to."""
    count = draw(st.integers(1, 14))
    ends = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(ends, ends, st.sampled_from(["extends", "cell", "base", "copy"])), max_size=30))
    kept = {Edge(f"n{a}", f"n{b}", kind, Place("x")) for a, b, kind in edges if a != b}  # type: ignore[arg-type]
    return Graph(tuple(sorted(Node(f"n{at}", "x") for at in range(count))), tuple(sorted(kept)))


@given(drawn())
def test_no_boxes_overlap_and_every_edge_is_drawn(graph: Graph) -> None:
    """Each node stands once; lines lead from layer to layer, from each edge's start to its end."""
    places = layout(graph)
    assert sorted([*(spot.name for spot in places.spots if spot.name), *places.alone]) == names(graph)
    for layer in range(places.layers):
        stack = sorted((spot for spot in places.spots if spot.layer == layer), key=lambda spot: spot.y)
        for above, below in pairwise(stack):
            assert above.y + above.height / 2 < below.y - below.height / 2
    assert all(one.start.layer == one.end.layer + 1 for one in places.segments)
    begun = [one for one in places.segments if one.edge]
    assert sorted(one.edge for one in begun if one.edge) == list(graph.edges)
    for one in begun:
        at, wanted = one.end, one.edge and (one.edge.start if one.is_turned else one.edge.end)
        while at.is_bend:
            at = next(following.end for following in places.segments if following.start is at)
        assert at.name == wanted


def test_a_fleet_is_drawn_in_bounds() -> None:
    """Hundreds of nodes: a picture of some hundred kilobytes; also where all extend all, and in one long line."""
    place = Place("x", 1)
    fleet = Graph(
        tuple(Node(f"n{at:03}", "x", builder="local") for at in range(600)),
        tuple(Edge(f"n{at:03}", f"n{at // 7:03}", "extends", place) for at in range(1, 600)),
    )
    line = Graph(fleet.nodes[:300], tuple(Edge(f"n{at:03}", f"n{at - 1:03}", "extends", place) for at in range(1, 300)))
    every = Graph(
        fleet.nodes[:60],
        tuple(Edge(f"n{at:03}", f"n{to:03}", "extends", place) for at in range(60) for to in range(at)),
    )
    for graph, most in ((fleet, 450_000), (line, 250_000), (every, 900_000)):
        assert len(graph_svg(graph)) < most
        assert len(graph_tree(graph, PLAIN).splitlines()) <= len(graph.nodes) + len(graph.edges) + 2


def test_a_picture_is_the_same_each_time(project: Project) -> None:
    """However Python's sets are ordered."""
    write_all(project.path, FLEET)
    for form in ("svg", "dot", "mermaid", "tree", "json"):
        told = [project.run("graph", "--format", form, env={"PYTHONHASHSEED": seed}).out for seed in ("0", "1", "2")]
        assert len(set(told)) == 1


def test_the_command(project: Project) -> None:
    """Each form by its option; `--json` is one of them; two at once are none."""
    write_all(project.path, FLEET)
    assert project.run("graph").out == f"{TREE}\n"
    assert project.run("graph", "--format", "json").out == project.run("graph", "--json").out
    assert project.run("graph", "--format", "dot", "web").out.startswith("digraph envbuild {\n")
    assert project.run("graph", "--format", "mermaid", "web").out.startswith("flowchart RL\n")
    assert project.run("graph", "--format", "svg", "web").out.startswith("<svg ")
    assert "two forms" in project.run("graph", "--json", "--format", "svg", check=64).out
    assert json.loads(project.run("graph", "--format", "json", "webb", check=64).out)["errors"]
    with project.terminal("graph", columns=40) as terminal:
        assert terminal.finish() == 0
        assert "└╌ tools  built with it (*)" in terminal.lines
        assert "\x1b[36m  built with it\x1b[0m" in terminal.written.decode()
