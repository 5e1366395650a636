"""What a manifest copies into an image, where Docker's COPY would put it, and a user that is to be there."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from posixpath import normpath

from envbuild.builders.oci.accounts import Accounts, is_named
from envbuild.builders.oci.rootfs import Rootfs
from envbuild.builders.oci.tree import Node, Tree, of_folder
from envbuild.errors import BuildError, Place
from envbuild.image import Entry
from envbuild.image.entries import FOLDER, LINK, PLAIN, RUNNABLE, Kind
from envbuild.render import Assembly
from envbuild.render.assembly import Account
from envbuild.render.conduct import Copied
from envbuild.resolve import Environment

_OCTAL = 8
_PASSWD, _GROUP = "etc/passwd", "etc/group"


class Copies:
    """Of one context, over the files of a base, in whose folders other things are.

    OWN says what packages have in the environment's folder.
    """

    def __init__(
        self, context: Path, base: Rootfs, environment: Environment, own: Callable[[], Mapping[str, Kind]] = dict
    ) -> None:
        self._context = context
        self._base = base
        self._where = environment.where("image", "copy")
        self._of_user = environment.where("image", "user")
        self._prefix = environment.prefix.strip("/")
        self._ask_own = own
        self._accounts: Accounts | None = None
        self._nodes: dict[str, Node] = {}
        self._made = frozenset[str]()

    def tree(self, sketch: Assembly) -> Tree:
        """What is copied later stands in place of what was copied before."""
        if sketch.account:
            self._add_user(sketch.account)
        self._made = frozenset(path for path, node in self._nodes.items() if node.entry.kind == "file")
        for one in sketch.copies:
            for node in self._of(one):
                self._put(node)
        for place, to in sketch.links.items():
            self._put(Node(Entry(place.strip("/"), "link", LINK, target=to)))
        return tuple(self._nodes.values())

    def _add_user(self, new: Account) -> None:
        """By the files that name users, and with a folder of its own."""
        before = accounts_of(self._base, self._of_user)
        self._accounts = before.with_user(new, self._of_user)
        texts = {_PASSWD: (before.passwd, self._accounts.passwd), _GROUP: (before.group, self._accounts.group)}
        for path, (old, text) in texts.items():
            if text != old:
                self._put(self._rewritten(path, text.encode("utf-8", "surrogateescape")))
        home = self._base.resolve(new.home)
        if home and self._base.kind(home) is None:
            self._put(Node(Entry(home, "folder", FOLDER, uid=new.uid, gid=new.gid)))

    def _rewritten(self, path: str, data: bytes) -> Node:
        place = self._base.resolve(path)
        known = self._base.entry(place) or Entry(place)
        return Node(Entry(place, "file", known.mode, len(data), uid=known.uid, gid=known.gid), data)

    def _of(self, one: Copied) -> Iterator[Node]:
        owner = self._owner(one.owner or "0")
        for source in one.sources:
            for node in self._nodes_of(self._context / source, one.to):
                yield Node(_as(node.entry, one.mode, owner), node.source)

    def _owner(self, text: str) -> tuple[int, int]:
        """By the users of the image, where it is a name."""
        if is_named(text) and self._accounts is None:
            self._accounts = accounts_of(self._base, self._where)
        return (self._accounts or Accounts()).owner(text, self._where)

    def _nodes_of(self, path: Path, to: str) -> Iterable[Node]:
        """Of a folder all that is in it; one that is empty is in no context."""
        if not path.is_file():
            place = self._place(f"{to}/")
            below = of_folder(path, place) if path.is_dir() else ()
            return [Node(Entry(place, "folder", FOLDER)), *below] if place else below
        place, found = self._place(f"{to}{path.name}" if to.endswith("/") else to), path.stat()
        return [Node(Entry(place, "file", RUNNABLE if found.st_mode & 0o111 else PLAIN, found.st_size), path)]

    def _place(self, to: str) -> str:
        """Through the links of the base, after each '..' in it; the environment's folder is not the base's."""
        plain = normpath(f"/{to}").strip("/")
        return plain if self._is_own(plain) else self._base.resolve(plain, last=to.endswith("/"))

    def _put(self, node: Node) -> None:
        path = node.entry.path
        parts = path.split("/")
        for end in range(1, len(parts)):
            self._add_folder(Node(Entry("/".join(parts[:end]), "folder", FOLDER)))
        if node.entry.kind == "folder":
            self._add_folder(node)
            return
        if self._kind(path) == "folder":
            hint = "write the place with a '/' at its end, to copy into it"
            raise BuildError(f"'/{path}' would be a file, and is a folder", self._where, hint)
        if path in self._made:
            what = f"'/{path}' is copied, and would not name the user that is to be made"
            raise BuildError(what, self._where, "name the user in that file, and write the name alone under 'user'")
        self._nodes[path] = node

    def _add_folder(self, node: Node) -> None:
        """As the base has it: a layer that leaves it out would have its own."""
        path = node.entry.path
        if (kind := self._kind(path)) not in {None, "folder"}:
            is_of_base = kind == "link" and not self._is_own(path)
            hint = f"copy to '/{self._base.resolve(path)}/'" if is_of_base else "copy to another place"
            raise BuildError(f"'/{path}' would be a folder, and is a {kind}", self._where, hint)
        known = None if self._is_own(path) else self._base.entry(path)
        self._nodes.setdefault(path, Node(known) if known else node)

    def _kind(self, path: str) -> Kind | None:
        """Of what was copied there before, or what the base has; nothing of a base is in the environment's folder."""
        if stands := self._nodes.get(path):
            return stands.entry.kind
        return self._own.get(path) if self._is_own(path) else self._base.kind(path)

    @cached_property
    def _own(self) -> Mapping[str, Kind]:
        return self._ask_own()

    def _is_own(self, path: str) -> bool:
        return f"{path}/".startswith(f"{self._prefix}/")


def accounts_of(base: Rootfs, where: Place) -> Accounts:
    """Who is named in a base; `where` is the line that asks for them."""
    return Accounts(base.text(_PASSWD, where), base.text(_GROUP, where))


def _as(entry: Entry, mode: str, owner: tuple[int, int]) -> Entry:
    """A mode is for files and folders alike, as Docker has it."""
    kept = entry.mode if entry.kind == "link" or not mode else int(mode, _OCTAL)
    return Entry(entry.path, entry.kind, kept, entry.size, entry.target, *owner)
