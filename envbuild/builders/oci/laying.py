"""Files of a folder here as they will lie in an image: owned by nobody in particular, with the modes of any package."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from envbuild.builders.oci.owning import Share
from envbuild.builders.oci.tree import Node, Tree
from envbuild.builders.placing import folders
from envbuild.image.entries import FOLDER, LINK, PLAIN, RUNNABLE, Entry, Kind


class Package(msgspec.Struct, frozen=True):
    """What one layer is made of. `key` is of all that its bytes depend on; `tree` makes it, and only who asks waits.

    `made_by` says in one line what it is, and `kinds` what lies where, without making it. The paths of its tree are
    relative to the root of the image, those of two packages of an environment never meet but in folders, and the
    folders above the prefix are not among them.
    """

    name: str
    version: str
    build: str
    key: str
    tree: Callable[[], Tree]
    kinds: Callable[[], Mapping[str, Kind]]

    @property
    def made_by(self) -> str:
        return f"{self.name} {self.version} {self.build}".rstrip()


Lying = Callable[[str, str], Node]
"""What a path of a package is, at the path of the image where it is to lie."""


def in_folder(folder: Path) -> Lying:
    return lambda path, to: _node(to, folder / path)


def laid(lying: Lying, paths: Iterable[str], share: Share, final: str) -> Tree:
    """Those of the paths that stay the package's own, each after its folder."""
    nodes = {place: path for path, place in _places(paths, share, final)}
    found = [Node(Entry(path, "folder", FOLDER)) for path in _below(nodes, final)]
    found += [lying(path, to) for to, path in nodes.items()]
    return sorted(found, key=lambda node: node.entry.path)


def kinds(paths: Iterable[tuple[str, str]], share: Share, final: str) -> Mapping[str, Kind]:
    """What will be at each place, by the paths of a package and where links lead."""
    targets = dict(paths)
    found: dict[str, Kind] = {
        place: "link" if targets[path] else "file" for path, place in _places(targets, share, final)
    }
    return {**dict.fromkeys(_below(found, final), "folder"), **found}


def _places(paths: Iterable[str], share: Share, final: str) -> Iterator[tuple[str, str]]:
    """Each path that stays the package's own, and where it will lie."""
    root = final.strip("/")
    yield from ((path, f"{root}/{share.lies(path)}") for path in paths if path not in share.lost)


def _below(places: Iterable[str], final: str) -> set[str]:
    """The folders that they lie in, from the prefix on."""
    root = final.strip("/")
    return {one for one in folders(places) if one.startswith(f"{root}/")} | {root}


def _node(path: str, source: Path) -> Node:
    found = os.lstat(source)
    if stat.S_ISLNK(found.st_mode):
        return Node(Entry(path, "link", LINK, target=os.readlink(source)))  # noqa: PTH115 - thousands of them
    mode = RUNNABLE if found.st_mode & 0o111 else PLAIN
    return Node(Entry(path, "file", mode, found.st_size), source)


def within(folder: Path) -> Iterator[tuple[str, str]]:
    """Each file and link below a folder, in order, and where the link leads."""
    for here, below, names in os.walk(folder):
        below.sort()
        for name in sorted([*names, *below]):
            path = Path(here, name)
            if path.is_symlink():
                yield path.relative_to(folder).as_posix(), str(path.readlink())
            elif name in names:
                yield path.relative_to(folder).as_posix(), ""
