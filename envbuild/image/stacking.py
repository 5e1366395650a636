"""Layers upon layers: what each may hold, given what those below it hold, so that every engine unpacks the same."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from envbuild.errors import ImageError
from envbuild.image.tars import Member

_AGAIN = "build it again"
_GONE, _OPAQUE = ".wh.", ".wh..wh..opq"
_KNOWN = frozenset({"file", "folder", "link", "hard link"})
_SAID = frozenset({"path", "linkpath", "size"})


class Expected(msgspec.Struct, frozen=True):
    """What is wanted of an image besides. The first layers are its `base`'s, and as others made them.

    Of the rest: who may own what is in it, when all of it was changed last, that no two layers have one file, and a
    folder of which one of them hides what layers below it have.
    """

    base: int = 0
    owners: frozenset[tuple[int, int]] | None = None
    seconds: int | None = None
    disjoint: bool = False
    hides: str = ""


class Stack:
    """What the layers so far make together: paths, and what is there. The root is a folder, whoever has it."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._below: dict[str, Member] = {}
        self._own: set[str] = set()

    def put_base(self, entries: Iterable[Member]) -> None:
        """Of layers that others made: only what they come to matters here."""
        lower = dict(self._below)
        for one in entries:
            path = _normal(one.path)
            folder, _, name = path.rpartition("/")
            if name == _OPAQUE:
                self._drop(f"{folder}/" if folder else "", lower)
            elif name.startswith(_GONE):
                gone = f"{folder}/{name.removeprefix(_GONE)}".lstrip("/")
                self._below.pop(gone, None)
                self._drop(f"{gone}/", lower)
            elif path:
                if one.kind != "folder" and path in self._below and self._below[path].kind == "folder":
                    self._drop(f"{path}/", lower)
                self._below[path] = one

    def _drop(self, prefix: str, lower: Iterable[str]) -> None:
        for path in lower:
            if path.startswith(prefix):
                self._below.pop(path, None)

    def put(self, entries: Iterable[Member], what: str) -> None:
        """Of a layer that was made here."""
        layer: dict[str, Member] = {}
        last = ""
        for one in entries:
            if self._hides(one, layer):
                self._hide(f"{self._expected.hides}/")
                continue
            for text in self._problems(one, layer, last):
                raise ImageError(f"{what}: '{one.path}' {text}", hint=_AGAIN)
            layer[one.path] = one
            last = one.path
        self._below |= layer
        self._own |= {path for path, one in layer.items() if one.kind != "folder"}

    def _hides(self, one: Member, layer: dict[str, Member]) -> bool:
        """Said in the folder itself, right behind it; anywhere else, or with words in it, it is as any such name."""
        folder = self._expected.hides
        return bool(folder) and one.path == f"{folder}/{_OPAQUE}" and [*layer][-1:] == [folder] and not one.size

    def _hide(self, prefix: str) -> None:
        self._drop(prefix, tuple(self._below))
        self._own = {path for path in self._own if not path.startswith(prefix)}

    def _problems(self, one: Member, layer: dict[str, Member], last: str) -> Iterator[str]:
        yield from _of_path(one.path)
        if one.path in layer:
            yield "is there twice"
        if one.path < last:
            yield f"comes behind '{last}', and is to come before it"
        yield from self._of_place(one, layer)
        yield from _of_target(one, lambda path: layer.get(path) or self._below.get(path))
        yield from self._of_facts(one)

    def _of_place(self, one: Member, layer: dict[str, Member]) -> Iterator[str]:
        folder = one.path.rpartition("/")[0]
        around = layer.get(folder) or self._below.get(folder)
        if folder and around is None:
            yield "comes before its folder"
        elif around is not None and around.kind != "folder":
            yield f"is to be below '{folder}', which is a {around.kind}"
        before = self._below.get(one.path)
        if before is None:
            return
        if (one.kind == "folder") != (before.kind == "folder"):
            yield f"is a {one.kind}, and in a layer below a {before.kind}"
        elif one.kind == "folder" and (shown := _shown(one)) != _shown(before):
            yield f"is {shown}, and in a layer below {_shown(before)}"
        elif self._expected.disjoint and one.path in self._own:
            yield "is in a layer below, too"

    def _of_facts(self, one: Member) -> Iterator[str]:
        wanted = self._expected
        if one.kind not in _KNOWN:
            yield f"is a {one.kind}, which no layer of ours has"
        if wanted.owners is not None and one.owner not in wanted.owners:
            yield f"belongs to {one.owner[0]}:{one.owner[1]}"
        if wanted.seconds is not None and one.seconds != wanted.seconds:
            yield f"was changed at {one.seconds:g}, not at {wanted.seconds}"
        if any(one.names):
            yield f"names its owner, '{':'.join(one.names)}': only numbers mean the same everywhere"
        if more := sorted(one.more - _SAID):
            yield f"tells of the machine that it was made on: {', '.join(more)}"


def _of_path(path: str) -> Iterator[str]:
    if path.startswith("/"):
        yield "begins at the root of the machine"
    elif {"", ".", ".."} & {*path.split("/")} or "\0" in path:
        yield "is no plain path"
    elif path.rpartition("/")[2].startswith(_GONE):
        yield "would remove a file, to engines that read its name"


def _of_target(one: Member, at: Callable[[str], Member | None]) -> Iterator[str]:
    """A hard link is another name for a file that is there; a link may lead anywhere in the image."""
    if one.kind == "hard link" and (found := at(one.target)) is None:
        yield f"is another name for '{one.target}', which is not there"
    elif one.kind == "hard link" and found and found.kind not in {"file", "hard link"}:
        yield f"is another name for '{one.target}', which is a {found.kind}"
    elif one.kind == "link" and not one.target:
        yield "is a link to nothing"
    elif one.kind == "link" and _leaves(one):
        yield f"leads out of the image, to '{one.target}'"


def _leaves(link: Member) -> bool:
    """By its words, from the folder that it is in."""
    deep = 0 if link.target.startswith("/") else link.path.count("/")
    for part in link.target.split("/"):
        deep += {"": 0, ".": 0, "..": -1}.get(part, 1)
        if deep < 0:
            return True
    return False


def _normal(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in {"", "."})


def _shown(one: Member) -> str:
    return f"{one.mode:04o} of {one.owner[0]}:{one.owner[1]}"
