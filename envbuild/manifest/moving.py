"""A manifest in another folder: what in it names a file or an environment, as it has to be said from there."""

import posixpath
import re
from collections.abc import Callable, Iterator

import msgspec

from envbuild.document import RESET, Mapping, Scalar, Sequence, Value, is_null, scalars
from envbuild.errors import EnvbuildError
from envbuild.manifest.braces import is_inline
from envbuild.manifest.items import project_path
from envbuild.manifest.keys import Keys
from envbuild.manifest.layouts import LayoutName
from envbuild.manifest.pip import editable_of, named_path
from envbuild.manifest.read import parents, path_of, repathed
from envbuild.names import RESERVED, qualified
from envbuild.shape import is_rendered, rewrite_marked

_INCLUDE = re.compile(r"(?:-[rcf][\s=]*|--(?:requirement|constraint|find-links)[\s=]+)(?:file:(?://)?)?(?P<path>\S.*)")
_COMMENT = re.compile(r"(^|\s)#.*")
_LISTS = ("dependencies", "constraints", "overrides")


class Said(msgspec.Struct, frozen=True):
    """A value as it stands, and as it has to be said."""

    node: Scalar
    text: str


def moved(body: Mapping, to: str, called: Callable[[str], str]) -> list[Said]:
    """What changes when a file is put into another folder; `called` gives a name for the path of a file, if it has one.

    In the order in which it is to be changed: from the end, so that no place moves before it was come to.
    """
    mover = _Mover(body.path.rpartition("/")[0], to, called)
    found = {(one.node.line, one.node.column): one for one in mover.said(body) if one.text != one.node.text}
    return [found[place] for place in sorted(found, reverse=True)]


def named_in(body: Mapping) -> tuple[str, ...]:
    """The files and environments of its project that a manifest names, as it names them; envbuild's own are none."""
    start = body.path.rpartition("/")[0]
    mover = _Mover(start, f"{start}/elsewhere", lambda _: "")
    found = {(one.node.line, one.node.column): one for one in mover.said(body)}
    texts = (found[place].node.text for place in sorted(found) if _is_named(found[place]))
    return tuple(dict.fromkeys(text for text in texts if not text.startswith(RESERVED)))


def _is_named(said: Said) -> bool:
    """What stays as it is although everything else moves is a name, or a text that is no path."""
    return said.text != said.node.text or not is_rendered(said.node)


class _Mover:
    def __init__(self, start: str, to: str, called: Callable[[str], str]) -> None:
        self._from = start
        self._to = to
        self._called = called

    def said(self, body: Mapping) -> Iterator[Said]:
        yield from self._parents(body)
        for one in (body, *_fragments(body.get("matrix"))):
            yield from self._paths(one)
            yield from self._environments(one)
            for node in _pip_items(one):
                yield from self._pip(node)

    def _parents(self, body: Mapping) -> Iterator[Said]:
        stated = body.get("extends")
        nodes = {(node.line, node.column): node for node in scalars(stated)} if stated else {}
        for parent in parents(body):
            node = nodes[parent.where.line, parent.where.column]
            if not parent.is_path:
                yield Said(node, qualified(node.text, node.path))
            elif path := self._inside(node.text, node):
                yield Said(node, self._called(path) or self._here(path))

    def _paths(self, body: Mapping) -> Iterator[Said]:
        found: list[Said] = []

        def note(kind: str, node: Scalar) -> Scalar:
            if is_null(node) or node.tag == RESET or self._from == self._to:
                return node
            if is_rendered(node):
                found.append(Said(node, node.text if is_inline(node) else self._templated(kind, node.text)))
            elif path := _path(kind, node):
                found.append(Said(node, repathed(kind, node, self._here(path))))
            return node

        rewrite_marked(body, Keys, "path", note)
        yield from found

    def _templated(self, kind: str, text: str) -> str:
        """What is rendered later names a file from the folder of this one, if it names one."""
        way = self._here(self._from)
        if kind == "base" and text.startswith("oci:"):
            return str(LayoutName(f"{way}/{text.removeprefix('oci:')}"))
        if kind == "apt":
            return re.sub(r"^(-r[\s=]*)(?=\S)", rf"\g<1>{way}/", text)
        stays = kind in {"base", "link"} or (kind == "model" and "@" in text)
        return text if stays else f"{way}/{text.removeprefix('./')}"

    def _environments(self, body: Mapping) -> Iterator[Said]:
        found: list[Said] = []

        def note(_kind: str, node: Scalar) -> Scalar:
            found.append(Said(node, qualified(node.text, node.path)))
            return node

        rewrite_marked(body, Keys, "environment", note)
        yield from found

    def _pip(self, node: Scalar) -> Iterator[Said]:
        text = node.text.strip()
        include = _INCLUDE.fullmatch(text)
        named = include["path"].strip() if include else named_path(editable_of(text) or text)
        bare = re.sub(r"\[[^\[\]]*\]$", "", named)
        if not bare or "://" in bare or self._from == self._to:
            return
        if is_rendered(node):
            yield Said(node, text.replace(bare, f"{self._here(self._from)}/{bare.removeprefix('./')}"))
        elif path := self._inside(bare, node):
            at = text.rindex(bare)
            yield Said(node, f"{text[:at]}{self._here(path)}{text[at + len(bare) :]}")

    def _inside(self, text: str, node: Scalar) -> str:
        try:
            return project_path(text, self._from, node.place)
        except EnvbuildError:
            return ""  # it is wrong where it stands, and told so where it will stand

    def _here(self, path: str) -> str:
        found = posixpath.relpath(path or ".", self._to or ".")
        return found if found.startswith("..") else f"./{found}"


def _path(kind: str, node: Scalar) -> str:
    try:
        return path_of(kind, node)
    except EnvbuildError:
        return ""


def _fragments(stated: Value | None) -> Iterator[Mapping]:
    for axis in stated.entries.values() if isinstance(stated, Mapping) else ():
        for entry in axis.value.entries.values() if isinstance(axis.value, Mapping) else ():
            if isinstance(entry.value, Mapping):
                yield entry.value


def _pip_items(body: Mapping) -> Iterator[Scalar]:
    test = body.get("test")
    for stated in (*map(body.get, _LISTS), test.get("with") if isinstance(test, Mapping) else None):
        for item in stated.items if isinstance(stated, Sequence) else ():
            listed = item.get("pip") if isinstance(item, Mapping) else None
            for node in scalars(listed) if listed else ():
                yield from _lines(node)


def _lines(node: Scalar) -> Iterator[Scalar]:
    """An item; of a block of text each line of it."""
    if not node.block:
        yield node
        return
    for number, line in enumerate(node.text.split("\n")):
        if text := _COMMENT.sub("", line).strip():
            yield msgspec.structs.replace(node, line=node.line + number + node.block, text=text)
