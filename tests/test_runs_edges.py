"""Runs where things are odd: within git, with a parent that ignores its children, with what is kept damaged."""

import shutil
import subprocess
from pathlib import Path

import pytest
from support.project import Project, clean_environment
from support.runs import latest


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """One environment that is the default, built once, in a repository of git with one commit."""
    folder = tmp_path_factory.mktemp("runs")
    project = Project(folder / "project", clean_environment(folder, uv_cache))
    project.write("envbuild.yaml", "default_environment: lab\n")
    project.write("manifests/lab.yaml", "variables: {OWN: one}\n")
    project.write("train.py", "print('trained')\n")
    project.run("apply", "-q")
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "first")
    return project


@pytest.fixture
def lab(built: Project, tmp_path: Path) -> Project:
    shutil.copytree(built.path, tmp_path / "lab", symlinks=True)
    return Project(tmp_path / "lab", built.environ)


def git(project: Project, *words: str) -> None:
    command = [shutil.which("git") or "git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words]
    subprocess.run(command, cwd=project.path, env=dict(project.environ), check=True, capture_output=True)


def files(project: Project, run: str = "latest") -> list[str]:
    return project.run("runs", "show", run, "--files").out.split()


def test_a_rerun_in_a_repository_has_the_source_of_then(lab: Project) -> None:
    """Also as it is remembered, so that it can be done again: git itself ignores the copy."""
    lab.write("train.py", "print('changed')\n")
    lab.run("run", "--script", "train.py")
    git(lab, "commit", "-qam", "second")
    first = latest(lab)
    for number in ("1", "2"):
        assert lab.run("runs", "rerun", number).out == "changed\n"
        again = latest(lab)
        assert [again[name] == first[name] for name in ("snapshot", "commit", "dirty", "diff")] == [True] * 4
    assert first["dirty"]
    assert "Source, parameters and outputs are the same." in lab.run("runs", "compare", "1", "3").out
    assert files(lab, "3") == ["envbuild.yaml", "manifests/lab.yaml", "train.py"]
