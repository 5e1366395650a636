"""uv as a person would use it, with the requirements of one synthetic environment and the index it names."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import fleet
from .fleet import Shape
from .process import Place, Run


def by_hand(project: Place, shape: Shape) -> Callable[[Path], Run]:
    """Pin the requirements once, as a lock does; what comes back makes a virtual environment and installs the pins."""
    from uv import find_uv_bin

    uv = partial(project.run, find_uv_bin(), "--no-config")
    wanted, pins = project.folder / ".bench" / "requirements.in", project.folder / ".bench" / "requirements.txt"
    wanted.write_text("".join(f"{spec}\n" for one in fleet.manifests(shape) for spec in one.packages))
    uv("pip", "compile", "--default-index", shape.index_url, wanted, "--output-file", pins)

    def install(venv: Path) -> Run:
        made = uv("venv", "--python", shape.python, venv)
        python = venv / "bin" / "python"
        return made.then(uv("pip", "install", "--python", python, "--default-index", shape.index_url, "-r", pins))

    return install
