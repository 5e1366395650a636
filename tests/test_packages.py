"""Packages along a lineage (DECISIONS 3): what hides what, what holds together, and what can never hold."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from support.manifests import (
    Body,
    Graph,
    Tagged,
    ancestors,
    asked,
    bodies,
    environment,
    linearised,
    ordered_graphs,
    pip,
    problems,
    shuffled,
)

OVERRIDE = "!override"
KEYS = ("n0", "n1", "pip/n0", "pip/n1")  # n0 of conda and n0 of pip are two packages


def test_the_nearest_definition_hides_its_ancestors() -> None:
    """Along one line of descent a definition replaces, whole: version, extras and marker."""
    files = {
        "r": pip("alpha[fast]==1; python_version > '3'", "beta"),
        "a": pip("alpha>=2", extends="r"),
        "k": pip("Alpha<9", extends="a"),
    }
    assert asked(environment(files)) == {"pip/alpha": ["<9"], "pip/beta": ["*"]}


def test_unrelated_parents_hold_together() -> None:
    """Specs of parents neither of which descends from the other are all asked for."""
    files = {"a": pip("alpha>=1"), "b": pip("alpha<2"), "k": "extends: [a, b]\n"}
    assert asked(environment(files)) == {"pip/alpha": [">=1", "<2"]}


def test_a_common_ancestor_is_hidden_by_either_branch() -> None:
    """The spec of r is replaced by b's, also for a, which says nothing of its own."""
    files = {"r": pip("alpha==1"), "a": "extends: r\n", "b": pip("alpha==2", extends="r"), "k": "extends: [a, b]\n"}
    assert asked(environment(files)) == {"pip/alpha": ["2"]}
    assert asked(environment({**files, "k": "extends: [b, a]\n"})) == {"pip/alpha": ["2"]}


def test_without_drops_what_is_inherited() -> None:
    """By normalised name for pip, folded for conda, and each manager on its own."""
    files = {"r": "dependencies: [Alpha, beta, {pip: [alpha, Beta.Two, gamma]}]\n"}
    child = "extends: r\nwithout: [ALPHA, pip/beta_two]\n"
    assert sorted(asked(environment({**files, "k": child}))) == ["beta", "pip/alpha", "pip/gamma"]


def test_without_beside_a_real_definition_loses() -> None:
    """What an unrelated parent asks for stays; r's, which is above the `without`, goes."""
    files = {
        "r": pip("alpha==1"),
        "a": "extends: r\nwithout: [pip/alpha]\n",
        "b": pip("alpha==2"),
        "k": "extends: [a, b]\n",
    }
    assert asked(environment(files)) == {"pip/alpha": ["2"]}
    assert asked(environment(files, "a")) == {}
    assert asked(environment({**files, "b": pip("alpha==2", extends="r")})) == {"pip/alpha": ["2"]}


def test_without_and_a_definition_in_one_manifest() -> None:
    """The definition holds, and hides what is inherited as it would alone."""
    files = {"r": pip("alpha==1"), "k": pip("alpha==2", extends="r", more="without: [pip/alpha]\n")}
    assert asked(environment(files)) == {"pip/alpha": ["2"]}


def test_a_grandchild_takes_back_what_was_dropped() -> None:
    """A `without` is nearest wins too."""
    files = {"r": pip("alpha==1"), "a": "extends: r\nwithout: [pip/alpha]\n", "k": pip("alpha==3", extends="a")}
    assert asked(environment(files)) == {"pip/alpha": ["3"]}


def test_override_on_dependencies_empties_all_that_is_inherited() -> None:
    """Both managers, but only of its own ancestors."""
    files = {
        "r": "dependencies: [numpy, {pip: [alpha]}]\n",
        "a": "extends: r\ndependencies: !override [{pip: [beta]}]\n",
        "b": pip("gamma"),
        "k": "extends: [b, a]\n",
    }
    assert sorted(asked(environment(files))) == ["pip/beta", "pip/gamma"]


def test_override_on_the_pip_list_empties_the_pip_packages() -> None:
    """The conda packages stay."""
    files = {"r": "dependencies: [numpy, {pip: [alpha]}]\n", "k": "extends: r\ndependencies: [pip: !override [beta]]\n"}
    assert sorted(asked(environment(files))) == ["numpy", "pip/beta"]


def test_reset_clears_either_list() -> None:
    """`dependencies: !reset` and `- pip: !reset`."""
    files = {"r": "dependencies: [numpy, {pip: [alpha]}]\n"}
    assert asked(environment({**files, "k": "extends: r\ndependencies: !reset\n"})) == {}
    assert sorted(asked(environment({**files, "k": "extends: r\ndependencies:\n- pip: !reset\n"}))) == ["numpy"]


def test_all_items_of_one_manifest_are_one_definition() -> None:
    """Both are asked for, both replace, both are replaced; markers and extras are kept."""
    both = pip("alpha>=1", "Alpha[fast]<3; sys_platform == 'linux'", extends="r")
    files = {"r": pip("alpha==0.1", "alpha!=7"), "a": both}
    assert asked(environment(files, "a")) == {"pip/alpha": [">=1", '[fast] <3; sys_platform == "linux"']}
    assert asked(environment({**files, "k": pip("alpha", extends="a")})) == {"pip/alpha": ["*"]}


def test_python_version_and_conda_python_are_one_thing() -> None:
    """Said in either way, in either generation: the nearest wins, and `without: [python]` drops both."""
    spec, key = "dependencies: [python=3.11]\n", "python: {version: '3.12'}\n"
    assert asked(environment({"r": spec, "k": f"extends: r\n{key}"})) == {"python": ["3.12.*"]}
    assert asked(environment({"r": key, "k": f"extends: r\n{spec}"})) == {"python": ["3.11.*"]}
    assert asked(environment({"r": spec + "python: {version: '>=3.11.2'}\n", "k": "extends: r\n"})) == {
        "python": ["3.11.*", ">=3.11.2"]
    }
    for nothing in ("without: [python]", "python: {version: ~}", "python: {version: !reset }"):
        for parent in (spec, key):
            assert asked(environment({"r": parent, "k": f"extends: r\n{nothing}\n"})) == {}


def test_python_of_unrelated_parents_is_refused_when_it_cannot_be() -> None:
    """A `python:` of one against a conda spec of the other, with both lines."""
    files = {"a": "python: {version: '3.11'}\n", "b": "dependencies:\n- python=3.12\n", "k": "extends: [a, b]\n"}
    (problem,) = problems(files)
    assert problem.startswith("manifests/a.yaml:1:19: ")
    assert "manifests/b.yaml:2:3" in problem


def test_paths_are_read_where_they_were_written() -> None:
    """A wheel and a requirements file of a parent are found from the parent's folder, wherever the child is."""
    files = {
        "manifests/base/parent.yaml": "dependencies: [pip: [./wheels/one-1.0-py3-none-any.whl, -r more/req.txt]]\n",
        "manifests/base/more/req.txt": "alpha>=1  # why\n-r ../deep.txt\n",
        "manifests/base/deep.txt": "beta\n",
        "manifests/team/k.yaml": "extends: base/parent\n",
    }
    found = environment(files, "team/k")
    assert [item.path for item in found.package("pip/one")] == ["manifests/base/wheels/one-1.0-py3-none-any.whl"]
    assert [str(item.where) for item in found.package("pip/alpha")] == ["manifests/base/more/req.txt:1:1"]
    assert [str(item.where) for item in found.package("pip/beta")] == ["manifests/base/deep.txt:1:1"]


def test_constraints_are_emptied_only_for_ones_own_ancestors() -> None:
    """`!override` on a pip list hides what ancestors say, `-c` files too; an unrelated parent's stay."""
    files = {
        "manifests/old.txt": "alpha<1\n",
        "manifests/held.txt": "beta<2\n",
        "manifests/r.yaml": "dependencies: [pip: [alpha, -c old.txt]]\n",
        "manifests/a.yaml": "dependencies: [pip: [beta, -c held.txt]]\n",
        "manifests/b.yaml": "extends: r\ndependencies: [pip: !override [alpha]]\n",
        "manifests/k.yaml": "extends: [a, b]\n",
        "manifests/swapped.yaml": "extends: [b, a]\n",
    }
    for name in ("k", "swapped"):
        limits = environment(files, name).limits.every
        assert [item.text for package in limits for item in package.items] == ["beta<2"]


saying = st.fixed_dictionaries({key: st.sampled_from([0, 0, 1, 2, -1]) for key in KEYS}) | st.just(
    dict.fromkeys(KEYS, 0)
)
clearing = st.sampled_from(["", "", "", "", "all", "pip"])


def package_body(name: str, says: dict[str, int], clears: str) -> Body:
    """What a manifest says: a number of items for each key, or -1 for `without`; `!=` never contradicts."""
    items = {key: [f"{key.rpartition('/')[2]} !={name[-1]}.{at}" for at in range(says[key])] for key in KEYS}
    conda = [item for key in KEYS if not key.startswith("pip/") for item in items[key]]
    listed = [item for key in KEYS if key.startswith("pip/") for item in items[key]]
    inner = {"pip": Tagged(OVERRIDE, listed) if clears == "pip" else listed}
    dependencies = [*conda, *([inner] if listed or clears == "pip" else [])]
    dropped = [key for key in KEYS if says[key] < 0]
    return {
        "dependencies": Tagged(OVERRIDE, dependencies) if clears == "all" else dependencies,
        **({"without": dropped} if dropped else {}),
    }


def naive(graph: Graph, says: dict[str, dict[str, int]], clears: dict[str, str], key: str) -> list[str]:
    """The rule read aloud: a definition holds unless a manifest below it says anything of the key."""

    def speaks(name: str) -> bool:
        return says[name][key] != 0 or clears[name] == "all" or (clears[name] == "pip" and key.startswith("pip/"))

    family = linearised(graph, "k")
    return [
        f"{name}{at}"
        for name in family
        for at in range(says[name][key])
        if not any(speaks(other) and name in ancestors(graph, other) for other in family)
    ]


def test_packages_merge_over_any_graph_as_the_naive_rule_says() -> None:
    """Definitions, `without` and `!override` anywhere in any graph; keys of a file in any order."""
    tried: Counter[str] = Counter()

    @given(ordered_graphs(7), st.data())
    def check(graph: Graph, data: st.DataObject) -> None:
        says = {name: data.draw(saying) for name in graph}
        clears = {name: data.draw(clearing) for name in graph}
        own = {name: package_body(f"{at:x}", says[name], clears[name]) for at, name in enumerate(graph)}
        found = environment({name: shuffled(data, body) for name, body in bodies(graph, own).items()})
        letters = {f"{at:x}": name for at, name in enumerate(graph)}
        for key in KEYS:
            texts = [item.text.split("!=")[1] for item in found.package(key)]
            got = [f"{letters[text[0]]}{text[2:]}" for text in texts]
            assert got == naive(graph, says, clears, key)
            tried["kept" if got else "dropped"] += 1

    check()
    print(f"packages: {tried['kept']} merged with something left, {tried['dropped']} with nothing")  # noqa: T201
    assert min(tried["kept"], tried["dropped"]) > 20
