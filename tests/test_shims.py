"""pyenv's scripts on PATH are never run to learn which interpreters there are: each costs more than all of uv."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.index import Index
from support.project import Project, clean_environment

from envbuild.solvers.shims import without_shims


@pytest.fixture
def pyenv(tmp_path: Path) -> Path:
    """A root with three versions, of which one is enabled, and a script that tells when it is run."""
    root = tmp_path / "pyenv"
    for version in ("3.9.18", "3.11.9", "3.11.10"):
        (root / "versions" / version / "bin").mkdir(parents=True)
    (root / "shims").mkdir()
    (root / "shims/python").write_text(f"#!/bin/sh\necho $* >>{tmp_path}/ran\nexit 127\n")
    (root / "shims/python").chmod(0o755)
    (root / "version").write_text("3.9.18\n")
    return root


@pytest.mark.parametrize(
    ("file", "variable", "found"),
    [
        ("3.9.18\n", "", ["3.9.18"]),
        ("3.11\n3.9.18\nsystem\n", "", ["3.11.10", "3.9.18"]),
        ("3.9.18\n", "3.11.9:system", ["3.11.9"]),
        ("system\n", "", []),
        ("3.12.1\n", "", []),
    ],
)
def test_the_enabled_versions_take_their_place(pyenv: Path, file: str, variable: str, found: list[str]) -> None:
    """As pyenv chooses them: by its variable, else its file; what else is on PATH stays where it is."""
    (pyenv / "version").write_text(file)
    host = {"PATH": f"/first:{pyenv}/shims:/last", "PYENV_VERSION": variable}
    places = [f"{pyenv}/versions/{version}/bin" for version in found]
    assert without_shims(host).split(":") == ["/first", *places, "/last"]


def test_other_folders_of_that_name_stay(tmp_path: Path) -> None:
    """Those of other tools hold more than interpreters."""
    (tmp_path / "shims").mkdir()
    for path in ("", f"/a:{tmp_path}/shims", "shims", "/nowhere/shims"):
        assert without_shims({"PATH": path}) == path


@pytest.fixture
def project(tmp_path: Path, pyenv: Path, uv_cache: Path) -> Iterator[Project]:
    """On a machine that has Python by pyenv alone."""
    shutil.rmtree(pyenv / "versions/3.9.18")
    Path(pyenv / "versions/3.9.18").symlink_to(sys.base_prefix)
    environ = clean_environment(tmp_path, uv_cache)
    project = Project(tmp_path / "project", {**environ, "PATH": f"{pyenv}/shims:/usr/bin:/bin"})
    with Index() as index:
        index.add("alpha", "1.0")
        packages = f"pip: {{index_url: '{index.url}'}}\ndependencies: [{{pip: [alpha]}}]\n"
        project.write("manifests/a.yaml", packages)
        yield project


def test_no_script_is_run(project: Project, tmp_path: Path) -> None:
    """To lock, to build and to look at the machine."""
    project.run("lock")
    project.run("apply")
    project.run("doctor", check=None)
    assert not (tmp_path / "ran").exists()
