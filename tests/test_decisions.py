"""DECISIONS 1 to 3, saying by saying: the order of work, lineage, packages; 4 to 14 are in files of their own."""

import pytest
from support.keys import plain, project_settings
from support.manifests import asked, environment, pip, problems, resolved
from support.project import Project

from envbuild.resolve import Environment


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("extends: '{{ params.x }}'", "1:10"),
        ("extends: ['{{ params.x }}']", "1:11"),
        ("abstract: '{{ params.x }}'", "1:11"),
        ("matrix: {a: ['{{ params.x }}']}", "1:14"),
        ("matrix: {a: {'{{ params.x }}': {setup: [x]}}}", "1:14"),
        ("tags: {'{{ params.x }}': b}", "1:8"),
        ("params: {x: {'{{ params.y }}': b}}", "1:14"),
    ],
)
def test_decision_01_extends_abstract_matrix_and_keys_hold_no_jinja(text: str, where: str) -> None:
    """They are read before there are values."""
    found = problems({"k": f"{text}\n"})
    assert any(one.startswith(f"manifests/k.yaml:{where}: ") for one in found), found


def test_decision_01_params_see_the_matrix_and_each_other() -> None:
    """In any order, and before anything else is rendered."""
    text = (
        "matrix: {v: [a, b]}\n"
        "params: {last: '{{ params.mid }}!', mid: '{{ params.first }}-{{ matrix.v }}', first: x}\n"
        "setup: ['echo {{ params.last }}']\n"
    )
    found = resolved({"k": text}, "k")
    assert {name: one.setup for name, one in found.items()} == {"k-a": ("echo x-a!",), "k-b": ("echo x-b!",)}


def test_decision_01_params_that_need_each_other_are_refused() -> None:
    """The whole cycle is named, at its line."""
    found = problems({"k": "params:\n  a: '{{ params.b }}'\n  b: '{{ params.c }}'\n  c: '{{ params.a }}'\n"})
    assert found[0].startswith("manifests/k.yaml:2:6: these params need each other: a -> b -> c -> a")


def test_decision_01_a_parents_texts_are_rendered_with_the_final_params() -> None:
    """A child sets what its parent's expression uses; settings and fragments have their say as well."""
    parent = "params: {a: p, b: p, c: p}\nsetup: ['echo {{ params.a }}{{ params.b }}{{ params.c }}{{ params.d }}']\n"
    files = {"p": parent, "k": "extends: p\nparams: {a: k}\nmatrix: {m: {one: {params: {b: m}}}}\n"}
    found = resolved(files, "k", settings=project_settings("params: {c: s, d: s}\n"))
    assert found["k-one"].setup == ("echo kmps",)


def test_decision_01_keys_merge_after_rendering() -> None:
    """What makes two items one item is what they are, not how they are written."""
    parent = """
        params: {n: nano, c: chan, to: /x, id: step}
        channels: ['{{ params.c }}']
        dependencies: ['{{ params.n }}=1', scipy]
        image:
          apt: ['{{ params.n }}']
          copy: [{from: p, to: '{{ params.to }}'}]
          build: [{id: '{{ params.id }}', command: p}]
        """
    own = """
        extends: p
        channels: [chan]
        dependencies: [nano=2]
        without: ['{{ "sci" ~ "py" }}']
        image: {apt: [nano], copy: [{from: k, to: /x}], build: [{id: step, command: k}]}
        """
    found = environment({"p": parent, "k": own})
    assert found.channels == ("chan",)
    assert asked(found) == {"nano": ["2.*"]}
    assert plain(found.node("image")) == {
        "apt": {"packages": ["nano"]},
        "copy": [{"from": "k", "to": "/x"}],
        "build": [{"id": "step", "command": "k"}],
    }


def lineage(found: Environment) -> list[str]:
    return [one.name for one in found.lineage]


def test_decision_02_the_order_of_two_branches() -> None:
    """`k: [a, b]`, both of r: r, a, b, k."""
    files = {"r": "description: r\n", "a": "extends: r\n", "b": "extends: r\n"}
    assert lineage(environment({**files, "k": "extends: [a, b]\n"})) == ["r", "a", "b", "k"]
    assert lineage(environment({**files, "k": "extends: [b, a]\n"})) == ["r", "b", "a", "k"]


def test_decision_02_a_parent_that_another_parent_has_is_dropped_with_a_note(project: Project) -> None:
    """Wherever it stands in the list; only `check` speaks of it."""
    files = {"r": "description: r\n", "a": "extends: r\n"}
    for order in ("[r, a]", "[a, r]"):
        assert lineage(environment({**files, "k": f"extends: {order}\n"})) == ["r", "a", "k"]
    for name, text in {**files, "k": "extends: [r, a]\n"}.items():
        project.write(f"manifests/{name}.yaml", text)
    assert project.run("check").out == (
        "No problems in 3 manifests, 1 note.\n"
        "  idle-parent: the parent 'r' adds nothing: 'a' extends it already  manifests/k.yaml:1\n"
    )


def test_decision_02_what_has_no_order_names_the_two_that_disagree() -> None:
    """One says x before y, the other y before x."""
    files = {"x": "setup: [x]\n", "y": "setup: [y]\n", "a": "extends: [x, y]\n", "b": "extends: [y, x]\n"}
    (problem,) = problems({**files, "k": "extends: [a, b]\n"})
    assert problem.startswith("manifests/k.yaml:1:11: the parents of 'k' have no common order: 'x' and 'y' each ")


def test_decision_03_packages_merge_per_platform() -> None:
    """A child's spec for one platform hides the parent's there, and there alone."""
    files = {
        "p": "platforms: [linux-64, osx-64]\ndependencies: [numpy=1]\n",
        "k": "extends: p\ndependencies: [{sel(osx): numpy=2}]\n",
    }
    dependencies = environment(files).dependencies
    by_platform = {one: dependencies.on(one)[0].items[0].wish for one in ("linux-64", "osx-64")}
    assert by_platform == {"linux-64": "1.*", "osx-64": "2.*"}


def test_decision_03_contradictions_are_judged_per_platform() -> None:
    """Two versions for two platforms are none."""
    both = "platforms: [linux-64, osx-64]\ndependencies: [{sel(linux): numpy=1.26}, {sel(osx): numpy=2.0}]\n"
    assert asked(environment({"k": both})) == {"numpy": ["1.26.*", "2.0.*"]}
    same = both.replace("osx)", "unix)")
    assert "no numpy can be both" in problems({"k": same})[0]


def test_decision_03_what_one_package_is() -> None:
    """Conda folds case, pip normalises, a path and a URL are known by themselves; conda and pip are apart."""
    url = "https://example.com/x.tar.gz"
    parent = f"dependencies: [NumPy=1, a_b=1, {{pip: [Num.Py==1, A_b==1, ./own, '{url}']}}]\n"
    child = f"extends: p\ndependencies: [numpy=2, a-b=2, {{pip: [num-py==2, a-B==2, ./own, '{url}']}}]\n"
    assert asked(environment({"p": parent, "k": child})) == {
        "a-b": ["2.*"], "a_b": ["1.*"], "numpy": ["2.*"], "pip/a-b": ["2"], "pip/num-py": ["2"],
        f"pip/{url}": [url], "pip/manifests/own": ["manifests/own"],
    }  # fmt: skip


def test_decision_03_items_of_one_manifest_are_one_definition() -> None:
    """Conjoined, with extras and markers; replaced whole."""
    parent = pip("alpha>=1", "alpha[fast]<3; sys_platform == 'linux'")
    assert asked(environment({"k": parent})) == {"pip/alpha": [">=1", '[fast] <3; sys_platform == "linux"']}
    assert asked(environment({"p": parent, "k": pip("alpha", extends="p")})) == {"pip/alpha": ["*"]}


def test_decision_03_what_hides_and_what_holds_together() -> None:
    """A definition, a `without` and `!override` hide ancestors' alone; a `without` beside a definition loses."""
    files = {"r": pip("alpha==1", "beta==1"), "b": pip("alpha>=2")}
    for hider in ("without: [pip/alpha]\n", "dependencies: [pip: !override [beta]]\n"):
        found = environment({**files, "a": f"extends: r\n{hider}", "k": "extends: [a, b]\n"})
        assert asked(found)["pip/alpha"] == [">=2"]
    together = environment({**files, "a": pip("alpha<9", extends="r"), "k": "extends: [a, b]\n"})
    assert asked(together)["pip/alpha"] == ["<9", ">=2"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alpha==1", "alpha==2"),
        ("alpha==1", "alpha>=2"),
        ("alpha<1", "alpha>2"),
        ("alpha @ https://example.com/a.whl", "alpha @ https://example.com/b.whl"),
    ],
)
def test_decision_03_what_is_provably_disjoint_is_refused_with_all_lines(one: str, other: str) -> None:
    """Two `==`, `==` outside a range, disjoint ranges, two URLs; the third line is named as well."""
    files = {"a": pip(one), "b": pip(other), "c": pip("alpha"), "k": "extends: [a, b, c]\n"}
    (problem,) = problems(files)
    assert all(f"manifests/{name}.yaml:2:" in problem for name in "abc")


@pytest.mark.parametrize("key", ["dependencies", "constraints", "overrides"])
def test_decision_03_contradictions_are_refused_under_every_key_of_packages(key: str) -> None:
    """Versions that hold only if a package comes in, and those that beat others, hold together or not as well."""
    files = {name: f"{key}: [pip: ['alpha=={at}']]\n" for at, name in enumerate("ab")}
    (problem,) = problems({**files, "k": "extends: [a, b]\n"})
    assert all(f"manifests/{name}.yaml:1:" in problem for name in "ab")


def test_decision_03_what_only_a_solver_can_judge_is_left_to_it() -> None:
    """No version may exist between the two, but nobody knows that yet."""
    files = {"a": pip("alpha>1.0"), "b": pip("alpha<1.1"), "k": "extends: [a, b]\n"}
    assert asked(environment(files)) == {"pip/alpha": [">1.0", "<1.1"]}
