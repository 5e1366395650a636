"""The conda file of an Azure ML definition: beside it, or written into it."""

import re
from collections.abc import Collection, Iterator

import msgspec

from envbuild.document import Document, Mapping, parse
from envbuild.errors import EnvbuildError, Note, Place
from envbuild.interop.azureml_writing import Line, kept, lines_of
from envbuild.interop.imports import conda
from envbuild.interop.imports.masking import masked_yaml
from envbuild.interop.imports.source import Source
from envbuild.project.starting import Carried, not_carried

_OF_CONDA = ("name", "channels", "dependencies", "variables", "prefix", "category")
_MARKS = re.compile(r"(?m)^(---|\.\.\.|%)")


class Specification(msgspec.Struct, frozen=True):
    """What conda is to install; `document` holds the file's own text, or nothing where it is written elsewhere."""

    source: Source
    root: Mapping
    document: Document | None = None
    hidden: tuple[EnvbuildError, ...] = ()

    @property
    def variables(self) -> Mapping | None:
        found = self.root.get("variables")
        return found if isinstance(found, Mapping) else None


def specification(source: Source) -> Specification:
    """A file, without its credentials."""
    document, hidden = masked_yaml(source.shown, source.read())
    return Specification(source, document.root, document, hidden)


def carried(found: Specification, path: str, elsewhere: Collection[str]) -> Carried:
    """The text as it is where it can stand among other keys, else written anew; `elsewhere` are keys said there."""
    foreign = list(_foreign(found.root))
    own = [key for key in found.root.entries if key in _OF_CONDA and key not in elsewhere]
    document = found.document
    if document and len(own) == len(found.root.entries) and _stands(document):
        return conda.carried(found.source, document, found.hidden, path)
    lines = list(lines_of(_only(found.root, own)))
    text = "".join(f"{line}\n" for line, _ in lines)
    again = parse(found.source.shown, text.encode())
    done = conda.carried(found.source, again, found.hidden, path, [*(where for _, where in lines), None])
    notes = tuple(msgspec.structs.replace(one, where=_origin(one, lines)) for one in done.notes)
    return Carried(done.text, done.origins, (*done.left, *foreign), (*notes, *_remarks(document)))


def _only(root: Mapping, keys: Collection[str]) -> Mapping:
    entries = {key: msgspec.structs.replace(root.entries[key], value=kept(root.entries[key].value)) for key in keys}
    return Mapping(root.path, root.line, root.column, None, entries)


def _stands(document: Document) -> bool:
    """Whether further keys may stand before and behind the text."""
    begins = all(entry.key.column == 1 for entry in document.root.entries.values())
    return begins and not _MARKS.search(document.text) and not document.text.lstrip().startswith("{")


def _foreign(root: Mapping) -> Iterator[EnvbuildError]:
    for key, entry in root.entries.items():
        if key not in _OF_CONDA:
            yield not_carried(key, "conda knows no such key", entry.key.place, "remove it, or spell it as conda does")


def _remarks(document: Document | None) -> Iterator[Note]:
    """What writing a file anew loses."""
    for number, line in enumerate(document.text.split("\n") if document else (), 1):
        if document and re.search(r"(^|\s)#", line):
            what = "the remarks of the file are not carried: it cannot stand as it is"
            yield Note("remarks", what, Place(document.path, number), "see the file for them")
            return


def _origin(note: Note, lines: list[Line]) -> Place:
    return lines[note.where.line - 1][1] or note.where
