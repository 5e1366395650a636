"""What no image can have is told by `check` and by `plan`, without a lock and without a network."""

import re
from pathlib import Path

import pytest
from support.imaging import Imaging
from support.project import Project

from envbuild.render.lines import LONGEST

_REGISTRY = "localhost:1"  # where nobody answers
_BASE = f"base: '{_REGISTRY}/a'"

_WRONG = {
    f'{_BASE}, labels: {{a: "b\\nc"}}': "'image.labels.a' holds a line break, which a Dockerfile has no way to write",
    f"{_BASE}, user: 'a b'": "'a b' is no name of a user",
    f'{_BASE}, workdir: "/a\\nb"': "'image.workdir' holds a line break, which a Dockerfile has no way to write",
    "base: 'no image'": "'no image' is no image",
    "base: {image: debian, tag: '['}": "'[' is no regular expression: unterminated character set at position 0",
    f"{_BASE}, healthcheck: true": "'image.healthcheck' comes later: this version cannot put it into an image yet",
    f"{_BASE}, owner: app": "'image.owner' comes later: this version cannot put it into an image yet",
    f"{_BASE}, trim: [a]": "'image.trim' comes later: this version cannot put it into an image yet",
    "gpu: auto": "'a' says nothing that its image starts from",
    f"{_BASE}, template: nope.j2": "there is no template 'nope.j2'",
    "dockerfile: own": "the Dockerfile has no FROM",
    "dockerfile: gone": "there is no file 'manifests/gone'",
    f"{_BASE}, apt: ['-r list']": "'a^b' is no Debian package",
    f"{_BASE}, labels: {{a: {'x' * 70_000}}}":
        "'image.labels.a' makes a line of 70,000 bytes, and a Dockerfile has none of more than 65,535",
    "base: scratch": "'scratch' is no image but an empty one, which has nothing to run a step with",
    "base: {image: 'docker.io/scratch', tag: '1'}":
        "'docker.io/scratch' is no image but an empty one, which has nothing to run a step with",
}  # fmt: skip


@pytest.mark.parametrize("said", _WRONG, ids=lambda said: str(said)[:50])
def test_check_and_plan_tell_it_before_there_is_a_lock(project: Project, said: str) -> None:
    """At one place, in one sentence, with a hint; and `apply` ends there, with nothing locked."""
    project.write("manifests/list", "git\na^b\n")
    project.write("manifests/own", "RUN true\n")
    project.write("manifests/a.yaml", f"builder: docker\nplatforms: [linux-64]\nimage: {{{said}}}\n")
    line = {"apt": "manifests/list:2:1", "gpu": "manifests/a.yaml:1:1"}.get(said.rpartition(", ")[2][:3])
    for command in ("check", "plan", "apply"):
        told = project.run(command, check=1).err
        assert _WRONG[said] in told
        assert told.startswith(line or "manifests/a.yaml:3:")
        assert "hint: " in told
    assert not (project.path / "locks").exists()


def test_all_of_it_in_one_go(project: Project) -> None:
    """Of all environments, each problem once, whoever inherits it; prefixes have no image."""
    project.write("manifests/p.yaml", f"builder: docker\nimage:\n  {_BASE}\n  owner: x\n  trim: [y]\n")
    project.write("manifests/k.yaml", "extends: p\nimage: {user: 'a b'}\n")
    project.write("manifests/own.yaml", "image: {owner: x, user: 'a b'}\nvariables: {A: b}\n")
    project.write("manifests/r.yaml", "builder: oci\nimage: {owner: x}\n")
    errors = project.json("check", check=1)["errors"]
    assert [(one["path"], one["line"]) for one in errors] == [
        ("manifests/k.yaml", 2),
        ("manifests/p.yaml", 4),
        ("manifests/p.yaml", 5),
        ("manifests/r.yaml", 1),
        ("manifests/r.yaml", 2),
    ]


@pytest.mark.parametrize("said", [f"{_BASE}, build: [{{command: a, user: b}}]", f"{_BASE}, apt: [git]"])
def test_what_a_lock_may_settle_is_not_refused_before(project: Project, said: str) -> None:
    """Whose the image is in the end, its base may say."""
    project.write("manifests/a.yaml", f"builder: docker\nimage: {{{said}}}\n")
    project.write(
        "manifests/b.yaml", "builder: docker\nimage: {base: {environment: a}, build: [{command: a, user: b}]}\n"
    )
    assert "No problems" in project.run("check").out
    assert "Plan: 2 to create" in project.run("plan").out


def test_a_dockerfile_of_ones_own_says_nothing_of_its_user(project: Project) -> None:
    """That no lock will ever hold: a step with a user is refused at once."""
    image = "image: {dockerfile: own, build: [{command: a, user: b}]}\n"
    project.write("manifests/own", "FROM debian\n")
    project.write("manifests/a.yaml", f"builder: docker\n{image}dependencies: [pip: [alpha]]\n")
    told = project.run("check", check=1).err
    assert told.startswith("manifests/a.yaml:2:34: a step has a user, and nothing says whose the image is in the end")


def test_a_selection_is_checked_alone(project: Project) -> None:
    """Others are not looked at."""
    project.write("manifests/a.yaml", f"builder: docker\nimage: {{{_BASE}}}\n")
    project.write("manifests/b.yaml", "builder: docker\nimage: {owner: x}\n")
    assert "No problems" in project.run("check", "a").out
    project.run("check", "b", check=1)


_LONG = {
    "labels: {b: x, a: %s}": "image.labels.a",
    "workdir: /%s": "image.workdir",
    "build: [echo, 'echo %s']": "image.build",
    "build: [{script: run.sh, args: [%s]}]": "image.build",
    "command: [echo, %s]": "image.command",
    "entrypoint: echo %s": "image.entrypoint",
    "copy: [{from: run.sh, to: /%s}]": "image.copy",
}


@pytest.mark.parametrize("said", _LONG)
def test_a_line_that_buildkit_does_not_read(project: Project, said: str) -> None:
    """Is refused where the manifest has it, wherever it would stand in the Dockerfile."""
    project.write("manifests/run.sh", "true\n")
    head = f"builder: docker\nplatforms: [linux-64]\nimage: {{base: '{_REGISTRY}/a@sha256:{'a' * 64}', "
    project.write("manifests/a.yaml", f"{head}{said % ('x' * (LONGEST + 1))}}}\n")
    (error,) = project.json("check", check=1)["errors"]
    assert re.fullmatch(f"'{_LONG[said]}' makes a line of 65,[0-9]+ bytes, .*", error["message"])
    assert (error["path"], error["line"]) == ("manifests/a.yaml", 3)
    project.write("manifests/a.yaml", f"{head}{said % ('x' * (LONGEST - 7))}}}\n")
    assert "No problems" in project.run("check").out
    project.run("lock")
    (error,) = project.json("render", "a", check=1)["errors"]
    assert re.fullmatch(f"'{_LONG[said]}' makes a line of 65,[0-9]+ bytes, .*", error["message"])
    assert (error["path"], error["line"]) == ("manifests/a.yaml", 3)


def test_a_long_line_of_nobodys_text(project: Project) -> None:
    """Of a template, at the template; of a Dockerfile of one's own, at the line that names it, with its number."""
    project.write("templates/Dockerfile.j2", f"FROM scratch\n# {'x' * LONGEST}\n")
    project.write("manifests/a.yaml", f"builder: docker\nimage: {{base: '{_REGISTRY}/a@sha256:{'a' * 64}'}}\n")
    project.run("lock")
    told = project.run("render", "a", check=1).err
    assert told.startswith("templates/Dockerfile.j2:1:1: what it writes for line 2 makes a line of 65,537 bytes")
    project.write("manifests/own", f"FROM debian\n\nRUN {'x' * LONGEST}\n")
    project.write("manifests/a.yaml", "builder: docker\nimage:\n  dockerfile: own\n")
    told = project.run("check", check=1).err
    assert told.startswith("manifests/a.yaml:3:15: line 3 of the Dockerfile has 65,539 bytes")


def test_the_longest_line_is_built(imaging: Imaging, tmp_path: Path) -> None:
    """What is not refused BuildKit reads: a line of just so many bytes."""
    room = LONGEST - len("LABEL a=")
    for length, code in ((room, 0), (room + 1, 1)):
        imaging.image("web", "hello")
        text = imaging.project.read("manifests/web.yaml")
        imaging.project.write("manifests/web.yaml", f"{text}  labels: {{a: {'x' * length}}}\n")
        imaging.apply(check=code)
    (tmp_path / "Dockerfile").write_text(f"FROM {imaging.base}\nLABEL a={'x' * (room + 1)}\n")
    ran = imaging.engine.docker.run("buildx", "build", str(tmp_path))
    assert "line greater than max allowed size" in ran.stderr
