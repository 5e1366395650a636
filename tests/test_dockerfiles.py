"""Golden contexts: tests/golden/dockerfiles/NAME is a project, and `expected` all that is rendered of it, each byte.

`ENVBUILD_TEST_GOLDEN=write` writes them anew: look at the difference before it is committed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import dockerfile
import pytest
from support.images import lock_all

from envbuild.project.reading import Selection
from envbuild.project.rendering import artifacts, write_artifacts

pytestmark = [
    pytest.mark.filterwarnings("ignore:conda_lock._vendor:PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning"),
]

_FOLDER = Path(__file__).parent / "golden" / "dockerfiles"
_CASES = sorted(path.name for path in _FOLDER.iterdir())
_WRITES = os.environ.get("ENVBUILD_TEST_GOLDEN") == "write"


def rendered(case: str, folder: Path) -> Path:
    """The contexts of a case, written as the command writes them."""
    shutil.copytree(_FOLDER / case, folder / case, ignore=shutil.ignore_patterns("expected"))
    project = lock_all(folder / case)
    write_artifacts(project, folder / "out", artifacts(project, Selection()))
    return folder / "out"


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", _CASES)
def test_the_context_of_a_case_is_as_expected(case: str, tmp_path: Path) -> None:
    """Every file, the very bytes; and rendered again into the same folder it is the same."""
    made = tree(rendered(case, tmp_path))
    expected = _FOLDER / case / "expected"
    if _WRITES:
        shutil.rmtree(expected, ignore_errors=True)
        shutil.copytree(tmp_path / "out", expected)
    found = tree(expected)
    assert sorted(made) == sorted(found)
    for path, content in found.items():
        assert made[path].splitlines() == content.splitlines()
        assert made[path] == content
    project = lock_all(tmp_path / case)
    write_artifacts(project, tmp_path / "out", artifacts(project, Selection()))
    assert tree(tmp_path / "out") == made


def dockerfiles() -> list[Path]:
    return sorted(_FOLDER.glob("*/expected/**/Dockerfile"))


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.relative_to(_FOLDER).parts[0])
def test_buildkit_reads_each(path: Path) -> None:
    """Its own parser: no order to itself at the top, no here-document of ours, and the last stage is the image."""
    text = path.read_text()
    commands = dockerfile.parse_string(text)
    assert {one.cmd for one in commands} <= {
        "FROM", "ARG", "USER", "ENV", "RUN", "COPY", "LABEL", "EXPOSE", "STOPSIGNAL", "WORKDIR", "SHELL", "ENTRYPOINT",
        "CMD",
    }  # fmt: skip
    assert text.startswith("# Rendered by envbuild.") or "own" in str(path) or "other" in str(path)
    if path.relative_to(_FOLDER).parts[0] != "own-dockerfile":
        assert not any(one.heredocs for one in commands)
        assert not [line for line in text.splitlines() if line.startswith(("# syntax", "# escape"))]
    stages = [one.value for one in commands if one.cmd == "FROM"]
    if "install" in [value[-1] for value in stages]:
        placed = [("scratch", "AS", "placed")] if ("scratch", "AS", "placed") in stages else []
        assert stages[stages.index(("scratch", "AS", "env")) :] == [("scratch", "AS", "env"), *placed, ("base",)]


@pytest.mark.parametrize("path", dockerfiles(), ids=lambda path: path.relative_to(_FOLDER).parts[0])
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    """Not even a remark; of a Dockerfile of the project's own, what it says is its author's business."""
    if path.relative_to(_FOLDER).parts[0] in {"own-dockerfile", "inline-dockerfile", "other-template"}:
        return
    assert _judged(path) == ("", "", 0)


def test_hadolint_judges(tmp_path: Path) -> None:
    """A tag that floats is told, so that silence means something."""
    tmp_path.joinpath("Dockerfile").write_text("FROM debian:latest\n", encoding="utf-8")
    said, errors, code = _judged(tmp_path / "Dockerfile")
    assert "DL3007" in said
    assert (errors, code) == ("", 1)


def _judged(path: Path) -> tuple[str, str, int]:
    program = Path(sys.executable).with_name("hadolint")
    ran = subprocess.run([program, "--no-color", path], capture_output=True, text=True, check=False)
    return ran.stdout, ran.stderr, ran.returncode


def test_there_are_enough_cases() -> None:
    """At least ten, each with something expected."""
    assert len(_CASES) >= 10
    assert {path.relative_to(_FOLDER).parts[0] for path in dockerfiles()} == set(_CASES)
