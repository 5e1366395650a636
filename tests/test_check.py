"""`envbuild check`: all that is wrong in one go, and notes, which are told once and can be left out."""

import shutil
import subprocess

import pytest
from support.project import Project

NOTED = {
    "manifests/a.yaml": """
        dependencies:
          - numpy =1  # [linux64]
          - scipy =1  # [osx]
          - pip
          - pip: [scipy ==1.*]
        """,
    "manifests/b.yaml": "extends: [r, c, r]\nwithout: [zzz]\n",
    "manifests/c.yaml": "extends: r\nchannels: [conda-forge]\ndependencies: [numpy =1]\n",
    "manifests/r.yaml": "abstract: true\ntags: {a: b}\n",
}
KINDS = ["asked-twice", "comment-selector", "idle-parent", "idle-without", "no-channels"]


@pytest.fixture
def noted(project: Project) -> Project:
    for path, text in NOTED.items():
        project.write(path, text)
    return project


def kinds(project: Project, *args: str) -> list[str]:
    return sorted({note["code"] for note in project.json("check", *args)["notes"]})


def test_nothing_to_say(project: Project) -> None:
    """The answer first, and 0."""
    project.write("manifests/a.yaml", "setup: [make]\n")
    project.write("manifests/r.yaml", "abstract: true\n")
    assert project.run("check").out == "No problems in 2 manifests, 0 notes.\n"
    assert project.json("check") == {
        "format_version": 1,
        "manifests": 2,
        "environments": 1,
        "errors": [],
        "warnings": [],
        "notes": [],
    }


def test_notes_of_one_kind_are_folded(noted: Project) -> None:
    """One line for each kind, with the first of them; notes are nothing wrong."""
    run = noted.run("check")
    assert run.err == ""
    head, *lines = run.out.splitlines()
    assert head == "No problems in 4 manifests, 7 notes."
    assert [line.partition(":")[0].strip() for line in lines] == KINDS
    assert lines[1] == (
        "  comment-selector: '# [linux64]' is a comment: the line holds on every platform"
        "  manifests/a.yaml:2 (and 1 more: -v)"
    )


def test_what_is_not_installed_is_noted(project: Project) -> None:
    """Where the image is to bring its own Python, a package, or a version of that, is asked of nobody."""
    image = "builder: docker\nplatforms: [linux-64]\nimage: {base: 'x/y:1'}\npython: {managed: false}\n"
    project.write("manifests/a.yaml", f"{image}dependencies: [python=3.9, pip: [alpha]]\n")
    project.write("manifests/b.yaml", image)
    (note,) = project.json("check")["notes"]
    assert (note["code"], note["path"], note["line"]) == ("not-installed", "manifests/a.yaml", 5)


def test_every_note_is_told_when_asked_for(noted: Project) -> None:
    """With file, line, column and hint, in the order of files and lines; JSON has them all."""
    told = noted.run("check", "-v").out.splitlines()[1:]
    notes = noted.json("check")["notes"]
    assert len(notes) == 7
    assert told == [
        line
        for note in notes
        for line in (
            f"{note['path']}:{note['line']}:{note['column']}: {note['code']}: {note['message']}",
            f"  hint: {note['hint']}",
        )
    ]
    places = [(note["path"], note["line"]) for note in notes]
    assert places == sorted(places)
    assert ("manifests/a.yaml", 3) in places


def test_an_idle_parent_says_why(noted: Project) -> None:
    """One that another extends already, and one that is listed before."""
    found = [(note["line"], note["column"], note["message"]) for note in noted.json("check")["notes"]
             if note["code"] == "idle-parent"]  # fmt: skip
    assert found == [
        (1, 11, "the parent 'r' adds nothing: 'c' extends it already"),
        (1, 17, "the parent 'r' adds nothing: 'c' extends it already"),
    ]


def test_a_manifest_leaves_out_its_own_notes(noted: Project) -> None:
    """By kind; those of others stay."""
    noted.write("manifests/a.yaml", NOTED["manifests/a.yaml"].rstrip() + "\n        check: {ignore: [asked-twice]}\n")
    assert kinds(noted) == [kind for kind in KINDS if kind != "asked-twice"]
    noted.write("manifests/b.yaml", NOTED["manifests/b.yaml"] + "check: {ignore: [idle-parent, idle-without]}\n")
    assert kinds(noted) == ["comment-selector", "no-channels"]


def test_what_a_parent_leaves_out_its_children_leave_out(noted: Project) -> None:
    """`check` is inherited."""
    noted.write("manifests/r.yaml", "abstract: true\ncheck: {ignore: [idle-parent, idle-without]}\n")
    assert kinds(noted) == ["asked-twice", "comment-selector", "no-channels"]


def test_an_abstract_manifest_leaves_out_its_own_notes(project: Project) -> None:
    """It is no environment, and has notes of its own."""
    project.write("manifests/r.yaml", "abstract: true\ndependencies:\n- numpy =1  # [linux]\n")
    assert kinds(project) == ["comment-selector"]
    project.write(
        "manifests/r.yaml",
        "abstract: true\ncheck: {ignore: [comment-selector]}\ndependencies:\n- numpy =1  # [linux]\n",
    )
    assert kinds(project) == []


def test_the_settings_leave_out_notes_everywhere(noted: Project) -> None:
    """By kind, for the whole project."""
    noted.write("envbuild.yaml", "check: {ignore: [comment-selector, no-channels]}\n")
    assert kinds(noted) == ["asked-twice", "idle-parent", "idle-without"]


def test_errors_of_all_files_in_one_go(project: Project) -> None:
    """Whatever they are found by: YAML, keys, parents, cycles, cells, expressions, packages, links."""
    files = {
        "a": "setup: [make\n",
        "b": "zzz: 1\n",
        "c": "extends: nowhere\n",
        "d": "extends: e\n",
        "e": "extends: d\n",
        "f": "matrix: {v: [x], exclude: [{v: x}]}\n",
        "g": 'setup: ["{{ params.x }}"]\n',
        "h": "dependencies: [{pip: [alpha==1, alpha==2]}]\n",
        "i": "builder: oci\nimage: {base: {environment: nowhere}}\n",
        "j": "setup: make\nabstract: true\n",
    }
    for name, text in files.items():
        project.write(f"manifests/{name}.yaml", text)
    project.write("templates/environment.yml.j2", "{% if %}\n")
    project.write("locks/x.conda-lock.yml", "nothing of a lock\n")
    told = {error["path"] for error in project.json("check", check=1)["errors"]}
    cycle = {path for path in told if path in {"manifests/d.yaml", "manifests/e.yaml"}}
    assert len(cycle) == 1
    assert told - cycle == {
        *(f"manifests/{name}.yaml" for name in files if name not in {"d", "e"}),
        "templates/environment.yml.j2",
        "locks/x.conda-lock.yml",
    }


def test_errors_and_notes_are_told_together(noted: Project) -> None:
    """The answer on standard output, what is wrong on standard error, as every command tells it."""
    noted.write("manifests/z.yaml", "zzz: 1\n")
    run = noted.run("check", check=1)
    assert run.out.splitlines()[0].startswith("1 problem in 5 manifests, ")
    assert "comment-selector" in run.out
    assert run.err.startswith("manifests/z.yaml:1:1: unknown key 'zzz'\n  hint: known are: ")


def test_errors_in_json_are_those_of_every_command(noted: Project) -> None:
    """On standard output, 1."""
    noted.write("manifests/z.yaml", "zzz: 1\n")
    (error,) = noted.json("check", check=1)["errors"]
    assert (error["path"], error["line"], error["column"]) == ("manifests/z.yaml", 1, 1)
    assert list(error) == ["path", "line", "column", "message", "hint"]


def test_a_selection_is_checked_alone(noted: Project) -> None:
    """With what it extends; what is broken elsewhere is not judged."""
    noted.write("manifests/z.yaml", "zzz: 1\n")
    assert noted.run("check", "c").out.startswith("No problems in 2 manifests, ")
    assert kinds(noted, "c") == []
    assert noted.run("check", "a", "z", check=1).err.startswith("manifests/z.yaml:1:1: ")


def test_broken_settings_and_names_that_there_are_not(noted: Project) -> None:
    """The first is 1, the second 64."""
    assert noted.run("check", "nowhere", check=64).err.startswith("error: no environment is named 'nowhere'\n")
    noted.write("envbuild.yaml", "zzz: 1\n")
    assert noted.run("check", check=1).err.startswith("envbuild.yaml:1:1: unknown key 'zzz'\n")


def test_a_secret_that_git_has_is_noted(project: Project) -> None:
    """At the line that names it, also of one that is added and not yet committed, or that a link leads to."""
    for name in ("added", "own", "plain*"):
        project.write(f"keys/{name}", "hunter2\n")
    (project.path / "link").symlink_to("keys/added")
    (project.path / "loop").symlink_to("loop")
    project.write(
        "envbuild.yaml",
        "secrets:\n  a: {file: keys/added}\n  b: {file: keys/own}\n  c: {file: link}\n  d: {file: keys/gone}\n"
        "  e: {env: TOKEN}\n  f: {file: 'keys/*'}\n  g: {file: loop}\n",
    )
    project.write("manifests/k.yaml", "setup: [make]\n")
    assert project.json("check")["notes"] == []
    git(project, "init", "--quiet")
    git(project, "add", "keys/added")
    noted = project.json("check")["notes"]
    assert [(one["code"], one["path"], one["line"]) for one in noted] == [
        ("committed-secret", "envbuild.yaml", 2),
        ("committed-secret", "envbuild.yaml", 4),
    ]
    assert noted[0]["message"] == "git has the file of the secret 'a': keys/added"
    assert "git rm --cached" in noted[0]["hint"]
    assert project.json("check", "k")["notes"] == []
    assert "hunter2" not in project.run("check", "-v").out


def git(project: Project, *words: str) -> None:
    subprocess.run(
        [shutil.which("git") or "git", "-C", project.path, *words], check=True, capture_output=True, env=project.environ
    )
