"""Labels: words that stand for one version, wherever a number may stand."""

import subprocess
import sys

import pytest
from support.project import Project


@pytest.fixture
def three(project: Project) -> Project:
    """Three versions, of which nothing need be built."""
    for value in ("1", "2", "3"):
        project.write("manifests/a.yaml", f"variables: {{ONE: '{value}'}}\n")
        project.run("register", "a")
    return project


def test_a_label_is_set_moved_listed_and_removed(three: Project) -> None:
    """From where to where is told each time."""
    assert three.run("label", "a").out == "a has no labels.\n"
    assert three.run("label", "a@3", "prod").out == "a@prod: version 3, new\n"
    assert three.run("label", "a@prod", "canary").out == "a@canary: version 3, new\n"
    assert three.run("label", "a@1", "prod").out == "a@prod: version 3 -> 1\n"
    assert three.run("label", "a@1", "prod").out == "a@prod: version 1, as before\n"
    assert three.run("label", "a").out == "canary  version 3\nprod  version 1\n"
    assert three.run("label", "a@latest").out == "canary  version 3\n"
    assert three.json("label", "a") == {
        "format_version": 1,
        "environment": "a",
        "labels": [{"label": "canary", "version": 3}, {"label": "prod", "version": 1}],
    }
    told = {"format_version": 1, "environment": "a", "label": "prod", "version": 2, "before": 1}
    assert three.json("label", "a@2", "prod") == told
    assert three.run("label", "--remove", "a", "prod").out == "a@prod is gone: it was version 2\n"
    assert three.run("label", "a").out == "canary  version 3\n"


def test_a_label_stands_wherever_a_number_does(three: Project) -> None:
    three.run("label", "a@2", "prod")
    assert three.json("show", "a@prod") == three.json("show", "a@2")
    assert three.run("why", "a@prod").out == three.run("why", "a@2").out
    assert three.run("diff", "a@prod", "a@3").out == three.run("diff", "a@2", "a@3").out
    assert three.run("export", "conda", "a@prod").out == three.run("export", "conda", "a@2").out
    assert three.run("run", "a@prod", "--", "true", check=1).err.startswith("error: a@2 is registered")
    three.run("export", "manifest", "a@prod", "out")


def test_labels_are_shown(three: Project) -> None:
    """In history, show and the JSON of list; a label of another environment is another one."""
    three.write("manifests/b.yaml", "variables: {ONE: b}\n")
    three.run("register", "b", "--label", "prod")
    three.run("label", "a@2", "prod")
    three.run("label", "a@2", "canary")
    head, *rows = three.run("history", "a").out.splitlines()
    assert head.split()[:3] == ["version", "labels", "age"]
    assert next(row for row in rows if row.startswith("2")).startswith("2        canary prod  just now")
    assert [one["labels"] for one in three.json("history", "a")["records"]] == [[], ["canary", "prod"], []]
    assert three.json("show", "a@2")["environment"]["labels"] == ["canary", "prod"]
    assert "  labels      canary prod\n" in three.run("show", "a@2").out
    listed = three.json("list")["environments"]
    assert {one["name"]: one["labels"] for one in listed} == {"a": {"canary": 2, "prod": 2}, "b": {"prod": 1}}


@pytest.mark.parametrize("label", ["3", "v3", "V12", "latest", "LATEST"])
def test_what_looks_like_a_version_is_no_label(three: Project, label: str) -> None:
    for command in (["label", "a@2", label], ["register", "a", "--label", label]):
        error = three.run(*command, check=64).err
        assert error.startswith(f"error: '{label}' looks like a version itself\n")


@pytest.mark.parametrize("label", ["a b", "-x", ".x", "a/b", "ü", "x" * 129, "a\n", "a@b"], ids=ascii)
def test_a_label_is_a_word_that_registries_would_take(three: Project, label: str) -> None:
    assert "is no label" in three.run("label", "--", "a@2", label, check=64).err
    assert three.json("label", "a")["labels"] == []


def test_what_is_no_version_is_told_the_nearest(three: Project) -> None:
    three.run("label", "a@2", "prod")
    assert three.run("show", "a@prd", check=64).err == (
        "error: 'a' has no version 'prd'\n  hint: did you mean 'prod'?\n"
    )
    assert three.run("show", "a@9", check=64).err == "error: 'a' has no version '9'\n  hint: recorded are: 3, 2, 1\n"
    assert three.run("label", "a@9", "x", check=64).err.startswith("error: 'a' has no version '9'")
    far = three.run("show", "a@xyzzy", check=64).err
    assert far.startswith("error: 'a' has no version 'xyzzy'\n  hint: known are: ")
    assert three.run("promote", "a@prd", "--tag", "x", check=64).err.endswith("did you mean 'prod'?\n")


def test_what_is_said_wrongly_is_refused(three: Project) -> None:
    assert "names no version" in three.run("label", "a", "prod", check=64).err
    assert "say which label" in three.run("label", "--remove", "a", check=64).err
    assert "leave '@3' out" in three.run("label", "--remove", "a@3", "prod", check=64).err
    assert "has no label 'prod'" in three.run("label", "--remove", "a", "prod", check=64).err
    assert "no environment is named 'b'" in three.run("label", "b@1", "prod", check=64).err


def test_a_label_outlives_its_manifest(three: Project) -> None:
    three.run("label", "a@2", "prod")
    three.write("manifests/b.yaml", "variables: {ONE: b}\n")
    three.remove("manifests/a.yaml")
    assert three.run("label", "a").out == "prod  version 2\n"
    assert three.json("show", "a@prod")["environment"]["version"] == 2
    assert three.run("label", "a@3", "prod").out == "a@prod: version 2 -> 3\n"


def test_two_who_move_a_label_at_once_are_each_told_the_truth(three: Project) -> None:
    """What one has set the other finds: each move goes on from the one before it, and none is lost."""
    script = """
import sys
from envbuild.project import Project
labels = Project.load(".").state.labels
for turn in range(40):
    version = (turn + int(sys.argv[1])) % 3 + 1
    print(labels.set("a", "prod", version) or 0, version)
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(at)],
            cwd=three.path,
            env=dict(three.environ),
            stdout=subprocess.PIPE,
            text=True,
        )
        for at in range(2)
    ]
    moves = [tuple(map(int, line.split())) for one in running for line in one.communicate()[0].splitlines()]
    assert [one.returncode for one in running] == [0, 0]
    assert len(moves) == 80
    stands = three.json("label", "a")["labels"][0]["version"]
    left, came = [one for one, _ in moves], [one for _, one in moves]
    assert sorted([*left, stands]) == sorted([0, *came])
