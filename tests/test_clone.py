"""`envbuild clone`: one more environment like another one, its file copied or a version of it written whole."""

from pathlib import Path

import pytest
from support.index import Index
from support.line import actions, write_base
from support.project import Project
from support.wheels import wheel_bytes

_TEXT = """\
# How churn is trained. Ask growth before you change this.
extends: [base, ./shared/parent.yaml]   # both are needed
description: trains it
tags: {team: growth}    # who is asked

dependencies:
  - pip:
      # the packages themselves
      - -r lists/more.txt
      - ./wheels/own-1.0-py3-none-any.whl   # built by hand
      - 'pkg @ ./pkg'
      - -e ../../tools
      - alpha >=1   # from the index
matrix:
  size:
    small: {}
    large: {dependencies: [{pip: [-c "./lists/limits.txt"]}]}
image:
  dockerfile: docker/Dockerfile
  copy:
    - {from: ./data/{{ matrix.size }}.csv, to: /data}
"""


@pytest.fixture
def churn(project: Project, index: Index) -> Project:
    """A manifest that names files in every way, in a folder of its own."""
    project.write("envbuild.yaml", "")
    write_base(project, index)
    for path in ("shared/parent.yaml", "lists/more.txt", "lists/limits.txt", "docker/Dockerfile"):
        project.write(f"manifests/churn/{path}", "FROM scratch\n" if "docker" in path else "")
    project.write("manifests/churn/shared/parent.yaml", "abstract: true\nvariables: {ONE: '1'}\n")
    project.write("manifests/churn/lists/more.txt", "beta\n")
    project.write("manifests/churn/lists/limits.txt", "alpha <3\n")
    for folder in ("manifests/churn/pkg", "tools"):
        name = folder.rpartition("/")[2]
        project.write(f"{folder}/pyproject.toml", f"[project]\nname = '{name}'\nversion = '1'\ndependencies = []\n")
    (project.path / "manifests/churn/wheels").mkdir()
    name, data = wheel_bytes("own", "1.0")
    (project.path / "manifests/churn/wheels" / name).write_bytes(data)
    project.write("manifests/churn/train.yaml", _TEXT)
    return project


def test_paths_are_right_for_the_new_place_and_all_else_is_kept(churn: Project) -> None:
    """Comments, blanks, order and quotes; values with expressions are paths as well."""
    _quoted(churn)
    assert churn.run("clone", "churn/train", "trial").out.splitlines()[:2] == [
        "manifests/trial.yaml",
        "trial: ready to lock",
    ]
    assert churn.read("manifests/trial.yaml") == (
        churn.read("manifests/churn/train.yaml")
        .replace("./shared/parent.yaml", "./churn/shared/parent.yaml")
        .replace("-r lists/more.txt", "-r ./churn/lists/more.txt")
        .replace("./wheels/own", "./churn/wheels/own")
        .replace("'pkg @ ./pkg'", '"pkg @ ./churn/pkg"')
        .replace("-e ../../tools", "-e ../tools")
        .replace("'-c ./lists/limits.txt'", '"-c ./churn/lists/limits.txt"')
        .replace("docker/Dockerfile", "./churn/docker/Dockerfile")
        .replace("'./data/{{ matrix.size }}.csv'", '"./churn/data/{{ matrix.size }}.csv"')
    )


def _quoted(churn: Project) -> None:
    text = _TEXT.replace('-c "./lists/limits.txt"', "'-c ./lists/limits.txt'")
    churn.write(
        "manifests/churn/train.yaml", text.replace("./data/{{ matrix.size }}.csv", "'./data/{{ matrix.size }}.csv'")
    )


def test_a_clone_is_the_same_environment(churn: Project) -> None:
    """What was resolved from the one is what is resolved from the other, cell by cell."""
    _quoted(churn)
    churn.run("clone", "churn/train", "far/away/trial")
    for size in ("small", "large"):
        one, other = (_told(churn, f"{name}-{size}") for name in ("churn/train", "far/away/trial"))
        assert one == other


def _told(project: Project, name: str) -> dict[str, str]:
    """What it comes to, whatever line says so."""
    rows = project.json("explain", name)["values"]
    return {row["field"]: row["value"] for row in rows if row["field"].partition(".")[0] not in {"extends", "image"}}


def test_beside_its_source_nothing_changes(churn: Project) -> None:
    """The very same bytes."""
    _quoted(churn)
    churn.run("clone", "churn/train", "churn/trial")
    assert churn.read("manifests/churn/trial.yaml") == churn.read("manifests/churn/train.yaml")


def test_what_it_extends_stays_extended(churn: Project) -> None:
    """An abstract manifest can be cloned, too; it is said what is of use then."""
    out = churn.run("clone", "base", "other").out
    assert out == (
        "manifests/other.yaml\nother: only extended\n"
        "Next: 'envbuild new NAME --extends other' writes a manifest that builds on it.\n"
    )
    churn.write("manifests/plain.yaml", "extends: base\nvariables: {A: '1'}\n")
    churn.run("clone", "plain", "plain-2")
    assert churn.read("manifests/plain-2.yaml") == "extends: base\nvariables: {A: '1'}\n"


def test_json(churn: Project) -> None:
    """The path, what it comes to, and what it is from."""
    churn.write("manifests/plain.yaml", "variables: {A: '1'}\n")
    assert churn.json("clone", "plain", "x") == {
        "format_version": 1, "environment": "x", "path": "manifests/x.yaml", "state": "ready to build", "errors": [],
        "source": "plain", "whole": False, "lock": None, "same_content": None, "reasons": [],
    }  # fmt: skip


def test_one_of_catalogues(churn: Project, tmp_path: Path) -> None:
    """Its comments come with it; names are whole, and what lies in the catalogue is named there."""
    churn.run("clone", "curated/lightgbm-cpu", "trees")
    text = churn.read("manifests/trees.yaml")
    assert text.startswith("# What gradient boosting needs beside scikit-learn.\n")
    assert "\nextends: curated/sklearn-cpu\n" in text
    shelf = Project(tmp_path / "shelf", {})
    shelf.write("base.yaml", "variables: {ONE: '1'}\n")
    shelf.write("deep/lists/more.txt", "alpha\n")
    shelf.write("deep/train.yaml", "extends: [base, ../base.yaml]\ndependencies: [{pip: [-r lists/more.txt]}]  # all\n")
    churn.write("envbuild.yaml", "catalogues: {acme: ../shelf}\n")
    churn.run("clone", "acme/deep/train", "mine")
    assert churn.read("manifests/mine.yaml") == (
        "extends: [acme/base, acme/base]\ndependencies: [{pip: [-r ../~acme/deep/lists/more.txt]}]  # all\n"
    )
    assert _told(churn, "mine") == _told(churn, "acme/deep/train")


def test_one_cell_is_written_whole(churn: Project) -> None:
    """No file says just that."""
    churn.write("manifests/m.yaml", "extends: base\nmatrix: {size: [a, b]}\nvariables: {SIZE: '{{ matrix.size }}'}\n")
    out = churn.run("clone", "m-a", "deep/only-a").out
    assert "It is all that m-a comes to; no file says just that." in out
    text = churn.read("manifests/deep/only-a.yaml")
    assert "SIZE: a\n" in text
    assert "extends" not in text
    assert "matrix" not in text


@pytest.fixture
def built(project: Project, index: Index) -> Project:
    """Two versions of an environment that is made of a parent, an index and a wheel; its manifest is gone by now."""
    write_base(project, index, "alpha ==1.0")
    name, data = wheel_bytes("own", "1.0")
    (project.path / "manifests/churn").mkdir()
    (project.path / "manifests/churn" / name).write_bytes(data)
    text = f"extends: base\ndependencies: [{{pip: [./{name}]}}]\nvariables: {{A: '1'}}\n"
    project.write("manifests/churn/train.yaml", text)
    project.run("apply")
    project.write("manifests/churn/train.yaml", text.replace("'1'", "'2'"))
    index.add("alpha", "1.0.1")
    write_base(project, index, "alpha")
    project.run("lock", "--upgrade")
    project.run("apply")
    return project


def test_a_version_is_written_whole_with_its_lock(built: Project) -> None:
    """So that its content is that of the version: nothing is locked or built again."""
    out = built.run("clone", "churn/train@1", "before").out
    assert out == (
        "manifests/before.yaml\nbefore: ready to build\n"
        "Its content is that of churn/train@1: nothing has to be built.\n"
        "Next: 'envbuild plan before' says what would be built, 'envbuild apply before' builds it.\n"
    )
    assert actions(built, "before") == {"before": "adopt"}
    built.run("apply", "before", "--locked")
    found = [built.json("show", one)["environment"]["fingerprint"] for one in ("before", "churn/train@1")]
    assert found[0] == found[1]
    assert built.json("clone", "churn/train@latest", "now")["same_content"] is True
    assert built.json("clone", "churn/train@2", "deep/er/now")["lock"] == "locks/deep/er/now.conda-lock.yml"


def test_a_version_whose_manifest_is_long_gone(built: Project) -> None:
    """Everything stands in its record, but for the files of the project."""
    built.remove("manifests/churn/train.yaml")
    built.remove("locks")
    assert built.json("clone", "churn/train@1", "churn/again")["same_content"] is True
    assert actions(built, "churn/again") == {"churn/again": "adopt"}


def test_why_a_clone_is_not_what_the_version_was(built: Project) -> None:
    """A file that has changed, a setting that holds for all, a file that is gone."""
    wheel = "manifests/churn/own-1.0-py3-none-any.whl"
    name, data = wheel_bytes("own", "1.0", modules={"own/more.py": ""})
    assert wheel.endswith(name)
    (built.path / wheel).write_bytes(data)
    told = built.run("clone", "churn/train@1", "changed").out
    assert "Its content is not that of churn/train@1:\n    file: " in told
    assert wheel in told
    built.write("envbuild.yaml", "platforms: [linux-64, osx-arm64]\n")
    (built.path / wheel).unlink()
    gone = built.json("clone", "churn/train@1", "gone")
    assert gone["state"] == "refused"
    assert "there is no file" in gone["errors"][0]["message"]


def test_nothing_that_stands_is_written_over(built: Project) -> None:
    """A manifest, a lock without one, a name of catalogues, one that no file could have."""
    built.write("locks/free.conda-lock.yml", "mine\n")
    before = built.tree()
    refused = {
        ("churn/train", "base"): "there is an environment 'base' already",
        ("churn/train@1", "free"): "there is such a lock already",
        ("churn/train", "curated/x"): "the name 'curated/x' is reserved",
        ("churn/train", "A B"): "'A B' would be named 'a-b'",
        ("churn/trian", "x"): "no environment is named 'churn/trian'",
        ("churn/train@9", "x"): "'churn/train' has no version '9'",
        ("churn/*", "x"): "'churn/*' may mean several",
        ("@all", "x"): "'@all' may mean several",
        ("curated/nothing", "x"): "no environment is named 'curated/nothing'",
    }
    for words, message in refused.items():
        run = built.run("clone", *words, check=64)
        assert message in run.err, words
        assert "hint: " in run.err, words
    assert {path: digest for path, digest in built.tree().items() if "/cache/" not in path} == {
        path: digest for path, digest in before.items() if "/cache/" not in path
    }


def test_what_cannot_be_read_is_not_cloned(churn: Project) -> None:
    """It is told where it stands."""
    churn.write("manifests/broken.yaml", "extends: [\n")
    assert churn.run("clone", "broken", "x", check=1).err.startswith("manifests/broken.yaml:")
    assert not (churn.path / "manifests/x.yaml").exists()
    churn.write("manifests/folded.yaml", "extends: >-\n  ./churn/shared/parent.yaml\nvariables: {A: '1'}\n")
    err = churn.run("clone", "folded", "deep/x", check=64).err
    assert err.startswith("manifests/folded.yaml:1:10: './churn/shared/parent.yaml' cannot be told apart")
    assert not (churn.path / "manifests/deep/x.yaml").exists()


def test_a_block_of_text_is_many_lines(churn: Project) -> None:
    """Each of which may name a file; what is said of a line stays behind it."""
    pip = "      - |\n        -r lists/more.txt  # all\n\n        alpha\n        ./wheels/own-1.0-py3-none-any.whl\n"
    churn.write("manifests/churn/block.yaml", f"extends: base\ndependencies:\n  - pip:\n{pip}")
    churn.run("clone", "churn/block", "up")
    assert churn.read("manifests/up.yaml") == (
        churn.read("manifests/churn/block.yaml")
        .replace("-r lists", "-r ./churn/lists")
        .replace("./wheels", "./churn/wheels")
    )
    assert _told(churn, "up") == _told(churn, "churn/block")
