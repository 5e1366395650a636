"""A command in an environment that stands: through envbuild, through uv in a project that is synced, and bare."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from .process import Place, Run

_NAME = "one"
_PYPROJECT = '[project]\nname = "one"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = []\n'


def standing(work: Place) -> Place:
    """A project whose one environment is built, and known to stand."""
    folder = work.folder / "run"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "manifests").mkdir(parents=True)
    (folder / "manifests" / f"{_NAME}.yaml").write_text("variables: {OWN: own}\n")
    project = work.beside(folder)
    project.envbuild("apply")
    project.envbuild("run", _NAME, "--", "true")
    return project


def ours(project: Place) -> Callable[[], Run]:
    """With all that is remembered of a run."""
    return lambda: project.envbuild("run", _NAME, "--", "true")


def interpreter(project: Place) -> Callable[[], Run]:
    """The same prefix's Python, called by whoever knows where that is."""
    (prefix,) = (path.parent for path in Path(project.environment["ENVBUILD_STORE"]).glob("*/pyvenv.cfg"))
    return lambda: project.run(prefix / "bin" / "python", "-c", "pass")


def uv(project: Place) -> Callable[[], Run]:
    from uv import find_uv_bin

    folder = project.folder / "uv"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(_PYPROJECT)
    beside, program = project.beside(folder), find_uv_bin()
    beside.run(program, "--no-config", "sync", "--offline", "--python", sys.executable)
    return lambda: beside.run(program, "--no-config", "run", "--offline", "true")
