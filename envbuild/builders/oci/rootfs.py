"""The file system of a base image, as far as it has to be known: what is where, whose it is, and where links lead.

Its layers are laid over each other as engines do it. What a layer takes away is what layers below it have, and a folder
covers a link of a layer below. Links are followed inside of the root, which nothing leads out of.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from envbuild.builders.oci.listing import EMPTIED, GONE, Listing, Row, listing
from envbuild.errors import BuildError, Place
from envbuild.image import Entry
from envbuild.image.entries import FOLDER, Kind
from envbuild.registry.blobs import Blob

_MOST = 1_000_000
_MOST_LINKS = 40  # as Linux follows them
_IMPLIED = Row(b"", "folder", FOLDER)


class _Node:
    """One path, by the number of the layer that it is of; a folder has nodes below it, a file that is kept its text.

    Of any other file no text is known, nor of one that is another name for one.
    """

    __slots__ = ("below", "layer", "row", "text")

    def __init__(self, row: Row, layer: int, text: bytes | None = None) -> None:
        self.row = row
        self.layer = layer
        self.text = text
        self.below: dict[bytes, _Node] | None = {} if row.kind == "folder" else None

    def get(self, name: bytes) -> "_Node | None":
        return self.below.get(name) if self.below else None


class Rootfs:
    """Paths are of the image, with or without a slash before them."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self._root = _Node(_IMPLIED, -1)
        self._count = 0
        for number, one in enumerate(listings):
            self._lay(one, number)

    def entry(self, path: str) -> Entry | None:
        """What stands there itself: a link is not followed, those on the way to it are."""
        parts = self._resolved(_parts(path), last=False)
        node = self._at(parts)
        if node is None:
            return None
        row, kind = node.row, cast("Kind", node.row.kind)
        size, target = (row.size if kind == "file" else 0), os.fsdecode(row.target)
        return Entry(_joined(parts), kind, row.mode, size, target, row.uid, row.gid)

    def kind(self, path: str) -> Kind | None:
        """Of what stands there itself."""
        found = self.entry(path)
        return found.kind if found else None

    def resolve(self, path: str, *, last: bool = True) -> str:
        """Where a path leads, without a slash before it, be something there or not; LAST: through a link at its end."""
        return _joined(self._resolved(_parts(path), last=last))

    def names(self, path: str) -> list[str]:
        """What is in a folder; nothing where there is none."""
        node = self._at(self._resolved(_parts(path)))
        return sorted(os.fsdecode(name) for name in node.below) if node and node.below else []

    def text(self, path: str, where: Place | None = None) -> str:
        """Of `etc/passwd` or `etc/group`; nothing where they are not. `where` asks who is named there."""
        node = self._at(self._resolved(_parts(path)))
        if node is None or node.row.kind != "file":
            return ""
        if node.text is None:
            what = f"the base has '/{path}' as a link to another file, so that it is not known who is named there"
            raise BuildError(what, where, "write numbers: '1000:1000'")
        return node.text.decode("utf-8", "surrogateescape")

    def _lay(self, one: Listing, number: int) -> None:
        for row in one.rows:
            if row.kind == GONE:
                self._take_away(row.path)
            elif row.kind == EMPTIED and (node := self._at(_pieces(row.path))) and node.below:
                node.below = {}
        for row in one.rows:
            if row.kind not in {GONE, EMPTIED}:
                self._put(_Node(row, number, one.texts.get(row.path)))

    def _take_away(self, path: bytes) -> None:
        *above, name = _pieces(path)
        node = self._at(above)
        if node and node.below:
            node.below.pop(name, None)

    def _put(self, new: _Node) -> None:
        """A folder over a folder has what is below both."""
        *above, name = _pieces(new.row.path) or [b""]
        folder = self._folder(above, new.layer)
        stands = folder.get(name) if name else self._root
        if stands and stands.row.kind == new.row.kind == "folder":
            stands.row, stands.layer = new.row, new.layer
        elif name:
            self._add(folder, name, new)

    def _folder(self, parts: list[bytes], layer: int) -> _Node:
        """Made where there is none: also in place of a link, unless it is of this very layer."""
        node = self._root
        for part in self._resolved(parts, layer=layer):
            found = node.get(part)
            if found is None or found.below is None:
                found = self._add(node, part, _Node(_IMPLIED, layer))
            node = found
        return node

    def _add(self, folder: _Node, name: bytes, new: _Node) -> _Node:
        self._count += 1
        if self._count > _MOST:
            raise BuildError(f"the base image has more than {_MOST:,} files", hint="choose a smaller one")
        below = folder.below if folder.below is not None else {}
        below[name] = new
        return new

    def _at(self, parts: Iterable[bytes]) -> _Node | None:
        node: _Node | None = self._root
        for part in parts:
            node = node.get(part) if node else None
        return node

    def _resolved(self, parts: Iterable[bytes], *, last: bool = True, layer: int | None = None) -> list[bytes]:
        """Through all links, or those of one layer alone."""
        waiting, way, links = [*parts][::-1], list[tuple[bytes, _Node | None]](), 0
        while waiting:
            part, above = waiting.pop(), way[-1][1] if way else self._root
            if part == b"..":
                way = way[:-1]
                continue
            node = above.get(part) if above else None
            if node and node.row.kind == "link" and (last or waiting) and layer in {None, node.layer}:
                links += 1
                if links > _MOST_LINKS:
                    raise _circle(_joined([*(name for name, _ in way), part]))
                way = [] if node.row.target.startswith(b"/") else way
                waiting += _pieces(node.row.target)[::-1]
            else:
                way.append((part, node))
        return [name for name, _ in way]


def _circle(path: str) -> BuildError:
    hint = "name another path, or another base image"
    return BuildError(f"the links of the base image lead in a circle at '/{path}'", hint=hint)


def rootfs(blobs: Iterable[Blob], folder: Path) -> Rootfs:
    """Of layers, lowest first; what each holds is kept in a folder."""
    return Rootfs(listing(blob, folder) for blob in blobs)


def _parts(path: str) -> Iterator[bytes]:
    yield from _pieces(os.fsencode(path))


def _pieces(path: bytes) -> list[bytes]:
    return [part for part in path.split(b"/") if part not in {b"", b"."}]


def _joined(parts: Iterable[bytes]) -> str:
    return os.fsdecode(b"/".join(parts))
