"""What a manifest copies into an image, where Docker's COPY would put it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from envbuild.builders.oci.accounts import Accounts
from envbuild.builders.oci.rootfs import Rootfs
from envbuild.builders.oci.tree import Node, Tree, of_folder
from envbuild.errors import BuildError, Place
from envbuild.image import Entry
from envbuild.image.entries import FOLDER, PLAIN, RUNNABLE
from envbuild.render.conduct import Copied

_OCTAL = 8


class Copies:
    """Of one context, over the files of a base; `own` is the folder of the environment, which is the image's own."""

    def __init__(self, context: Path, base: Rootfs, where: Place, own: str) -> None:
        self._context = context
        self._base = base
        self._where = where
        self._own = own
        self._nodes: dict[str, Node] = {}

    def tree(self, copies: Iterable[Copied]) -> Tree:
        """What is copied later stands in place of what was copied before."""
        for one in copies:
            for node in self._of(one):
                self._put(node)
        return tuple(self._nodes.values())

    def _of(self, one: Copied) -> Iterator[Node]:
        owner = Accounts(self._base.text("etc/passwd"), self._base.text("etc/group")).owner(
            one.owner or "0", self._where
        )
        for source in one.sources:
            path = self._context / source
            if path.is_dir():
                to = self._place(one.to)
                yield Node(Entry(to, "folder", FOLDER))
                nodes: Iterable[Node] = of_folder(path, to)
            else:
                to = self._place(f"{one.to}{path.name}" if one.to.endswith("/") else one.to)
                nodes = [_file(path, to)]
            yield from (Node(_as(node.entry, one.mode, owner), node.source) for node in nodes)

    def _place(self, to: str) -> str:
        """Through the links of the base; the environment's folder has none."""
        plain = to.strip("/")
        return plain if f"{plain}/".startswith(f"{self._own}/") else self._base.resolve(plain, last=to.endswith("/"))

    def _put(self, node: Node) -> None:
        parts = node.entry.path.split("/")
        for end in range(1, len(parts)):
            self._add_folder("/".join(parts[:end]))
        if node.entry.kind == "folder":
            self._add_folder(node.entry.path)
            return
        stands = self._nodes.get(node.entry.path)
        if stands and stands.entry.kind == "folder":
            what = f"'/{node.entry.path}' would be a file, and is a folder"
            raise BuildError(what, self._where, "write the place with a '/' at its end, to copy into it")
        self._nodes[node.entry.path] = node

    def _add_folder(self, path: str) -> None:
        """As the base has it; a layer that leaves it out would have its own."""
        stands = self._nodes.get(path)
        if stands and stands.entry.kind != "folder":
            what = f"'/{path}' would be a folder, and is a file"
            raise BuildError(what, self._where, "copy to another place")
        known = self._base.entry(path)
        entry = known if known and known.kind == "folder" else Entry(path, "folder", FOLDER)
        self._nodes.setdefault(path, Node(entry))


def _file(path: Path, to: str) -> Node:
    found = path.stat()
    return Node(Entry(to, "file", RUNNABLE if found.st_mode & 0o111 else PLAIN, found.st_size), path)


def _as(entry: Entry, mode: str, owner: tuple[int, int]) -> Entry:
    """A mode is for files and folders alike, as Docker has it."""
    kept = entry.mode if entry.kind == "link" or not mode else int(mode, _OCTAL)
    return Entry(entry.path, entry.kind, kept, entry.size, entry.target, *owner)
