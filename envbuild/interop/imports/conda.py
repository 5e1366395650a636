"""conda's environment files: the text is a manifest as it is, but for what depends on where it stands."""

import re
from collections.abc import Iterator
from collections.abc import Sequence as Sequence_

import msgspec

from envbuild.document import RESET, Document, Entry, Mapping, Scalar, Sequence, is_null
from envbuild.errors import EnvbuildError, Note, Place
from envbuild.interop.imports.brought import Brought
from envbuild.interop.imports.composing import remark
from envbuild.interop.imports.masking import HIDDEN, masked_yaml
from envbuild.interop.imports.paths import Moved, moved, moved_item
from envbuild.interop.imports.source import Source
from envbuild.manifest import Keys
from envbuild.project.starting import Carried, folded_name, not_carried
from envbuild.project.starting.amending import commented, respelt, span_at
from envbuild.shape import is_rendered, rewrite_marked

_APT_FILE = re.compile(r"-r[\s=]*(?P<path>\S.*)")
_COMMENT = re.compile(r"(^|\s)#.*")


class _Edit(msgspec.Struct, frozen=True):
    """What becomes of one text of the file; `line` where it stands in a block of several."""

    node: Scalar
    old: str
    new: Moved


def bring(source: Source) -> Brought:
    document, hidden = masked_yaml(source.shown, source.read())
    return Brought(_name(document) or folded_name(source.stem), lambda path: carried(source, document, hidden, path))


def _name(document: Document) -> str:
    stated = document.root.get("name")
    return folded_name(stated.text) if isinstance(stated, Scalar) and not is_null(stated) else ""


def carried(
    source: Source,
    document: Document,
    hidden: tuple[EnvbuildError, ...],
    path: str,
    places: Sequence_[Place | None] = (),
) -> Carried:
    """`places` are those of the lines, where the text is not the source's own."""
    text, left = document.text, list(hidden)
    edits = {(one.node.line, one.node.column): one for one in _edits(document, source, path)}
    origins: list[Place | None] = list(places) or [Place(source.shown, at) for at in range(1, text.count("\n") + 2)]
    for _, edit in sorted(edits.items(), reverse=True):
        text = _edited(text, edit, left, origins if places else [])
    lines = text.split("\n")
    notes = list(_without_prefix(document, lines, origins))
    head = [f"# left out: {remark(one.message)}" for one in hidden]
    before = [one.where for one in hidden]
    whole = "\n".join([*head, *lines])
    return Carried(whole if whole.endswith("\n") else f"{whole}\n", (*before, *origins), tuple(left), tuple(notes))


def _edits(document: Document, source: Source, path: str) -> Iterator[_Edit]:
    folders = (source.folder,)
    for node in _pip_lines(document.root):
        if HIDDEN in node.text:
            yield _Edit(node, node.text, Moved(why="what its query says is a secret"))
            continue
        found = moved_item(node.text, folders, source, path)
        if found and found.text != node.text:
            yield _Edit(node, node.text, found)
    for kind, node in _marked(document.root):
        match = _APT_FILE.fullmatch(node.text.strip()) if kind == "apt" else None
        written = match["path"] if match else node.text.strip()
        found = moved(written, folders, source, path)
        if found.why or found.text != written:
            before = node.text.strip().removesuffix(written)
            yield _Edit(node, node.text, found if found.why else Moved(f"{before}{found.text}"))


def _pip_lines(root: Mapping) -> Iterator[Scalar]:
    """The entries of every pip list, those of a block of text one by one."""
    for key in ("dependencies", "constraints", "overrides"):
        stated = root.get(key)
        for item in stated.items if isinstance(stated, Sequence) else ():
            listed = item.get("pip") if isinstance(item, Mapping) else None
            for node in listed.items if isinstance(listed, Sequence) else ():
                if isinstance(node, Scalar) and not is_rendered(node):
                    yield from _lines_of(node)


def _lines_of(node: Scalar) -> Iterator[Scalar]:
    for number, line in enumerate(node.text.split("\n") if node.block else [node.text]):
        if text := _COMMENT.sub("", line).strip():
            yield msgspec.structs.replace(node, line=node.line + number + node.block, text=text)


def _marked(root: Mapping) -> list[tuple[str, Scalar]]:
    """The other values that are paths."""
    found: list[tuple[str, Scalar]] = []

    def keep(kind: str, node: Scalar) -> Scalar:
        if not is_rendered(node) and not is_null(node) and node.tag != RESET and _is_path(kind, node.text.strip()):
            found.append((kind, node))
        return node

    rewrite_marked(root, Keys, "path", keep)
    extends = root.get("extends")
    stated = extends.items if isinstance(extends, Sequence) else (extends,)
    found += [("extends", one) for one in stated if isinstance(one, Scalar) and _is_path("extends", one.text)]
    return found


def _is_path(kind: str, text: str) -> bool:
    if kind == "extends":
        return text.startswith(("./", "../")) or text.endswith((".yaml", ".yml"))
    if kind == "apt":
        return bool(_APT_FILE.fullmatch(text))
    if kind == "base":
        return False
    return "://" not in text and "\n" not in text


def _edited(text: str, edit: _Edit, left: list[EnvbuildError], places: Sequence_[Place | None]) -> str:
    node, why, hint = edit.node, edit.new.why, edit.new.hint
    if not why:
        if (again := _rewritten(text, edit)) != text:
            return again
        why, hint = "a path that goes over several lines is not rewritten", "write it in one line"
    where = (places[node.line - 1] if places else None) or node.place
    if HIDDEN not in edit.old:  # else it is told already, by its URL
        left.append(not_carried(edit.old, why, where, hint))
    without = commented(text, node.line, node.column, why)
    if without is None:
        raise left[-1]
    return without


def _rewritten(text: str, edit: _Edit) -> str:
    span = span_at(text, edit.node.line, edit.node.column)
    if span and not edit.node.block:
        return respelt(text, span, edit.new.text)
    lines = text.split("\n")
    at = edit.node.line - 1
    lines[at] = lines[at].replace(edit.old, edit.new.text, 1)
    return "\n".join(lines)


def _without_prefix(document: Document, lines: list[str], origins: list[Place | None]) -> Iterator[Note]:
    """Where an export was made is written into it, and is no business of anybody else."""
    entry: Entry | None = document.root.entries.get("prefix")
    if entry is None or not isinstance(entry.value, Scalar) or entry.value.line != entry.key.line:
        return
    at = entry.key.line - 1
    span = span_at(document.text, entry.value.line, entry.value.column)
    if span is None or span.end[0] != at:
        return
    if lines[at].startswith(("prefix", "'prefix", '"prefix')) and len(document.root.entries) > 1:
        del lines[at], origins[at]
        yield Note(
            "prefix",
            "the prefix is left out: an environment has its own place",
            entry.key.place,
            "remove it from the source, too",
        )
