"""The server as it goes into images: the files that this machine serves with, all Python, as they were installed."""

import hashlib
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from envbuild import serving
from envbuild.builders.oci.tree import Node
from envbuild.errors import BuildError
from envbuild.image import Entry

SERVER = "opt/envbuild/server"
OWN = f"{SERVER}/envbuild/serving"  # a package without a package around it: nothing else of ours is there
_NEEDED = ("click", "h11", "uvicorn")
_USEFUL = ("typing_extensions",)  # uvicorn's, before Python 3.11
_LEAVES = {"__pycache__", "tests"}
_TOLD = {"METADATA", "LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "COPYING"}
_AGAIN = "install envbuild anew, as its wheel is: 'pip install --force-reinstall envbuild'"


def server() -> tuple[Node, ...]:
    """The same bytes on every machine that has the same versions of it."""
    nodes = [*_own(), *(node for name in _NEEDED for node in _of(name))]
    for name in _USEFUL:
        if _is_installed(name):
            nodes += _of(name)
    return tuple(sorted(nodes, key=lambda node: node.entry.path))


def identity(nodes: tuple[Node, ...]) -> str:
    """Of all that it consists of."""
    found = hashlib.sha256()
    for node in nodes:
        data = node.source
        found.update(f"{node.entry.path} {len(data) if isinstance(data, bytes) else 0}\n".encode())
        found.update(data if isinstance(data, bytes) else b"")
    return found.hexdigest()


def oldest_python() -> tuple[int, int]:
    """As its slowest part says of itself."""
    stated = importlib.metadata.metadata("uvicorn")["Requires-Python"] or ""
    first, _, second = stated.partition(">=")[2].partition(",")[0].strip().partition(".")
    return (int(first), int(second)) if first.isdecimal() and second.isdecimal() else (0, 0)


def _own() -> Iterator[Node]:
    folder = Path(serving.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        yield _node(f"{OWN}/{path.relative_to(folder).as_posix()}", path)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _of(name: str) -> Iterator[Node]:
    """What it installed, without what it was installed by, and with its terms."""
    found = importlib.metadata.distribution(name)
    for one in found.files or ():
        parts = one.parts
        if parts[0] == ".." or _LEAVES & {*parts}:
            continue
        if one.suffix in {".so", ".pyd"}:
            raise BuildError(f"{name} has parts that are compiled for this machine: {one}", hint=_AGAIN)
        is_told = parts[0].endswith(".dist-info") and one.name in _TOLD
        if is_told or one.suffix in {".py", ".typed"}:
            yield _node(f"{SERVER}/{one.as_posix()}", Path(str(found.locate_file(one))))


def _node(path: str, source: Path) -> Node:
    try:
        data = source.read_bytes()
    except OSError as error:
        raise BuildError(f"a file of the server cannot be read: {error.strerror}: {source}", hint=_AGAIN) from None
    return Node(Entry(path, size=len(data)), data)
