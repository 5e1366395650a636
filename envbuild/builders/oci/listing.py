"""What one layer of a base holds, without its bytes: read once for each user, and kept by the layer's digest."""

import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from gzip import GzipFile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from envbuild.builders.oci.headers import FILE, FOLDER, HARD_LINK, LINK, NoTar, Tar
from envbuild.errors import BuildError
from envbuild.registry.blobs import Blob, Readable
from envbuild.registry.checking import Checked
from envbuild.solvers.contents import BOUND_FREE, BOUND_RATIO
from envbuild.typed import from_msgpack
from envbuild.workspace.writing import replace

if TYPE_CHECKING:
    from typing import IO

GONE, EMPTIED = "gone", "emptied"
_KINDS = {FILE: "file", HARD_LINK: "file", LINK: "link", FOLDER: "folder"}
_OTHER = "file"  # a device, a pipe: nothing can be below it
_WHITEOUT, _OPAQUE = b".wh.", b".wh..wh..opq"
_KEPT = frozenset({b"etc/passwd", b"etc/group", b"usr/etc/passwd", b"usr/etc/group"})
_MOST_KEPT = 1024 * 1024
_MOST_ROWS = 1_000_000
_MOST_NAMES = 256 * 1024 * 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_LARGEST_WINDOW = 128 * 1024 * 1024
_DIGEST = 32
_FORM = b"1"


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One path; GONE takes away what layers below have there, EMPTIED all that they have in a folder."""

    path: bytes
    kind: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    target: bytes = b""


class Listing(msgspec.Struct, frozen=True, array_like=True):
    """Rows in the order of the layer, and the few files whose text is asked for."""

    rows: list[Row]
    texts: dict[bytes, bytes]


def listing(blob: Blob, folder: Path) -> Listing:
    """As it was kept, or read now; what is kept is believed for its own hash."""
    kept = folder / blob.digest.removeprefix("sha256:")
    with suppress(OSError, msgspec.DecodeError):
        data = kept.read_bytes()
        if hashlib.sha256(_FORM + data[_DIGEST:]).digest() == data[:_DIGEST]:
            return from_msgpack(data[_DIGEST:], Listing)
    found = _read(blob)
    packed = msgspec.msgpack.encode(found)
    with suppress(OSError):  # it is read again next time
        folder.mkdir(parents=True, exist_ok=True)
        replace(kept, hashlib.sha256(_FORM + packed).digest() + packed)
    return found


def _read(blob: Blob) -> Listing:
    hint = "choose another image, or tell who keeps this one"
    try:
        with blob.open() as stream:
            checked = Checked(stream, blob.digest, blob.size, "the base image", "try again")
            with _unpacked(checked) as tar:
                return _listed(Tar(tar, BOUND_FREE + BOUND_RATIO * blob.size))
    except NoTar as error:
        raise BuildError(f"the layer {blob.digest} of the base image cannot be read: {error}", hint=hint) from None


def _listed(tar: Tar) -> Listing:
    rows: list[Row] = []
    texts: dict[bytes, bytes] = {}
    names = 0
    for one in tar:
        path = _inside(one.path)
        names += len(path) + len(one.target)
        if len(rows) >= _MOST_ROWS or names > _MOST_NAMES:
            raise NoTar(f"it holds more than {_MOST_ROWS:,} files, or more names than it may")
        kind = _KINDS.get(one.kind, _OTHER)
        target = one.target if kind == "link" else b""
        if one.kind == HARD_LINK:
            texts.pop(path, None)
        if path in _KEPT and one.kind == FILE:
            texts[path] = tar.data(_MOST_KEPT)
        rows += _rows(Row(path, kind, one.mode, one.uid, one.gid, one.size, target))
    tar.drain()
    return Listing(rows, texts)


def _rows(row: Row) -> Iterator[Row]:
    """As it is, or what it takes away; what a file system once wrote for itself is neither."""
    parent, _, name = row.path.rpartition(b"/")
    taken = name.removeprefix(_WHITEOUT)
    if name == _OPAQUE:
        yield Row(parent, EMPTIED)
    elif taken == name:
        yield row
    elif taken in {b"", b".", b".."}:
        raise NoTar("it takes away what has no name")
    elif not taken.startswith(_WHITEOUT):
        yield Row(parent + b"/" + taken if parent else taken, GONE)


def _inside(path: bytes) -> bytes:
    """From the root of the image; nothing that leads up, which engines take in different ways."""
    parts = [part for part in path.split(b"/") if part not in {b"", b"."}]
    if b".." in parts:
        raise NoTar(f"it holds {path.decode(errors='backslashreplace')!a}, which leads out of it")
    return b"/".join(parts)


@contextmanager
def _unpacked(stream: Checked) -> Iterator[Readable]:
    """By its first bytes, as engines do, whatever it is called."""
    first = stream.read(len(_ZSTD))
    whole = _Again(first, stream)
    try:
        if first.startswith(_GZIP):
            yield GzipFile(fileobj=cast("IO[bytes]", whole), mode="rb")
        elif first == _ZSTD:
            import zstandard

            decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
            yield decompressor.stream_reader(whole, read_across_frames=True)  # type: ignore[arg-type]
        else:
            yield whole
    except (EOFError, OSError, zlib.error) as error:
        raise NoTar(str(error)) from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"zstandard", "zstd"}:
            raise
        raise NoTar(str(error)) from None


class _Again:
    """A stream, from the bytes that were looked at."""

    def __init__(self, first: bytes, stream: Checked) -> None:
        self._first = first
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        piece, self._first = self._first[:size], self._first[size:]
        return piece or self._stream.read(size)
