"""That all locks are current is found again, until anything that this depended on has moved.

What is true of every memo is tested with that of a plan, in test_memo; here is what only a check of locks looks at.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.index import Index
from support.project import Project, Run, clean_environment
from support.wheels import wheel_bytes

_MEMO = ".envbuild/cache/lock"
_CHECK = ("lock", "--check")
_CURRENT = "4 locks current, 0 not.\n"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, uv_cache: Path) -> Project:
    """A project of locked environments, one of them with a wheel of its own; what is built asks for no packages.

    Only a project that was applied has a place to remember things at.
    """
    folder = tmp_path_factory.mktemp("memo-lock")
    project = Project(folder / "work/project", clean_environment(folder, uv_cache))
    with Index() as index:
        index.add("alpha", "1.0")
        index.add("beta", "1.0")
        ground = "platforms: [linux-64]\npython:\n  from: uv\n  version: '3.11'\n"
        project.write("parents/ground.yaml", f"{ground}pip:\n  index_url: {index.url}\n")
        _manifest(project, "a", "alpha")
        _manifest(project, "deep/b", "beta")
        _manifest(project, "own", "./own-1.0-py3-none-any.whl", "alpha")
        _write_wheel(project, [])
        project.write("manifests/plain.yaml", "variables:\n  PLAIN: '1'\n")
        project.run("lock")
        project.run("apply", "plain")
    shutil.copytree(project.path, folder / "kept")
    return project


@pytest.fixture
def remembered(settled: Project) -> Iterator[Project]:
    """The same with a memo, and as it was when the test is over."""
    for _ in range(10):
        assert settled.run(*_CHECK).out == _CURRENT
        if (settled.path / _MEMO).exists():
            break
        time.sleep(0.01)
    assert _answered(settled, *_CHECK)
    yield settled
    shutil.rmtree(settled.path)
    shutil.copytree(settled.path.parents[1] / "kept", settled.path)


def _manifest(project: Project, name: str, *packages: str) -> None:
    items = "".join(f"      - {package}\n" for package in packages)
    up = "../" * (name.count("/") + 1)
    project.write(f"manifests/{name}.yaml", f"extends: {up}parents/ground.yaml\ndependencies:\n  - pip:\n{items}")


def _write_wheel(project: Project, requires: list[str]) -> None:
    name, data = wheel_bytes("own", "1.0", requires=requires, modules={"own/__init__.py": ""})
    (project.path / "manifests" / name).write_bytes(data)


def _answered(project: Project, *asked: str, env: dict[str, str] | None = None) -> bool:
    """Whether the answer was found in the memo: then no command was loaded."""
    command = [sys.executable, "-X", "importtime", "-m", "envbuild", *asked]
    variables = {**project.environ, **(env or {})}
    ran = subprocess.run(command, cwd=project.path, env=variables, capture_output=True, text=True, check=False)
    return "envbuild.cli.app" not in ran.stderr


def _plain(project: Project, *asked: str) -> Run:
    (project.path / _MEMO).unlink(missing_ok=True)
    return project.run(*asked, check=None)


def _edited(path: str, old: str, new: str) -> Callable[[Project], object]:
    def edit(project: Project) -> None:
        text = project.read(path)
        assert old in text
        (project.path / path).write_text(text.replace(old, new))

    return edit


_LOCK = "locks/deep/b.conda-lock.yml"
_MOVES: dict[str, Callable[[Project], object]] = {
    "another package": _edited("manifests/a.yaml", "alpha", "gamma"),
    "another index": _edited("parents/ground.yaml", "http", "https"),
    "another platform": _edited("parents/ground.yaml", "linux-64", "linux-aarch64"),
    "a lock is gone": lambda project: project.remove(_LOCK),
    "a lock is edited": _edited(_LOCK, "1.0", "1.1"),
    "a lock is damaged": lambda project: (project.path / _LOCK).write_bytes(b"\xff"),
    "a lock of another name": lambda project: (project.path / _LOCK).rename(project.path / "locks/x.conda-lock.yml"),
    "the wheel asks for more": lambda project: _write_wheel(project, ["beta"]),
    "the wheel is gone": lambda project: project.remove("manifests/own-1.0-py3-none-any.whl"),
    "a new environment": lambda project: _manifest(project, "new", "alpha"),
    "settings": lambda project: project.write("envbuild.yaml", "manifests: ['manifests/*.yaml']\n"),
    "one that cannot be read": lambda project: project.write("manifests/a.yaml", "pyhton: 1\n"),
    "an environment less": lambda project: project.remove("manifests/a.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("what", _MOVES)
def test_whatever_moves_the_check_is_right(remembered: Project, what: str) -> None:
    """It says with a memo of how things were before what it says without any."""
    _MOVES[what](remembered)
    found = remembered.run(*_CHECK, check=None)
    assert found == _plain(remembered, *_CHECK)
    assert (found.out == _CURRENT) == (what == "a lock of another name")


@pytest.mark.parametrize("asked", [_CHECK, ("--json", *_CHECK), ("lock", "--json", "--check"), ("-q", *_CHECK)])
def test_the_answer_is_the_same_to_the_byte(remembered: Project, asked: tuple[str, ...]) -> None:
    """In every form that is answered without loading anything."""
    assert _answered(remembered, *asked)
    assert remembered.run(*asked) == _plain(remembered, *asked)


@pytest.mark.parametrize(
    "asked",
    [
        ("lock",),
        ("--check", "lock"),
        ("lock", "a", "--check"),
        ("lock", "--check", "--detailed-exitcode"),
        ("lock", "plan", "--check"),
        ("lock", "--check", "--upgrade"),
        ("plan", "--check"),
    ],
)
def test_other_questions_are_for_the_command(remembered: Project, asked: tuple[str, ...]) -> None:
    """A selection, a lock that may be to be written, a mistake: none of them has been answered before."""
    assert not _answered(remembered, *asked)


def test_variables_count(remembered: Project) -> None:
    """What was found under other variables is not looked at."""
    assert not _answered(remembered, *_CHECK, env={"ENVBUILD_STORE": str(remembered.path / "other")})


@pytest.mark.parametrize("asked", [("lock", "a", "--check"), _CHECK])
def test_only_that_all_is_current_is_remembered(remembered: Project, asked: tuple[str, ...]) -> None:
    """One of several, or one that is not, leaves no memo."""
    (remembered.path / _MEMO).unlink()
    if asked == _CHECK:
        _manifest(remembered, "a", "gamma")
    for _ in range(3):
        remembered.run(*asked, check=None)
    assert not (remembered.path / _MEMO).exists()


def test_a_plan_and_a_check_do_not_share_their_answers(remembered: Project) -> None:
    """Both are remembered, each under its own name."""
    (remembered.path / _MEMO).rename(remembered.path / ".envbuild/cache/plan")
    assert not _answered(remembered, "plan")
    assert "deep/b" in remembered.run("plan").out
