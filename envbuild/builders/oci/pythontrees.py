"""The Python of an environment without conda's: uv's own with the environment around it, or that of the base image.

The lock names a minor version. Which patch of it comes, uv decides: by its own version, and whatever machine it runs
on. So both are in the key, and who wants the same image everywhere has the same envbuild and uv there.
"""

import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import msgspec

from envbuild.builders import staged_python
from envbuild.builders.oci.facts import Facts
from envbuild.builders.oci.laying import within
from envbuild.builders.staged_python import Interpreter
from envbuild.builders.target import Target, Tools

_FOR_BACKUPS = "CACHEDIR.TAG"


class Laid(msgspec.Struct, frozen=True):
    """Each path of it, and where the links lead."""

    paths: tuple[tuple[str, str], ...]


class Python(msgspec.Struct, frozen=True):
    """`identity` stands for its bytes, `folder` makes them, once."""

    version: str
    build: str
    identity: str
    folder: Callable[[], Path]

    def laid(self, facts: Facts) -> Laid:
        found = facts.find(self.identity, Laid)
        if found is None:
            found = Laid(tuple(one for one in within(self.folder()) if one[0] != _FOR_BACKUPS))
            facts.keep(self.identity, found)
        return found


def of_uv(target: Target, tools: Tools) -> Python:
    final, told = target.environment.prefix, staged_python.fetched(target, tools)
    version = told.split("-")[1]
    make = _once(tools.store / "python", lambda folder: staged_python.make(folder, final, target, tools))
    return Python(version, "uv", _identity("uv", told, final), make)


def of_image(interpreter: Interpreter, target: Target, tools: Tools) -> Python:
    final = target.environment.prefix
    make = _once(
        tools.store / "python", lambda folder: staged_python.surround(folder, interpreter, final, target, tools)
    )
    return Python(interpreter.version, "image", _identity("image", interpreter.path, interpreter.version, final), make)


def _identity(*parts: str) -> str:
    return " ".join((*parts, "uv", metadata.version("uv")))


def _once(folder: Path, make: Callable[[Path], None]) -> Callable[[], Path]:
    guard = threading.Lock()

    def made() -> Path:
        with guard:
            if not folder.exists():
                beside = folder.with_name(f"{folder.name}.new")
                beside.mkdir(parents=True)
                make(beside)
                beside.rename(folder)
        return folder

    return made
