"""What is to become a layer: entries, each with where its bytes are."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from envbuild.errors import BuildError
from envbuild.image import Entry
from envbuild.image.entries import FOLDER, LINK, PLAIN, RUNNABLE


class Node(msgspec.Struct, frozen=True):
    """`source` is where the bytes of a file are, or these themselves; folders and links have none."""

    entry: Entry
    source: Path | bytes = b""


Tree = Iterable[Node]


def of_folder(folder: Path, below: str) -> tuple[Node, ...]:
    """All that is in a folder, as it is to be below another one; that one itself is not among it.

    Modes are plain, whatever the umask was. Each name of a file that has several is a file of its own.
    """
    start = f"{below}/" if below else ""
    return tuple(sorted(_nodes(folder, start), key=lambda node: node.entry.path))


def _nodes(folder: Path, start: str) -> Iterator[Node]:
    waiting = [""]
    while waiting:
        here = waiting.pop()
        with os.scandir(folder / here) as found:
            for one in found:
                path = here + one.name
                yield _node(start + path, Path(one.path), one.stat(follow_symlinks=False))
                waiting += [f"{path}/"] if one.is_dir(follow_symlinks=False) else []


def _node(path: str, source: Path, found: os.stat_result) -> Node:
    if stat.S_ISDIR(found.st_mode):
        return Node(Entry(path, "folder", FOLDER))
    if stat.S_ISLNK(found.st_mode):
        return Node(Entry(path, "link", LINK, target=os.readlink(source)))  # noqa: PTH115 - a Path would tidy it
    if not stat.S_ISREG(found.st_mode):
        what = f"what no image can hold, neither file nor folder nor link: {source}"
        raise BuildError(what, hint="name another version of what brings it")
    mode = RUNNABLE if found.st_mode & 0o111 else PLAIN
    return Node(Entry(path, "file", mode, found.st_size), source)
