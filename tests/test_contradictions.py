"""What no version can satisfy (DECISIONS 3): refused with every line that has a say, and nothing else is refused."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from support.manifests import asked, environment, pip, problems

CONTRADICTIONS = {
    "two pins": ("==1.0", "==1.1"),
    "a pin outside a range": (">=2", "==1.9"),
    "a pin that is excluded": ("!=1.0", "==1.0"),
    "a pin outside a wildcard": ("==1.26.*", "==1.27.0"),
    "ranges apart": ("<1.20", ">=1.21"),
    "ranges that only touch": ("<2", ">=2"),
    "wildcards apart": ("==1.2.*", "==1.3.*"),
    "a compatible release apart": ("~=1.4.2", ">=1.5"),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_what_is_provably_disjoint_names_every_line(kind: str) -> None:
    """Each contradiction between unrelated parents stands at one line and names the others."""
    one, other = CONTRADICTIONS[kind]
    files = {
        "a": f"dependencies:\n- pip:\n  - beta\n  - alpha{one}\n",
        "b": f"dependencies:\n- pip:\n  - alpha{other}\n",
        "c": "dependencies:\n- pip:\n  - alpha\n",
        "k": "extends: [a, b, c]\n",
    }
    (problem,) = problems(files)
    for line in ("manifests/a.yaml:4:5", "manifests/b.yaml:3:5", "manifests/c.yaml:3:5"):
        assert line in problem
    assert "alpha" in problem.splitlines()[0]


def test_two_urls_are_disjoint() -> None:
    """A package comes from one place."""
    urls = ("alpha @ https://one.example/alpha-1.0-py3-none-any.whl", "https://two.example/alpha-1.0-py3-none-any.whl")
    files = {"a": pip(urls[0]), "b": pip(urls[1]), "k": "extends: [a, b]\n"}
    (problem,) = problems(files)
    assert "manifests/a.yaml:2" in problem
    assert "manifests/b.yaml:2" in problem
    assert len(asked(environment({**files, "b": pip(urls[0])}))["pip/alpha"]) == 2


def test_the_child_decides_between_contradicting_parents() -> None:
    """With a spec of its own there is nothing left to contradict."""
    files = {"a": pip("alpha==1"), "b": pip("alpha==2"), "k": pip("alpha==3", extends="a, b")}
    assert asked(environment(files)) == {"pip/alpha": ["3"]}


def test_a_contradiction_inside_one_file_names_both_lines() -> None:
    """A package named twice in one file means both at once."""
    (problem,) = problems({"k": "dependencies:\n- pip:\n  - alpha==1\n  - beta\n  - alpha==2\n"})
    assert problem.startswith("manifests/k.yaml:3:5: ")
    assert "manifests/k.yaml:5:5" in problem


def test_different_markers_are_judged_apart() -> None:
    """Two pins may stand beside each other when each has a place of its own."""
    split = pip('alpha==1; sys_platform == "linux"', 'alpha==2; sys_platform == "win32"')  # fmt: skip
    assert len(asked(environment({"k": split}))["pip/alpha"]) == 2
    assert problems({"k": pip('alpha==1; sys_platform == "linux"', "alpha==2")})  # fmt: skip


versions = st.sampled_from(["1", "1.2", "1.2.3", "2", "2.0rc1", "1!1", "1!2.1", "1.2.post1"])
plain = st.tuples(st.sampled_from(["==", "!=", ">=", "<=", ">", "<", "==="]), versions).map("".join)
wild = st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(["1.*", "1.2.*", "2.*", "1!2.*"])).map("".join)
local = st.sampled_from(["==1.2+cu", "!=1.2+cu", "===1.2+cu"])
release = st.sampled_from(["1.2", "1.2.3", "2.0", "1!2.1"]).map("~={}".format)
CANDIDATES = [
    f"{epoch}{'.'.join(map(str, numbers))}{tail}"
    for epoch in ("", "1!")
    for numbers in product((0, 1, 2, 3), (0, 1, 2, 3), (0, 3, 9))
    for tail in ("", "rc1", ".post1", "+cu")
]


@given(st.lists(st.one_of(plain, wild, release, local), min_size=2, max_size=3))
@example(["==1!2.*", ">=1!1"])
@example(["~=1!2.1", ">=1!2.1"])
@example(["==1.2", "==1.2+cu"])
def test_nothing_is_refused_that_a_version_satisfies(clauses: list[str]) -> None:
    """Judged by trying versions: what is refused has none, and what is not refused is left to the solver."""
    together = SpecifierSet(",".join(clauses))
    fits = [version for version in CANDIDATES if together.contains(version, prereleases=True)]
    if fits:
        assert asked(environment({"k": pip(*(f"alpha{clause}" for clause in clauses))}))["pip/alpha"]
