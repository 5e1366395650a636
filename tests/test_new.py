"""`envbuild new`: one more manifest, where the project finds it under that name, and nothing written over."""

from pathlib import Path

import pytest
from support.index import Index
from support.line import apply_twice
from support.project import Project

_BASE = "abstract: true\nvariables:\n  ONE: '1'\n"


@pytest.fixture
def started(project: Project) -> Project:
    project.write("envbuild.yaml", "")
    project.write("manifests/base.yaml", _BASE)
    return project


def test_the_file_is_the_answer(started: Project) -> None:
    """Its path comes first; then what it comes to, and commands that work."""
    out = started.run("new", "churn/train", "--extends", "base", "alpha >=1").out.splitlines()
    assert out == [
        "manifests/churn/train.yaml",
        "churn/train: ready to lock",
        "Next: 'envbuild plan churn/train' says what would be built, 'envbuild apply churn/train' builds it.",
    ]
    text = started.read("manifests/churn/train.yaml")
    assert text.startswith("# ")
    assert text.endswith("extends: base\ndependencies:\n  - pip:\n      - alpha >=1\n")
    assert "+ churn/train  create" in started.run("plan", "churn/train").out


def test_json(started: Project) -> None:
    """The path, the name, what it extends and what it comes to."""
    assert started.json("new", "a", "--extends", "base") == {
        "format_version": 1, "environment": "a", "path": "manifests/a.yaml", "state": "ready to build", "errors": [],
        "extends": ["base"],
    }  # fmt: skip


def test_it_builds(started: Project, index: Index) -> None:
    """Packages, a parent, a requirements file named from where one is, a description with signs of YAML."""
    started.write("manifests/base.yaml", f"{_BASE}pip: {{index_url: '{index.url}'}}\n")
    started.write("sub/reqs.txt", "beta\n")
    below = Project(started.path / "sub", started.environ)
    below.run("new", "x/y", "delta[fast]", "--extends", "base", "-r", "reqs.txt", "--description", "a: b # {c}\n- d")
    apply_twice(started, "x/y")
    names = {one["name"] for one in started.json("show", "x/y")["environment"]["packages"]}
    assert names >= {"alpha", "beta", "delta"}
    assert "a: b # {c}" in started.read("manifests/x/y.yaml")


def test_without_anything_it_is_a_python(started: Project) -> None:
    """So that it can be built; and no manifests need be there."""
    started.remove("manifests")
    started.run("new", "plain")
    assert "  - python >=3.11\n" in started.read("manifests/plain.yaml")
    assert "+ plain  create" in started.run("plan").out


def test_what_cannot_be_locked_is_said(started: Project) -> None:
    """The file is written, since it says what was asked for; the next step is true."""
    started.write("manifests/base.yaml", "abstract: true\noverrides: [numpy =1]\n")
    out = started.run("new", "a", "--extends", "base", "--conda", "numpy >=1.26").out
    assert "a: refused\n    manifests/base.yaml:2:13: conda packages cannot be overridden" in out
    assert out.endswith("Next: change what is refused.\n")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Churn/Train", "write 'churn/train'"),
        ("a b", "write 'a-b'"),
        ("a.yaml", "write 'a'"),
        ("a/environment", "write 'a'"),
        ("/a", "write 'a'"),
        ("../a", "use letters and digits"),
        ("a//b", "use letters and digits"),
        ("", "use letters and digits"),
        ("ä", "use letters and digits"),
        ("curated/x", "those under curated/ are envbuild's own"),
        ("a\nb: c", "write 'a-b--c'"),
    ],
)
def test_a_name_that_no_file_has(started: Project, name: str, hint: str) -> None:
    """It is refused with the name that it would have, and nothing is written."""
    before = started.tree()
    run = started.run("new", name, check=64)
    assert hint in run.err
    assert started.tree() == before


def test_a_name_that_is_taken(started: Project) -> None:
    """By a manifest, by a cell of one, by a file that is something else."""
    started.write("manifests/m.yaml", "variables: {ONE: '1'}\nmatrix: {cuda: ['12', none]}\n")
    for name, where in (("base", "manifests/base.yaml"), ("m-12", "manifests/m.yaml")):
        run = started.run("new", name, check=64)
        assert run.err == (
            f"{where}: there is an environment '{name}' already\n  hint: edit that, or choose another name\n"
        )
    (started.path / "manifests/dir.yaml").mkdir()
    assert "there is such a file already" in started.run("new", "dir", check=64).err
    (started.path / "manifests/gone.yaml").symlink_to("/nowhere")
    started.run("new", "gone", check=64)
    assert (started.path / "manifests/gone.yaml").is_symlink()


def test_what_is_extended_must_be_there(started: Project) -> None:
    """The nearest name is offered; all that are missing are told."""
    run = started.run("new", "a", "--extends", "bsae", "--extends", "nope", check=64)
    assert "there is no manifest 'bsae' to extend\n  hint: did you mean 'base'?" in run.err
    assert "there is no manifest 'nope' to extend" in run.err
    assert not (started.path / "manifests/a.yaml").exists()


@pytest.mark.parametrize(
    "args",
    [
        ["scipy=1.4"], ["-r", "nowhere.txt"], ["-r", "../out.txt"], ["--conda", "a b c d"], ["--conda", "pkg[x]"],
        ["alpha\nsetup: [x]"], ["alpha @ https://u:p@example.org/alpha-1-py3-none-any.whl"], ["--", "--index-url"],
    ],
)  # fmt: skip
def test_packages_that_nobody_can_read_are_refused(started: Project, args: list[str]) -> None:
    """Before there is a file, and without a place in it."""
    run = started.run("new", "a", *args, check=None)
    assert run.code in {1, 64}, run
    assert "hint: " in run.err
    assert "manifests/a.yaml" not in run.err
    assert "u:p@" not in run.err
    assert not (started.path / "manifests/a.yaml").exists()


def test_braces_are_text(started: Project) -> None:
    """An expression in an argument is no expression in the file."""
    started.run("new", "a", "--description", "{{ 1/0 }}", "--extends", "base")
    assert "!raw" in started.read("manifests/a.yaml")
    assert started.json("list", "a")["environments"][0]["name"] == "a"


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("services/*/environment.yml", "services/web/environment.yml"),
        ("envs/*.{yml,yaml}", "envs/web.yaml"),
        ("envs/*.yml", "envs/web.yml"),
        ("*/environment.yaml", "web/environment.yaml"),
        ("{web,api}/environment.yml", "web/environment.yml"),
        ("**/*.yaml", "web.yaml"),
    ],
)
def test_the_first_glob_that_can_says_where(project: Project, glob: str, path: str) -> None:
    """So that the project finds the file, and calls it so."""
    project.write("envbuild.yaml", f"manifests: ['{glob}', 'last/**/*.yaml']\n")
    assert project.json("new", "web")["path"] == path
    assert [one["name"] for one in project.json("list")["environments"]] == ["web"]


def test_no_glob_finds_such_a_name(project: Project) -> None:
    """The settings' line is named, and what to add."""
    project.write("envbuild.yaml", "manifests: ['envs/*.yml']\n")
    run = project.run("new", "a/b", check=64)
    assert run.err.startswith("envbuild.yaml:1:12: no glob of 'manifests' finds a file of the name 'a/b'\n  hint: add ")


def test_outside_a_project(project: Project) -> None:
    """Bad usage that says how a project starts; nothing is written."""
    assert "envbuild init" in project.run("new", "a", check=64).err
    assert project.tree() == {}


def test_a_link_that_leads_out(started: Project, tmp_path: Path) -> None:
    """Nothing is written through it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (started.path / "manifests/out").symlink_to(outside)
    assert "leads out of the project" in started.run("new", "out/a", check=1).err
    assert list(outside.iterdir()) == []
