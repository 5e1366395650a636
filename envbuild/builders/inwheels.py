"""A wheel as it would be placed, and nothing written for it: what lies where, and from where its bytes are had.

To make thousands of files takes longer than to read them; who packs them into something else needs none.
"""

import hashlib
import io
import posixpath
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, BinaryIO

import msgspec
from installer import install
from installer.records import RecordEntry
from installer.scripts import Script
from installer.utils import Scheme

from envbuild.builders.unpacking import (
    Destination,
    Layout,
    Source,
    Unsound,
    Wheel,
    further,
    opened,
    recorded,
    refuse_unconfined,
)
from envbuild.census import interpreter
from envbuild.errors import Place

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from installer.scripts import ScriptSection

_PIECE = 1 << 20


class Held(msgspec.Struct, frozen=True):
    """One file: the name of what it is in the wheel, or the bytes that were made for it."""

    member: str
    data: bytes
    size: int
    is_executable: bool


class Opened:
    """A wheel that is being read, by one thread at a time."""

    def __init__(self, wheel: Wheel) -> None:
        self._zip = zipfile.ZipFile(wheel.path)

    def source(self, one: Held) -> "bytes | Callable[[], AbstractContextManager[IO[bytes]]]":
        return (lambda: self._zip.open(one.member)) if one.member else one.data

    def close(self) -> None:
        self._zip.close()


def held(wheel: Wheel, layout: Layout, where: Place) -> Mapping[str, Held]:
    """Each file by its path below the prefix; what does not fit is refused as where it is written."""
    destination = _Reading(layout.schemes(wheel.name), interpreter(layout.final), "posix")
    with opened(wheel, where) as source:
        destination.begin(source, layout.below(wheel.name))
        install(source, destination, further(wheel))
    return destination.found


class _Reading(Destination):
    def begin(self, source: Source, below: Mapping[str, str]) -> None:
        self.source = source
        self._below = below
        self._folders: set[str] = set()
        self.found: dict[str, Held] = {}

    def write_script(self, name: str, module: str, attr: str, section: "ScriptSection") -> RecordEntry:
        made, data = Script(name, module, attr, section).generate(self.interpreter, self.script_kind)
        return self.write_to_fs(Scheme("scripts"), made, io.BytesIO(data), is_executable=True)

    def write_to_fs(self, scheme: Scheme, path: str, stream: BinaryIO, is_executable: bool) -> RecordEntry:  # noqa: FBT001 - installer's own
        """What is in the wheel as it is to lie is only hashed; commands, and what tells of it, are made here."""
        refuse_unconfined(path)
        own = posixpath.join(self._below[scheme], path)
        self._refuse_folder(own, path)
        member = self.source.member if isinstance(stream, zipfile.ZipExtFile) else ""
        pieces, digest, size = list[bytes](), hashlib.sha256(), 0
        while piece := stream.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            if not member:
                pieces.append(piece)
        self.found[own] = Held(member, b"".join(pieces), size, is_executable)
        return recorded(path, digest.digest(), size)

    def _refuse_folder(self, own: str, path: str) -> None:
        self.refuse_marker(own)
        above = posixpath.dirname(own)
        while above and above not in self._folders:
            self._folders.add(above)
            above = posixpath.dirname(above)
        if own in self._folders or any(one in self.found for one in _parents(own)):
            raise Unsound(f"it brings a file '{path}', where there is a folder")


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
