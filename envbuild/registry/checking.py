"""Bytes on their way, held to the size and the hash that they were named by."""

import hashlib

from envbuild.errors import DigestError
from envbuild.registry.blobs import Readable


class Checked:
    """What differs is told before the last of it is given, so that whoever has the whole has the right one."""

    def __init__(self, stream: Readable, digest: str, size: int, source: str, hint: str) -> None:
        self._stream = stream
        self._digest = digest
        self._left = size
        self._name = f"{digest} of {source}"
        self._hint = hint
        self._hashed = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Exactly so much, unless it ends before."""
        pieces = []
        while size and (piece := self._stream.read(size)):
            pieces.append(piece)
            size -= len(piece)
            self._take(piece)
        if size or not self._left:
            self._end()
        return b"".join(pieces)

    def _take(self, piece: bytes) -> None:
        self._hashed.update(piece)
        self._left -= len(piece)
        if self._left < 0:
            raise DigestError(f"{self._name} is longer than it was to be", hint=self._hint)

    def _end(self) -> None:
        if self._left:
            raise DigestError(f"{self._name} lacks {self._left:,} bytes", hint=self._hint)
        if (found := f"sha256:{self._hashed.hexdigest()}") != self._digest:
            raise DigestError(f"{self._name} is {found}", hint=self._hint)
