"""`envbuild hook`: what shells and the real direnv make of it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.line import reference
from support.project import Project, clean_environment
from support.services import require

_SECONDS = 100
_VALUE = 'it\'s "two" $(touch made)\nline é '
_OF_A_SHELL = {"SHLVL", "_", "OLDPWD", "PWD", "USER", "LOGNAME"}


@pytest.fixture
def hooked(tmp_path: Path, uv_cache: Path) -> Project:
    """A project in a folder that needs quoting, with envbuild on PATH; what direnv keeps is in a home of its own."""
    environ = clean_environment(tmp_path, uv_cache) | {"LC_ALL": "C.UTF-8"}
    program = tmp_path / "bin" / "envbuild"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m envbuild "$@"\n')
    program.chmod(0o755)
    environ["PATH"] = f"{program.parent}{os.pathsep}{environ['PATH']}"
    project = Project(tmp_path / "it's a project", environ)
    project.write("manifests/base.yaml", "abstract: true\nvariables: {BASE: '1'}\n")
    project.write("manifests/churn/train.yaml", f"extends: base\nvariables: {{VALUE: {json.dumps(_VALUE)}}}\n")
    return project


def _ran(project: Project, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=project.path, env=dict(project.environ if env is None else env), stdin=subprocess.DEVNULL,
        capture_output=True, encoding="utf-8", check=False, timeout=_SECONDS,
    )  # fmt: skip


def _variables(told: str) -> dict[str, str]:
    pairs = (pair.split("=", 1) for pair in told.split("\0") if "=" in pair)
    return {name: value for name, value in pairs if name not in _OF_A_SHELL}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_enters_and_leaves(hooked: Project, shell: str) -> None:
    """In the shell itself; what does not stand is told, and the shell stays as it is."""
    require("shells")
    hooked.run("apply")
    taken = "envbuild hook fish | source" if shell == "fish" else f'eval "$(envbuild hook {shell})"'
    lines = [taken, "envbuild_enter no/ne", "echo $VALUE", "envbuild_enter churn/train", "env -0", "envbuild_leave"]
    run = _ran(hooked, shell, "-c", "\n".join([*lines, "echo ++++", "env -0"]))
    first, after = run.stdout.split("++++\n")
    assert "no environment is named 'no/ne'" in run.stderr
    found = _variables(first.partition("\n")[2])
    assert found["VALUE"] == _VALUE
    assert found["PATH"].startswith(reference(hooked, "churn/train"))
    assert _variables(after) == _variables(_ran(hooked, shell, "-c", "env -0").stdout)
    assert not (hooked.path / "made").exists()


@pytest.fixture
def direnv(hooked: Project) -> Project:
    """With the function in direnv's own file, and a folder that uses it."""
    require("shells")
    home = Path(hooked.environ["HOME"], ".config/direnv")
    home.mkdir(parents=True)
    (home / "direnvrc").write_text('eval "$(envbuild hook direnv)"\n')
    hooked.write(".envrc", "use envbuild churn/train\n")
    assert _ran(hooked, "direnv", "allow").returncode == 0
    return hooked


def _exported(project: Project, env: Mapping[str, str]) -> dict[str, str | None]:
    """What direnv would change of these variables now: nothing where all is as it was."""
    run = _ran(project, "direnv", "export", "json", env=env)
    assert run.returncode == 0, run
    found: dict[str, str | None] = json.loads(run.stdout) if run.stdout else {}
    return found


def _with(env: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    merged: dict[str, str | None] = {**env, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def test_direnv_enters_what_is_built_for_it(direnv: Project) -> None:
    """It is built first; all variables are those of a shell, and leaving the folder takes them away."""
    run = _ran(direnv, "direnv", "exec", ".", "env", "-0")
    assert run.returncode == 0, run
    found = _variables(run.stdout)
    assert found["VALUE"] == _VALUE
    wanted = _variables(direnv.run("shell", "churn/train", "--shell", "/bin/sh", stdin="env -0").out)
    assert {name: value for name, value in found.items() if not name.startswith("DIRENV_")} == wanted
    inside = _with(direnv.environ, _exported(direnv, direnv.environ))
    outside = Project(direnv.path.parent / "outside", direnv.environ)
    left = _with(inside, _exported(outside, inside))
    assert {name: value for name, value in left.items() if not name.startswith("DIRENV_")} == direnv.environ
    assert not (direnv.path / "made").exists()


def test_direnv_enters_anew_when_a_manifest_changes(direnv: Project) -> None:
    """Also one that it extends; what has not changed is not asked about."""
    inside = _with(direnv.environ, _exported(direnv, direnv.environ))
    assert inside["BASE"] == "1"
    assert _exported(direnv, inside) == {}
    direnv.write("manifests/base.yaml", "abstract: true\nvariables: {BASE: 'second'}\n")
    os.utime(direnv.path / "manifests/base.yaml", (1, 1))  # whatever the clock of the files says
    assert _exported(direnv, inside)["BASE"] == "second"


def test_direnv_is_told_what_is_wrong(direnv: Project) -> None:
    """And looks again when that may have been mended."""
    direnv.write("manifests/churn/train.yaml", "extend: base\n")
    run = _ran(direnv, "direnv", "export", "json")
    assert "unknown key 'extend'" in run.stderr
    inside = _with(direnv.environ, json.loads(run.stdout))
    assert "VALUE" not in inside
    assert _exported(direnv, inside) == {}
    direnv.write("manifests/churn/train.yaml", "extends: base\nvariables: {VALUE: mended}\n")
    os.utime(direnv.path / "manifests/churn/train.yaml", (1, 1))  # whatever the clock of the files says
    assert _exported(direnv, inside)["VALUE"] == "mended"


def test_without_a_name_it_is_the_default(direnv: Project) -> None:
    """Which has to be there."""
    direnv.write(".envrc", "use envbuild\n")
    assert _ran(direnv, "direnv", "allow").returncode == 0
    assert "set 'default_environment' in envbuild.yaml" in _ran(direnv, "direnv", "export", "json").stderr
    direnv.write("envbuild.yaml", "default_environment: churn/train\n")
    assert _exported(direnv, direnv.environ)["VALUE"] == _VALUE
    assert "are of no environment" in direnv.run("hook", "bash", "churn/train", check=64).err
