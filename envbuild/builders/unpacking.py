"""A wheel into a prefix that will lie elsewhere: each file below it, and every path inside of a file as it will be."""

import base64
import contextlib
import hashlib
import io
import os
import re
import shlex
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InvalidWheelSource
from installer.records import Hash, RecordEntry
from installer.sources import WheelContentElement, WheelFile
from installer.utils import Scheme, fix_shebang

from envbuild.census import interpreter
from envbuild.errors import BuildError, Place
from envbuild.manifest import normalise
from envbuild.solvers.contents import BOUND_FREE, BOUND_RATIO

if TYPE_CHECKING:
    from installer.scripts import ScriptSection

_INSTALLER = b"envbuild\n"
# What says how a package came here stands in no wheel; what stands in one is of another machine.
_OF_INSTALLERS = {"INSTALLER", "REQUESTED", "direct_url.json"}
_OF_SITE = {"purelib", "platlib"}
_HASH = "sha256"
_LONGEST_LINE = 127
_PIECE = 1 << 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_ANOTHER = "use another version of it"


class Layout(msgspec.Struct, frozen=True):
    """A prefix, where it will lie, and the folders of its Python below it."""

    folder: Path
    final: str
    site: str
    headers: str

    def below(self, name: str) -> dict[str, str]:
        """The folders of a package's files, as they lie in the prefix."""
        own = {"headers": f"{self.headers}/{name}", "scripts": "bin", "data": ""}
        return {"purelib": self.site, "platlib": self.site, **own}

    def schemes(self, name: str) -> dict[str, str]:
        return {scheme: str(self.folder / below) for scheme, below in self.below(name).items()}


class Wheel(msgspec.Struct, frozen=True, order=True):
    """A file, the name that a wheel's file has, and the package that it is to be; `origin` if it is of no index."""

    name: str
    path: Path
    filename: str
    origin: bytes = b""


def place(wheel: Wheel, layout: Layout, where: Place) -> None:
    """What a wheel holds is nobody's but its author's word: it is refused with all that does not fit."""
    destination = _Placing(layout.schemes(wheel.name), interpreter(layout.final), "posix")
    with opened(wheel, where) as source:
        destination.confine(layout.folder, source)
        install(source, destination, further(wheel))


def listed(wheel: Wheel, where: Place) -> tuple[tuple[str, str], ...]:
    """Each file that would be placed: its scheme, and its path there. Nothing is, and nothing of it is unpacked."""
    destination = _Listing()
    with opened(wheel, where) as source:
        install(source, destination, further(wheel))
    return tuple(destination.files)


def further(wheel: Wheel) -> dict[str, bytes]:
    return {"INSTALLER": _INSTALLER} | ({"direct_url.json": wheel.origin} if wheel.origin else {})


@contextlib.contextmanager
def opened(wheel: Wheel, where: Place) -> "Iterator[Source]":
    try:
        with zipfile.ZipFile(wheel.path) as opened:
            opened.filename = wheel.filename
            _refuse_unsound(opened, wheel.path.stat().st_size)
            source = Source(opened)
            _refuse_other(source.distribution, wheel.name)
            yield source
    except Unsound as error:
        raise BuildError(f"{wheel.filename} is not installed: {error}", where, _ANOTHER) from None
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a reader of archives fails in many ways
        what = f"{wheel.filename} is no wheel that can be installed: {_words(error)}"
        raise BuildError(what, where, _ANOTHER) from None


def _words(error: Exception) -> str:
    said = error.args[-1] if isinstance(error, InvalidWheelSource) else error
    return " ".join(str(said).split()) or "its commands cannot be read"


def _first_words(interpreter: str) -> str:
    """As installer itself has it for the commands that it makes."""
    if len(interpreter.encode()) + len("#!\n") <= _LONGEST_LINE and " " not in interpreter:
        return interpreter
    return f"/bin/sh\n'''exec' {shlex.quote(interpreter)} \"$0\" \"$@\"\n' '''"


class Unsound(ValueError):  # noqa: N818 - it is told in a sentence
    """Why a wheel is not placed."""


def _refuse_unsound(opened: zipfile.ZipFile, size: int) -> None:
    names = set()
    limit = BOUND_FREE + BOUND_RATIO * size
    for info in opened.infolist():
        name = info.filename.removesuffix("/")
        limit -= info.file_size
        refuse_unconfined(name)
        if name in names:
            raise Unsound(f"it holds '{name}' twice")
        if limit < 0:
            raise Unsound("it holds more than any wheel should")
        names.add(name)


def refuse_unconfined(path: str) -> None:
    """Of a command, too, which has a name that no archive holds."""
    if _CONTROL.search(path) or {"", ".", ".."} & set(path.split("/")):
        raise Unsound(f"it holds {path!a}, which leaves its folder or is no name of a file")


def _refuse_other(name: str, wanted: str) -> None:
    if normalise(name) != normalise(wanted):
        raise Unsound(f"it is a wheel of {name}, and {wanted} is locked")


class Source(WheelFile):
    """Without bytecode, which would be run in place of what it says it comes from, and what installers write.

    Its RECORD is held against what is there, file by file as they are written: what it does not tell of may be there,
    and what it tells of and is not there is nobody's.
    """

    written: RecordEntry | None = None
    member = ""  # the file of the wheel that is being written

    def get_contents(self) -> Iterator[WheelContentElement]:
        for element in super().get_contents():
            path = element[0][0]
            folder, _, name = path.rpartition("/")
            is_told = folder == self.dist_info_dir and name in _OF_INSTALLERS
            if not is_told and "__pycache__" not in folder.split("/"):
                self.written, self.member = None, path
                yield element
                _refuse_changed(RecordEntry.from_elements(*element[0]), self.written)


def _refuse_changed(told: RecordEntry, written: RecordEntry | None) -> None:
    if written is None:
        return
    is_other = told.hash_ and told.hash_.name == _HASH and told.hash_ != written.hash_
    if is_other or (told.size is not None and told.size != written.size):
        raise Unsound(f"its file '{told.path}' is not the one that its RECORD tells of")


def _entry(path: str, stream: BinaryIO) -> RecordEntry:
    """Of a script as it came: its first line will be another one."""
    digest, size = hashlib.sha256(), 0
    while piece := stream.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    stream.seek(0)
    return recorded(path, digest.digest(), size)


def recorded(path: str, digest: bytes, size: int) -> RecordEntry:
    """A line of RECORD."""
    return RecordEntry(path, Hash(_HASH, base64.urlsafe_b64encode(digest).decode().rstrip("=")), size)


class _Listing(SchemeDictionaryDestination):
    """Writes nothing, and tells what it would."""

    def __init__(self) -> None:
        super().__init__({}, "python", "posix")
        self.files: list[tuple[str, str]] = []

    def write_file(
        self,
        scheme: Scheme,
        path: "str | os.PathLike[str]",
        stream: BinaryIO,  # noqa: ARG002 - installer's own
        is_executable: bool,  # noqa: ARG002, FBT001 - installer's own
    ) -> RecordEntry:
        refuse_unconfined(os.fspath(path))
        self.files.append((scheme, os.fspath(path)))
        return RecordEntry(os.fspath(path), None, None)

    def write_script(self, name: str, module: str, attr: str, section: "ScriptSection") -> RecordEntry:  # noqa: ARG002 - installer's own
        return self.write_file(Scheme("scripts"), name, io.BytesIO(), is_executable=True)

    def finalize_installation(
        self,
        scheme: Scheme,
        record_file_path: str,
        records: Iterable[tuple[Scheme, RecordEntry]],  # noqa: ARG002 - installer's own
    ) -> None:
        self.files.append((scheme, record_file_path))


class Destination(SchemeDictionaryDestination):
    """What holds wherever a wheel goes; `source` is the wheel."""

    source: Source

    def write_file(
        self,
        scheme: Scheme,
        path: "str | os.PathLike[str]",
        stream: BinaryIO,
        is_executable: bool,  # noqa: FBT001 - installer's own
    ) -> RecordEntry:
        """Scripts can be run, whatever the wheel says; and where no system reads so long a first line, by a shell."""
        if scheme != "scripts":
            self.source.written = self.write_to_fs(scheme, os.fspath(path), stream, is_executable)
            return self.source.written
        self.source.written = _entry(os.fspath(path), stream)
        with fix_shebang(stream, _first_words(self.interpreter)) as fixed:
            return self.write_to_fs(scheme, os.fspath(path), fixed, is_executable=True)

    def finalize_installation(
        self, scheme: Scheme, record_file_path: str, records: Iterable[tuple[Scheme, RecordEntry]]
    ) -> None:
        """What lies in one folder is listed in one way."""
        plain = [(scheme if own in _OF_SITE else own, record) for own, record in records]
        super().finalize_installation(scheme, record_file_path, plain)

    @staticmethod
    def refuse_marker(path: str) -> None:
        if path == "pyvenv.cfg":
            raise Unsound("it brings 'pyvenv.cfg', by which Python knows what kind of environment it is in")


class _Placing(Destination):
    """Whatever links stand in the prefix, nothing is written out of it; nor into a file that others have as well."""

    def confine(self, folder: Path, source: Source) -> None:
        self.source = source
        self._folder = folder.resolve()
        self._known: set[Path] = set()

    def write_to_fs(self, scheme: Scheme, path: str, stream: BinaryIO, is_executable: bool) -> RecordEntry:  # noqa: FBT001 - installer's own
        target = self._path_with_destdir(scheme, path)
        self._refuse_outside(target)
        if target.is_dir() and not target.is_symlink():
            raise Unsound(f"it brings a file '{path}', where there is a folder")
        target.unlink(missing_ok=True)
        return super().write_to_fs(scheme, path, stream, is_executable)

    def _refuse_outside(self, target: Path) -> None:
        own = target.relative_to(self._folder).as_posix()
        self.refuse_marker(own)
        if target.parent not in self._known:
            if not target.parent.resolve().is_relative_to(self._folder):
                raise Unsound(f"it would write '{own}' through a link that leaves the environment")
            self._known.add(target.parent)
