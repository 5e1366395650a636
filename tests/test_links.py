"""Environments built from others (DESIGN 4, DECISIONS 4 and 13): `image.base`, `image.with`, `image.copy.from`."""

import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.manifests import PLATFORM, Body, Graph, ancestors, flow, graphs, problems, resolved, write_all

from envbuild.project.reading import Reader, Selection
from envbuild.settings import Settings
from envbuild.workspace import Workspace

OCI = "builder: oci\n"
INSTALLS = "builder: oci\ndependencies: [python]\n"
FORMS = {
    "base": "image: {{base: {{environment: '{0}'}}, prefix: /own}}\n",
    "with": "image: {{with: ['{0}'], prefix: /own}}\n",
    "copy": "image: {{copy: [{{from: {{environment: '{0}', path: bin}}, to: /opt/bin}}]}}\n",
}
COLUMNS = {"base": 29, "with": 16, "copy": 37}


def links(files: Mapping[str, str | Body], *names: str) -> set[tuple[str, str, str]]:
    """Who needs whom, and as what."""
    with tempfile.TemporaryDirectory(prefix="links-") as folder:
        write_all(Path(folder), files)
        reader = Reader(Workspace(Path(folder)), Settings())
        found = reader.linked(Selection(names), PLATFORM)[1]
    return {(one.environment, one.kind, one.needed) for one in found}


def needing(kind: str, name: str) -> str:
    """A manifest that needs another one."""
    return f"builder: oci\n{FORMS[kind].format(name)}"


def told(kind: str, rest: str) -> str:
    """A problem at the name that k mentions."""
    return f"manifests/k.yaml:2:{COLUMNS[kind]}: {rest}"


@pytest.mark.parametrize("kind", FORMS)
def test_another_environment_is_meant_by_its_name(kind: str) -> None:
    """In each of the three places; only what is selected is asked what it needs."""
    files: dict[str, str | Body] = {"team/p": OCI, "k": needing(kind, "team/p"), "j": "setup: [make]\n"}
    assert links(files) == {("k", kind, "team/p")}
    assert links(files, "k") == {("k", kind, "team/p")}
    assert links(files, "team/p") == set()


def test_all_three_at_once_and_what_is_needed_further_on() -> None:
    """In the order of the keys; what the needed one needs is its own business."""
    files: dict[str, str | Body] = {
        "r": OCI,
        "p": "builder: oci\nimage: {base: {environment: r}, prefix: /p}\n",
        "q": "builder: oci\nimage: {prefix: /q}\n",
        "k": """
            builder: oci
            image:
              prefix: /k
              base: {environment: p}
              with: [q, r]
              copy: [{from: {environment: q, path: a}, to: /a}, {from: {environment: p, path: b}, to: /b}]
            """,
    }
    own = {("k", "base", "p"), ("k", "with", "q"), ("k", "with", "r"), ("k", "copy", "q"), ("k", "copy", "p")}
    assert links(files, "k") == own
    assert links(files) == own | {("p", "base", "r")}


@pytest.mark.parametrize("kind", FORMS)
def test_a_name_that_there_is_not(kind: str) -> None:
    """The nearest known name is the hint; a path is no name."""
    files: dict[str, str | Body] = {"python": OCI, "k": needing(kind, "pyton")}
    assert problems(files) == [told(kind, "no environment is named 'pyton'\n  hint: did you mean 'python'?")]
    (problem,) = problems({"python": OCI, "k": needing(kind, "./python.yaml")})
    assert problem.startswith(told(kind, "no environment is named './python.yaml'"))


@pytest.mark.parametrize("kind", FORMS)
def test_an_abstract_manifest_is_no_environment(kind: str) -> None:
    """It is only extended, so that nothing of it can be in an image."""
    files: dict[str, str | Body] = {"p": "abstract: true\nbuilder: oci\n", "k": needing(kind, "p")}
    message = "'p' is abstract: it is only extended, never built\n  hint: name one that is built"
    assert problems(files) == [told(kind, message)]


@pytest.mark.parametrize("kind", FORMS)
def test_what_an_image_needs_has_to_be_an_image(kind: str) -> None:
    """A local environment has none to take from; for a local one the image keys mean nothing."""
    files: dict[str, str | Body] = {"p": "builder: local\n", "k": needing(kind, "p")}
    assert problems(files) == [told(kind, "'p' builds no image\n  hint: set 'builder' in manifests/p.yaml")]
    assert links({**files, "k": needing(kind, "p").replace("oci", "local")}) == {("k", kind, "p")}


@pytest.mark.parametrize("kind", FORMS)
def test_a_broken_environment_is_told_where_it_is_broken(kind: str) -> None:
    """What is needed is judged with what needs it; what is not needed is not."""
    files: dict[str, str | Body] = {"p": "builder: oci\nzzz: 1\n", "k": needing(kind, "p"), "j": "zzz: 1\n"}
    (problem,) = problems(files)
    assert problem.startswith("manifests/p.yaml:2:1: unknown key 'zzz'")


@pytest.mark.parametrize("kind", FORMS)
def test_the_cell_that_agrees_on_all_shared_axes_is_meant(kind: str) -> None:
    """Axes that only one of the two has do not matter; text and numbers differ."""
    files: dict[str, str | Body] = {
        "p": "builder: oci\nmatrix: {os: [slim, full], v: [1, 2]}\n",
        "k": f"matrix: {{v: [2, 1], os: [slim], gpu: [true]}}\n{needing(kind, 'p')}",
    }
    assert links(files, "k") == {("k-2-slim-true", kind, "p-slim-2"), ("k-1-slim-true", kind, "p-slim-1")}
    assert links({**files, "k": needing(kind, "p-full-1")}) == {("k", kind, "p-full-1")}


@pytest.mark.parametrize("kind", FORMS)
def test_one_cell_is_meant_and_not_several(kind: str) -> None:
    """Which ones agree is told; naming one of them mends it."""
    parent = "builder: oci\nmatrix: {os: [slim, full], v: [1, 2]}\n"
    files: dict[str, str | Body] = {"p": parent, "k": needing(kind, "p")}
    every = "p-slim-1, p-slim-2, p-full-1, p-full-2"
    assert problems(files) == [told(kind, f"4 cells of 'p' agree with 'k'\n  hint: name one of: {every}")]
    files["k"] = f"{needing(kind, 'p')}matrix: {{v: [1]}}\n"
    assert problems(files) == [told(kind, "2 cells of 'p' agree with 'k-1'\n  hint: name one of: p-slim-1, p-full-1")]


@pytest.mark.parametrize("kind", FORMS)
def test_no_cell_agrees(kind: str) -> None:
    """The number 1 is not the text "1"; the one cell of a matrix of one cell has to agree as well."""
    files: dict[str, str | Body] = {
        "p": 'builder: oci\nmatrix: {v: ["1"]}\n',
        "k": f"{needing(kind, 'p')}matrix: {{v: [1]}}\n",
    }
    assert problems(files) == [told(kind, "no cell of 'p' agrees with 'k-1'\n  hint: name one of: p-1")]
    files["k"] = needing(kind, "p")
    assert links(files) == {("k", kind, "p-1")}


@pytest.mark.parametrize("kind", FORMS)
def test_a_name_may_hold_jinja(kind: str) -> None:
    """Params and the matrix make the name; the error shows what came of it, at the line of the expression."""
    files: dict[str, str | Body] = {
        "team/p": "builder: oci\nmatrix: {v: [1, 2]}\n",
        "k": f"{needing(kind, '{{ params.team }}/p-{{ matrix.w }}')}params: {{team: team}}\nmatrix: {{w: [1, 2]}}\n",
    }
    assert links(files, "k") == {("k-1", kind, "team/p-1"), ("k-2", kind, "team/p-2")}
    files["k"] = f"{needing(kind, 'team/p-{{ matrix.w }}')}matrix: {{w: [3]}}\n"
    (problem,) = problems(files)
    assert problem.startswith(told(kind, "no environment is named 'team/p-3'\n  hint: did you mean 'team/p-"))


@pytest.mark.parametrize("kind", FORMS)
def test_an_inherited_need_is_the_childs(kind: str) -> None:
    """A child that needs nothing of its own needs what its parent says, at the parent's line."""
    files: dict[str, str | Body] = {"r": f"abstract: true\n{needing(kind, 'gone')}", "k": "extends: r\n"}
    (problem,) = problems(files)
    assert problem.startswith(f"manifests/r.yaml:3:{COLUMNS[kind]}: no environment is named 'gone'")


@pytest.mark.parametrize("name", ["p-1", "p"])
def test_an_unrelated_file_that_is_broken_does_not_hide_a_cell(name: str) -> None:
    """What is needed is found among the files that can be read."""
    files: dict[str, str | Body] = {
        "p": "builder: oci\nmatrix: {v: [1]}\n",
        "k": needing("base", name),
        "broken": "zzz: 1\n",
    }
    assert links(files, "k") == {("k", "base", "p-1")}


def test_an_environment_that_is_its_own_ancestors_base_lies_at_the_same_prefix() -> None:
    """A base that is also in the lineage is grown in place."""
    files: dict[str, str | Body] = {
        "p": f"{INSTALLS}image: {{prefix: /opt/p}}\n",
        "k": "extends: p\nimage: {base: {environment: p}}\n",
    }
    assert links(files) >= {("k", "base", "p")}
    files["k"] = "extends: p\nimage: {base: {environment: p}, prefix: /opt/k}\n"
    assert problems(files) == [
        "manifests/k.yaml:2:41: 'k' extends its base 'p', so that both lie at '/opt/p'\n  hint: remove 'image.prefix'"
    ]


def test_a_base_that_is_a_grandparent_and_one_that_is_a_cell() -> None:
    """In the lineage, however far; `extends` takes the manifest, and its cell is the base."""
    files: dict[str, str | Body] = {
        "p": "builder: oci\nmatrix: {v: [1, 2]}\n",
        "m": "extends: p\n",
        "k": "extends: m\nimage: {base: {environment: p}}\n",
    }
    assert links(files, "k") == {("k-1", "base", "p-1"), ("k-2", "base", "p-2")}


@pytest.mark.parametrize("kind", ["base", "with"])
def test_environments_that_inherit_nothing_of_each_other_lie_apart(kind: str) -> None:
    """Both in one image: the default prefix of both is one place, and so is any that both say."""
    place = told(kind, "'k' and 'p' both lie at '/opt/env'\n  hint: set 'image.prefix' of one of them")
    own = f"{needing(kind, 'p')}dependencies: [python]\n"
    files: dict[str, str | Body] = {"p": INSTALLS, "k": own.replace(", prefix: /own", "")}
    (problem,) = problems(files)
    assert problem.startswith(place)
    files = {"p": f"{INSTALLS}image: {{prefix: /own}}\n", "k": own}
    (problem,) = problems(files)
    assert "'k' and 'p' both lie at '/own'" in problem


_KINDS_OF_NOTHING = ["", "python: {managed: false}\ndependencies: [python]\n", "setup: [make]\n"]


@pytest.mark.parametrize("kind", ["base", "with"])
@pytest.mark.parametrize("nothing", _KINDS_OF_NOTHING)
def test_what_installs_nothing_lies_nowhere(kind: str, nothing: str) -> None:
    """Whichever of the two it is; what states a place of its own that it does not need may state it."""
    for p, k in (("dependencies: [python]\n", nothing), (nothing, "python: {version: '3.12'}\n"), (nothing, nothing)):
        files: dict[str, str | Body] = {"p": f"{OCI}{p}", "k": f"{needing(kind, 'p')}{k}".replace(", prefix: /own", "")}
        assert links(files) == {("k", kind, "p")}
    files = {"p": f"{OCI}{nothing}", "k": "extends: p\nimage: {base: {environment: p}, prefix: /opt/k}\n"}
    assert links(files) == {("k", "base", "p")}


def test_what_lies_further_below_lies_in_the_image_as_well() -> None:
    """Also where what is between installs nothing; what is grown in place has one place, however often it is."""
    between = f"{OCI}image: {{base: {{environment: p}}}}\n"
    top = f"{INSTALLS}image: {{base: {{environment: m}}}}\n"
    (problem,) = problems({"p": INSTALLS, "m": between, "k": top})
    assert problem.startswith("manifests/k.yaml:3:29: 'k' and 'p' both lie at '/opt/env'\n")
    between = f"{INSTALLS}image: {{base: {{environment: p}}, prefix: /opt/m}}\n"
    (problem,) = problems({"p": INSTALLS, "m": between, "k": top})
    assert "'k' and 'p' both lie at '/opt/env'" in problem
    grown: dict[str, str | Body] = {
        "p": INSTALLS,
        "m": "extends: p\nimage: {base: {environment: p}}\n",
        "k": "extends: m\nimage: {base: {environment: m}}\n",
    }
    assert len(links(grown)) == 2


def test_companions_of_one_image_lie_apart_from_each_other() -> None:
    """`with`: each at its own prefix."""
    files: dict[str, str | Body] = {
        "p": INSTALLS,
        "q": INSTALLS,
        "k": "builder: oci\nimage: {with: [p, q], prefix: /k}\n",
    }
    (problem,) = problems(files)
    assert "'p' and 'q' both lie at '/opt/env'" in problem
    assert len(links({**files, "q": f"{INSTALLS}image: {{prefix: /q}}\n"})) == 2


def test_a_companion_that_is_an_ancestor_lies_elsewhere_too() -> None:
    """Only a base is grown in place."""
    files: dict[str, str | Body] = {"p": INSTALLS, "k": "extends: p\nimage: {with: [p]}\n"}
    (problem,) = problems(files)
    assert "'k' and 'p' both lie at '/opt/env'" in problem


def test_what_is_copied_may_lie_anywhere() -> None:
    """Its files alone are taken."""
    assert links({"p": OCI, "k": needing("copy", "p")}) == {("k", "copy", "p")}


def ring_of(graph: Graph) -> dict[str, str | Body]:
    """Each manifest needs those of the graph, by copies, which ask for no prefix of their own."""
    return {
        name: {
            "builder": "oci",
            "image": {"copy": [{"from": {"environment": one, "path": "x"}, "to": f"/{one}"} for one in needed]},
        }
        for name, needed in graph.items()
    }


@given(graphs(6), st.data())
def test_cycles_are_named_whole_and_nothing_else_is_one(graph: Graph, data: st.DataObject) -> None:
    """A ring follows real needs back to its start; without the edge that closes it there is none."""
    graph = {name: tuple(dict.fromkeys(needed)) for name, needed in graph.items()}
    assert {(one, other) for one, _, other in links(ring_of(graph))} == {
        (name, one) for name, needed in graph.items() for one in needed
    }
    old = data.draw(st.sampled_from(sorted({*ancestors(graph, "k"), "k"})))
    ring = {**graph, old: (*graph[old], "k")}
    (problem,) = problems(ring_of(ring), "*")
    shown = problem.partition("built from each other: ")[2].splitlines()[0].split(" -> ")
    assert shown[0] == shown[-1]
    assert all(other in ring[one] for one, other in pairwise(shown))
    assert len(set(shown)) == len(shown) - 1


@pytest.mark.parametrize("kind", FORMS)
def test_an_environment_cannot_be_built_from_itself(kind: str) -> None:
    """The shortest ring."""
    found = problems({"k": needing(kind, "k")})
    assert any(problem.startswith(told(kind, "these are built from each other: k -> k\n")) for problem in found)


def test_a_cycle_through_what_is_not_selected_is_found() -> None:
    """K can never be built, whoever is selected."""
    files: dict[str, str | Body] = {
        "p": "builder: oci\nimage: {base: {environment: q}, prefix: /p}\n",
        "q": "builder: oci\nimage: {base: {environment: p}, prefix: /q}\n",
        "k": needing("base", "p"),
    }
    (problem,) = problems(files)
    assert "these are built from each other: p -> q -> p" in problem


def test_every_cycle_is_told() -> None:
    """And what is wrong besides."""
    files = {**ring_of({"a": ("b",), "b": ("a",), "c": ("d",), "d": ("c",), "e": ("nowhere",)})}
    found = [problem.partition(": ")[2].partition("\n")[0] for problem in problems(files, "*")]
    assert sorted(found) == [
        "no environment is named 'nowhere'",
        "these are built from each other: a -> b -> a",
        "these are built from each other: c -> d -> c",
    ]


def test_flow_writes_what_is_needed() -> None:
    """The generated manifests of this file say what they are meant to say."""
    (body,) = ring_of({"k": ("p",)}).values()
    assert isinstance(body, dict)
    assert flow(body["image"]) == '{"copy": [{"from": {"environment": "p", "path": "x"}, "to": "/p"}]}'
    assert resolved({"p": OCI, "k": body})["k"].keys.image.copy[0].to == "/p"
