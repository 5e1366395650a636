"""DECISIONS 4 and 5, saying by saying: the matrix and its cells, names and where files are found."""

from pathlib import Path

import pytest
from support.keys import plain, project_settings
from support.manifests import asked, environment, problems, resolved

from envbuild.errors import UsageError
from envbuild.workspace import find_root


def test_decision_04_fragments_stand_after_the_manifest_that_states_the_axis() -> None:
    """They win over it, and its children win over them."""
    parent = "setup: [p]\ntags: {a: p, b: p}\nmatrix: {v: {one: {setup: [one], tags: {a: one, b: one}}}}\n"
    found = resolved({"p": parent, "k": "extends: p\nsetup: [k]\ntags: {b: k}\n"}, "k")["k-one"]
    assert (found.setup, found.tags) == (("p", "one", "k"), {"a": "one", "b": "k"})
    spec = "dependencies: [numpy=1]\nmatrix: {v: {one: {dependencies: [numpy=2]}, two: {without: [numpy]}}}\n"
    made = resolved({"p": spec, "k": "extends: p\n", "c": "extends: p\ndependencies: [numpy=3]\n"})
    assert {name: asked(one).get("numpy") for name, one in made.items() if name[0] != "p"} == {
        "k-one": ["2.*"], "k-two": None, "c-one": ["3.*"], "c-two": ["3.*"],
    }  # fmt: skip


@pytest.mark.parametrize("key", ["extends: r", "abstract: true", "matrix: {w: [x]}", "name: x"])
def test_decision_04_what_a_fragment_cannot_have(key: str) -> None:
    """Any key but these."""
    found = problems({"r": "setup: [r]\n", "k": f"matrix:\n  v:\n    one:\n      {key}\n"})
    assert found[0].startswith(f"manifests/k.yaml:4:7: '{key.partition(':')[0]}' cannot stand in a fragment")


def test_decision_04_a_childs_axis_replaces_with_its_fragments() -> None:
    """Nothing of the parent's axis is left; `include` and `exclude` append."""
    parent = """
        matrix:
          v: {one: {setup: [p]}, two: {setup: [p]}}
          w: [a, b]
          exclude: [{w: b, v: one}]
          include: [{v: extra, w: c}]
        """
    child = """
        extends: p
        matrix: {v: {one: {setup: [k]}, three: ~}, exclude: [{v: three}], include: [{v: more, w: d}]}
        """
    found = resolved({"p": parent, "k": child}, "k")
    made = {name: one.setup for name, one in found.items()}
    assert made == {"k-one-a": ("k",), "k-extra-c": (), "k-more-d": ()}


@pytest.mark.parametrize(
    ("matrix", "where"),
    [
        ("{v: [3.10]}", "1:14"), ("{v: [[a]]}", "1:14"), ("{v: [~]}", "1:14"), ("{v: {3.10: ~}}", "1:14"),
        ("{v: [a], include: [{v: 1.5}]}", "1:32"), ("{v: [a], exclude: [{w: a}]}", "1:28"),
        ("{v: [a], w: [b], include: [{v: c}]}", "1:36"),
    ],
)  # fmt: skip
def test_decision_04_what_values_and_cells_cannot_be(matrix: str, where: str) -> None:
    """Text, integers, booleans; a cell to include is whole, one to exclude is of axes that there are."""
    found = problems({"k": f"matrix: {matrix}\n"})
    assert any(one.startswith(f"manifests/k.yaml:{where}: ") for one in found), found


def test_decision_04_values_keep_their_types() -> None:
    """`1`, `true` and a text are what Jinja sees."""
    text = "matrix: {v: [1, true, 'a b']}\nparams: {p: '{{ matrix.v }}'}\n"
    found = resolved({"k": text}, "k")
    assert {name: plain(one.node("params", "p")) for name, one in found.items()} == {
        "k-1": 1, "k-true": True, "k-a-b": "a b",
    }  # fmt: skip


def base_of(cells: str, own: str) -> list[str]:
    """What is wrong with k, which is built from a manifest of cells."""
    p = f"image: {{prefix: /opt/p}}\nmatrix: {cells}\n"
    return problems({"p": p, "k": f"image: {{base: {{environment: p}}}}\n{own}"})


def test_decision_04_an_environment_as_base_means_the_one_cell_that_agrees() -> None:
    """On all shared axes; none or several is an error that names them."""
    p = "image: {prefix: /opt/p}\nmatrix: {v: [a, b]}\n"
    own = "image: {base: {environment: p}}\nmatrix: {v: [a, b], w: [x]}\n"
    assert sorted(resolved({"p": p, "k": own}, "k")) == ["k-a-x", "k-b-x"]
    (several,) = base_of("{v: [a, b]}", "setup: [k]\n")
    assert "2 cells of 'p' agree with 'k'\n  hint: name one of: p-a, p-b" in several
    (none,) = base_of("{v: [a]}", "matrix: {v: [c]}\n")
    assert "no cell of 'p' agrees with 'k-c'\n  hint: name one of: p-a" in none


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("manifests/environment.yaml", "environment"),
        ("manifests/Churn/Train_2.yml", "churn/train_2"),
        ("manifests/a/environment.yml", "a"),
        ("manifests/-a-/_b c_.yaml", "a/b-c"),
        ("services/web/environment.yml", "web"),
    ],
)
def test_decision_05_the_path_is_the_name(path: str, name: str) -> None:
    """Folded, without separators at the ends, `environment` dropped where something is left."""
    globs = project_settings("manifests: ['manifests/**/*.{yaml,yml}', services/*/environment.yml]\n")
    assert list(resolved({path: "setup: [x]\n"}, settings=globs)) == [name]


def test_decision_05_a_cell_and_a_file_of_one_name_are_an_error() -> None:
    """Whichever is asked for."""
    files = {"k": "matrix: {v: [a]}\n", "k-a": "setup: [x]\n"}
    for names in (("k", "k-a"), ("k",)):
        assert "is also named 'k-a'" in problems(files, *names)[0]


def test_decision_05_what_is_a_path_and_what_is_a_name() -> None:
    """`./`, `../` and an ending make a path; anything else is a name, from the project's top."""
    files = {"t/p": "setup: [p]\n", "p": "setup: [top]\n"}
    for written, setup in (("./p.yaml", "p"), ("../p.yaml", "top"), ("p.yaml", "p"), ("p", "top"), ("t/p", "p")):
        assert environment({**files, "t/k": f"extends: {written}\n"}, "t/k").setup == (setup,)


def test_decision_05_folders_that_are_never_matched() -> None:
    """Locks, git, envbuild's own and templates, even where a glob reaches them."""
    globs = project_settings("manifests: ['**/*.yaml']\ntemplates: [own]\n")
    closed = {f"{folder}/x.yaml": "setup: [x]\n" for folder in ("locks", ".git", ".envbuild", "own", "a/.git")}
    assert list(resolved({**closed, "team/x.yaml": "setup: [x]\n"}, settings=globs)) == ["team/x"]


def test_decision_05_the_root_is_found_upwards(tmp_path: Path) -> None:
    """The nearest envbuild.yaml; without one only the working directory itself may be a project."""
    inner = tmp_path / "a" / "b"
    (inner / "manifests").mkdir(parents=True)
    assert find_root(inner) == inner
    with pytest.raises(UsageError, match="no project here"):
        find_root(inner / "manifests")
    (tmp_path / "envbuild.yaml").write_text("")
    assert find_root(inner) == tmp_path
    (tmp_path / "a" / "envbuild.yaml").write_text("")
    assert find_root(inner) == tmp_path / "a"
