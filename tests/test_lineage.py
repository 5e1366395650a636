"""Lineage (DECISIONS 2), held against Python's own C3: a class for each manifest, its bases listed last-first."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.manifests import (
    Graph,
    ancestors,
    bodies,
    environment,
    graphs,
    linearised,
    listed,
    ordered_graphs,
    problems,
    resolved,
    shuffled_graphs,
)

CROSSED: Graph = {"a": (), "b": (), "x": ("a", "b"), "y": ("b", "a"), "k": ("x", "y")}
LADDER = 60
CHAIN = 2_000

any_graph = st.one_of(graphs(), shuffled_graphs())


def lineage(graph: Graph, name: str = "k") -> list[str]:
    found = environment(bodies(graph), name)
    return [one.path.removeprefix("manifests/").removesuffix(".yaml") for one in found.lineage]


def test_lineage_is_pythons_own_linearisation() -> None:
    """For any acyclic graph: the reverse of C3 with the bases listed last-first, or an error where C3 has no order."""
    tried: Counter[str] = Counter()

    @given(any_graph)
    @example(CROSSED)
    def check(graph: Graph) -> None:
        try:
            expected = linearised(graph, "k")
        except TypeError:
            tried["without"] += 1
            assert "have no common order" in " ".join(problems(bodies(graph)))
        else:
            tried["with"] += 1
            assert lineage(graph) == expected

    check()
    print(f"lineage: {tried['with']} graphs with an order, {tried['without']} without")  # noqa: T201 - PROMISES
    assert tried["with"] > tried["without"] > 0


@given(ordered_graphs())
def test_each_ancestor_is_applied_once_and_before_its_children(graph: Graph) -> None:
    """Whatever the order is: complete, without repeats, parents first, the manifest itself last."""
    found = lineage(graph)
    assert sorted(found) == sorted({*ancestors(graph, "k"), "k"})
    assert found[-1] == "k"
    at = {name: position for position, name in enumerate(found)}
    assert all(at[parent] < at[child] for child in found for parent in graph[child])


def test_the_example_of_the_decision() -> None:
    """`k: [a, b]`, both of r: r, a, b, k."""
    assert lineage({"r": (), "a": ("r",), "b": ("r",), "k": ("a", "b")}) == ["r", "a", "b", "k"]


def test_the_later_parent_is_nearer() -> None:
    """Of two unrelated parents, what the later one says wins."""
    graph: Graph = {"a": (), "b": (), "k": ("a", "b")}
    own = {"a": {"tags": {"team": "a"}}, "b": {"tags": {"team": "b"}}}
    assert environment(bodies(graph, own)).tags == {"team": "b"}


def test_a_parent_that_another_parent_descends_from_is_dropped() -> None:
    """`[r, a]` and `[a, r]` are both just a's lineage when a is of r, and so is a parent named twice."""
    for parents in (("r", "a"), ("a", "r"), ("a", "a"), ("a",)):
        assert lineage({"r": (), "a": ("r",), "k": parents}) == ["r", "a", "k"]


def test_no_common_order_names_the_two_that_disagree() -> None:
    """The error stands at the line that cannot hold, and names the two manifests."""
    files = {
        "a": "description: a\n",
        "b": "description: b\n",
        "x": "extends: [a, b]\n",
        "y": "extends: [b, a]\n",
        "k": "description: k\nextends:\n- x\n- y\n",
    }
    (problem,) = problems(files)
    where, _, message = problem.partition(": ")
    assert where == "manifests/k.yaml:3:3"
    assert {"'a'", "'b'", "'k'"} <= set(message.replace(":", " ").split())


def disagree(graph: Graph, child: str, one: str, other: str) -> bool:
    """Whether some chain that is merged puts one before the other, and another chain the reverse."""
    chains = [linearised(graph, parent) for parent in listed(graph, child)] + [listed(graph, child)]
    both = [chain.index(one) < chain.index(other) for chain in chains if {one, other} <= set(chain)]
    return True in both and False in both


@given(shuffled_graphs())
@example(CROSSED)
@example(
    {
        "r0": (),
        "r1": (),
        "r2": (),
        "s0": ("r0", "r1"),
        "s1": ("r2", "r1", "r0"),
        "s2": ("r2",),
        "k": ("s2", "s1", "s0"),
    }
)
def test_the_two_that_are_named_do_disagree(graph: Graph) -> None:
    """Where two manifests contradict each other's order, those two are named, and not some others."""
    try:
        linearised(graph, "k")
    except TypeError:
        names = sorted(ancestors(graph, "k"))
        pairs = [{one, other} for one in names for other in names if one < other and disagree(graph, "k", one, other)]
        (problem,) = problems(bodies(graph))
        named = {word.strip("':") for word in problem.split("order: ")[1].split(" each ")[0].split(" and ")}
        assert not pairs or named in pairs


def test_a_cycle_is_named_whole_with_the_line_that_closes_it() -> None:
    """Three manifests in a ring, reached from outside: each is named, in order, at the last one's own line."""
    files = {
        "k": "extends: a\n",
        "a": "description: a\nextends: b\n",
        "b": "extends:\n- other\n- c\n",
        "c": "description: c\ntags: {team: x}\nextends: [other, a]\n",
        "other": "description: other\n",
    }
    (problem,) = problems(files)
    assert problem.startswith("manifests/c.yaml:3:18: these extend each other: a -> b -> c -> a\n")


def test_a_manifest_that_extends_itself_is_a_cycle() -> None:
    """The shortest ring, by name and by path."""
    for parent in ("k", "./k.yaml"):
        (problem,) = problems({"k": f"extends: {parent}\n"})
        assert problem.startswith("manifests/k.yaml:1:10: these extend each other: k -> k\n")


@given(graphs(7), st.data())
def test_any_cycle_is_an_error_that_follows_real_edges(graph: Graph, data: st.DataObject) -> None:
    """One edge that closes a ring in any graph: the shown ring leads along `extends` back to its start."""
    old = data.draw(st.sampled_from(sorted({*ancestors(graph, "k"), "k"})))
    ring = {**graph, old: (*graph[old], "k")}
    (problem,) = problems(bodies(ring))
    shown = problem.partition("extend each other: ")[2].splitlines()[0].split(" -> ")
    assert shown[0] == shown[-1]
    assert all(parent in ring[child] for child, parent in pairwise(shown))


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_very_deep_chain(order: str) -> None:
    """2,000 generations: no recursion, and the farthest is applied first, whatever is read first."""
    names = [f"g{number:04}" for number in range(CHAIN)]
    graph: Graph = {name: (names[at - 1],) if at else () for at, name in enumerate(names)}
    target = names[-1] if order == "last" else "a-first"
    files = bodies({**graph, "a-first": (names[-1],)})
    found = environment(files, target)
    assert len(found.lineage) == CHAIN + (order == "first")
    assert [one.path[10:15] for one in found.lineage[:CHAIN]] == names


def test_a_deep_ladder_of_diamonds() -> None:
    """Two manifests on each rung, both of both below: paths multiply, work and lineage must not."""
    graph: Graph = {"x0": (), "y0": ()}
    for rung in range(1, LADDER):
        graph |= dict.fromkeys((f"x{rung}", f"y{rung}"), (f"x{rung - 1}", f"y{rung - 1}"))
    found = lineage({**graph, "k": (f"x{LADDER - 1}", f"y{LADDER - 1}")})
    assert found == [f"{side}{rung}" for rung in range(LADDER) for side in "xy"] + ["k"]


def test_a_missing_parent_is_named_with_its_line_and_the_nearest_name() -> None:
    """By name, the nearest known name is the hint; by path, the file is said to be missing."""
    files = {"base/python": "description: p\n", "k": "extends:\n- base/pyton\n- ./gone.yaml\n"}
    found = "\n".join(problems(files))
    assert "manifests/k.yaml:2:3: no manifest is named 'base/pyton'\n  hint: did you mean 'base/python'?" in found


def test_a_missing_parent_file_is_named_with_the_line_that_asks_for_it() -> None:
    """A path that leads nowhere, and one that leaves the project."""
    (gone,) = problems({"team/k": "extends: [../gone.yaml]\n"}, "team/k")
    assert gone.startswith("manifests/team/k.yaml:1:11: there is no file 'manifests/gone.yaml'")
    (left,) = problems({"k": "extends: ../../base.yaml\n"})
    assert left.startswith("manifests/k.yaml:1:10: the path '../../base.yaml' leaves the project")


def test_several_missing_parents_are_reported_together() -> None:
    """One go, not one at a time."""
    assert len(problems({"a": "extends: gone\n", "k": "extends: [a, lost, ./none.yaml]\n"})) == 3


def test_parents_by_path_are_found_from_the_file_that_names_them() -> None:
    """A path is taken from the manifest's own folder; what only a path reaches is a parent and no environment."""
    files = {
        "parts/base.yaml": "tags: {from: parts}\n",
        "manifests/team/base.yaml": "extends: ../../parts/base.yaml\ntags: {team: x}\n",
        "manifests/team/train.yml": "extends: base.yaml\n",
        "manifests/other/train.yaml": "extends: ../team/base.yaml\n",
    }
    found = resolved(files)
    assert set(found) == {"team/base", "team/train", "other/train"}
    assert tuple(one.path for one in found["team/train"].lineage) == (
        "parts/base.yaml",
        "manifests/team/base.yaml",
        "manifests/team/train.yml",
    )
    assert found["other/train"].tags == {"from": "parts", "team": "x"}


def test_a_name_and_a_path_can_mean_one_manifest() -> None:
    """Named in both ways along two branches, a manifest is still applied once."""
    graph = {"r": "setup: [r]\n", "a": "extends: r\n", "b": "extends: ./r.yaml\n", "k": "extends: [a, b]\n"}
    assert environment(graph).setup == ("r",)


def test_nothing_extended_is_no_parent() -> None:
    """A key that stands without a value says nothing, here as for every other key."""
    for nothing in ("", " ~", " []", " !reset"):
        found = environment({"k": f"description: k\nextends:{nothing}\n"})
        assert [one.path for one in found.lineage] == ["manifests/k.yaml"]
