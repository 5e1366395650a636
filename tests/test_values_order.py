"""The order of rendering (DECISIONS 1): matrix, then params, then the rest, with the params of the whole lineage."""

from collections import Counter
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.manifests import (
    Body,
    Graph,
    bodies,
    environment,
    flow,
    linearised,
    ordered_graphs,
    problems,
    resolved,
    shuffled,
)

from envbuild.document import parse
from envbuild.errors import EnvbuildError
from envbuild.settings import settings

NAMES = ("a", "b", "c", "d", "e")


def test_a_child_sets_what_its_parents_expression_uses() -> None:
    """Directly, through another param, and in a param of the parent that the child does not name."""
    files = {
        "p": """
        params: {cuda: "12.4", tag: "{{ params.cuda }}-base", image: "cuda:{{ params.tag }}"}
        variables: {IMAGE: "{{ params.image }}", CUDA: "{{ params.cuda }}"}
        """,
        "a": "extends: p\nparams: {cuda: '11.8'}\n",
        "k": "extends: a\nparams: {tag: '{{ params.cuda }}-slim'}\n",
    }
    found = resolved(files)
    assert {name: [one.value for one in found[name].variables] for name in found} == {
        "p": ["12.4", "cuda:12.4-base"],
        "a": ["11.8", "cuda:11.8-base"],
        "k": ["11.8", "cuda:11.8-slim"],
    }


def test_params_see_the_matrix_and_the_rest_sees_both() -> None:
    """A fragment of a cell sets params, a child's params win over it."""
    files = {
        "p": """
        matrix: {cuda: {"12": {params: {flag: on12}}, none: {params: {flag: "off"}}}, py: ["3.11", "3.12"]}
        params: {label: "cu{{ matrix.cuda }}-{{ params.flag }}", n: "{{ matrix.py }}"}
        setup: ["{{ params.label }} {{ matrix.py }} {{ params.n }}"]
        """,
        "k": "extends: p\nparams: {n: 'py{{ matrix.py }}'}\n",
    }
    found = resolved(files)
    assert found["p-12-3.11"].setup == ("cu12-on12 3.11 3.11",)
    assert found["p-none-3.12"].setup == ("cunone-off 3.12 3.12",)
    assert found["k-12-3.12"].setup == ("cu12-on12 3.12 py3.12",)


def test_matrix_values_keep_their_type() -> None:
    """Text, whole numbers and booleans, in conditions as well."""
    axes = "matrix: {gpu: [true, false], n: [1]}\n"
    files = {"k": f"{axes}setup: [\"{{{{ 'gpu' if matrix.gpu else 'cpu' }}}}{{{{ matrix.n + 1 }}}}\"]\n"}
    found = resolved(files)
    assert {name: one.setup for name, one in found.items()} == {"k-true-1": ("gpu2",), "k-false-1": ("cpu2",)}


def test_merging_comes_last() -> None:
    """Items that are equal once they are rendered are one; packages that are one hide each other."""
    files = {
        "p": "params: {name: numpy, c: x}\nchannels: ['{{ params.c }}', y]\ndependencies: ['{{ params.name }}=1']\n",
        "k": "extends: p\nchannels: [x]\ndependencies: ['{{ params.name }}=2']\n",
    }
    found = environment(files)
    assert found.channels == ("x", "y")
    assert [item.wish for item in found.package("numpy")] == ["2.*"]


def test_params_in_params_are_read_at_any_depth() -> None:
    """Lists and mappings of params hold expressions, too; a param may use a part of another."""
    text = """
    params:
      all: {a: "{{ params.one }}", b: [x, "{{ params.all2.c }}"]}
      one: 1
      all2: {c: "{{ params.one + 1 }}"}
    setup: ["{{ params.all.a + params.all.b[1] }}"]
    variables: {A: "{{ params.all.b | join('-') }}"}
    """
    found = environment({"k": text})
    assert found.setup == ("3",)
    assert found.variables[0].value == "x-2"


@pytest.mark.parametrize("first", ["last", "first"])
def test_a_long_chain_of_params(first: str) -> None:
    """Each uses the next: in whatever order they are written, 200 of them are no matter."""
    count = 200
    entries = [f"  a{at}: 'x{{{{ params.a{at + 1} }}}}'\n" for at in range(count)] + [f"  a{count}: end\n"]
    ordered = entries if first == "first" else entries[::-1]
    found = environment({"k": f"params:\n{''.join(ordered)}setup: ['{{{{ params.a0 }}}}']\n"})
    assert found.setup == ("x" * count + "end",)


def test_a_cycle_of_params_is_named_whole_and_once() -> None:
    """With the line of a param in it; what only uses the cycle is not told beside it."""
    text = """
    params:
      a: "{{ params.b }}"
      b: [1, {x: "{{ params.c }}"}]
      c: "x{{ params.a }}"
      d: "{{ params.a }}"
    setup: ["{{ params.d }}"]
    """
    (problem,) = problems({"k": text})
    assert problem == (
        "manifests/k.yaml:2:6: these params need each other: a -> b -> c -> a\n  hint: write one of them out"
    )


def test_a_param_that_needs_itself() -> None:
    """The shortest cycle; also through all params at once."""
    for text in ("{{ params.a }}", "x{{ params.a }}", "{{ params }}", "{{ params | items | list }}"):
        (problem,) = problems({"k": f"params:\n  a: '{text}'\n"})
        assert problem.startswith("manifests/k.yaml:2:6: these params need each other: a -> a\n")


def test_a_param_that_is_wrong_is_told_once() -> None:
    """However many others, and other texts, use it."""
    text = "params:\n  a: '{{ params.zz }}'\n  b: '{{ params.a }}'\nsetup: ['{{ params.a }}{{ params.b }}']\n"
    (problem,) = problems({"k": text})
    assert problem.startswith("manifests/k.yaml:2:6: 'params.zz' is undefined\n")


Says: TypeAlias = dict[str, list[str]]  # param -> what its text uses
# Mostly of names further on in the alphabet, so that most chains end.
stated: st.SearchStrategy[Says] = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(st.sampled_from((*NAMES[at + 1 :], *NAMES[at + 1 :], NAMES[0], "matrix", "name")), max_size=2)
        for at, name in enumerate(NAMES)
    },
)


def params_of(owner: str, says: Says) -> dict[str, str]:
    """Who states a param, and an expression for each use in it."""
    own = {"matrix": "{{ matrix.m }}", "name": "{{ environment.name }}"}
    return {key: owner + "".join(own.get(use, f"{{{{ params.{use} }}}}") for use in uses) for key, uses in says.items()}


def model(says: dict[str, tuple[str, list[str]]], name: str, above: tuple[str, ...] = ()) -> str:
    """What a param comes to, by plain substitution; KeyError where nobody states it, RecursionError in a cycle."""
    if name in above:
        raise RecursionError
    owner, uses = says[name]
    own = {"matrix": "x", "name": "k-x"}
    return owner + "".join(own[use] if use in own else model(says, use, (*above, name)) for use in uses)


def test_params_over_any_lineage_are_as_plain_substitution_says() -> None:
    """Settings, lineage, fragment: the nearest text of each param, with the nearest of those it uses put in."""
    tried: Counter[str] = Counter()

    @given(ordered_graphs(6), stated, stated, st.data())
    def check(graph: Graph, root: Says, fragment: Says, data: st.DataObject) -> None:
        own = {name: data.draw(stated) for name in graph}
        family = linearised(graph, "k")
        layers = [("S", root), *((name[-1], own[name]) for name in family), ("F", fragment)]
        nearest = {key: (owner, uses) for owner, says in layers for key, uses in says.items()}
        used = "-".join(f"{{{{ params.{key} }}}}" for key in sorted(nearest))
        parts: dict[str, Body] = {
            name: {"params": params_of(name[-1], own[name]), "setup": [f"{name} {used}"]} for name in graph
        }
        brought = {"params": params_of("F", fragment), "tags": {"f": "g"}}
        parts["k"] = {**parts["k"], "matrix": {"m": {"x": brought}}}
        files = {name: shuffled(data, body) for name, body in bodies(graph, parts).items()}
        project = settings(parse("envbuild.yaml", f"params: {flow(params_of('S', root))}\n".encode()))
        try:
            expected = "-".join(model(nearest, key) for key in sorted(nearest))
        except (KeyError, RecursionError):
            tried["refused"] += 1
            with pytest.raises(EnvbuildError, match=r"is undefined|need each other"):
                resolved(files, "k", settings=project)
        else:
            tried["rendered"] += bool(expected)
            found = resolved(files, "k", settings=project)["k-x"]
            assert found.setup == tuple(f"{name} {expected}" for name in family)

    check()
    assert min(tried["refused"], tried["rendered"]) > 10
