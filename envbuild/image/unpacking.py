"""The bytes of a layer: counted and hashed as they are sent and as they unpack, with never much of them in memory."""

import hashlib
import zlib
from collections.abc import Iterator
from typing import Protocol

from envbuild.errors import ImageError
from envbuild.image.manifests import LAYERS

_AGAIN = "build it again"
_PIECE = 256 * 1024
# Four bytes of zstd may unpack to 128 KiB, and there is no way to stop in the midst of what was given.
_BITE = 128
_GZIP = 31
_MOST_WINDOW = 128 * 1024 * 1024


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Counted:
    """A stream that knows, at its end, how long it was and what hash it had."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._hash = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._hash.update(piece)
            self.size += len(piece)
            yield piece

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"


def pieces(stream: Readable) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def unpacked(packed: Iterator[bytes], media_type: str, what: str) -> Iterator[bytes]:
    """The tar that is in it."""
    if media_type == LAYERS["gzip"]:
        return _gunzipped(packed, what)
    return _unzstandard(packed, what) if media_type == LAYERS["zstd"] else packed


def _gunzipped(packed: Iterator[bytes], what: str) -> Iterator[bytes]:
    """One member after another; what follows the last has to be one, too."""
    member = zlib.decompressobj(_GZIP)
    for piece in packed:
        rest = piece
        while rest:
            member = zlib.decompressobj(_GZIP) if member.eof else member
            try:
                yield member.decompress(rest, _PIECE)
            except zlib.error as error:
                raise ImageError(f"{what} is no whole gzip: {error}", hint=_AGAIN) from None
            rest = member.unused_data if member.eof else member.unconsumed_tail
    yield member.flush()
    if not member.eof:
        raise ImageError(f"{what} ends in the middle of its gzip", hint=_AGAIN)


def _unzstandard(packed: Iterator[bytes], what: str) -> Iterator[bytes]:
    """One frame after another."""
    import zstandard

    maker = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW)
    frame = maker.decompressobj()
    for piece in packed:
        for at in range(0, len(piece), _BITE):
            rest = piece[at : at + _BITE]
            while rest:
                frame = maker.decompressobj() if frame.eof else frame
                try:
                    yield frame.decompress(rest)
                except zstandard.ZstdError as error:
                    raise ImageError(f"{what} is no whole zstd: {error}", hint=_AGAIN) from None
                rest = frame.unused_data
    if not frame.eof:
        raise ImageError(f"{what} ends in the middle of its zstd", hint=_AGAIN)
