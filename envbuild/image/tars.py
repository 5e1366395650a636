"""The entries of a tar, one after another, as its bytes come: nothing is skipped over and nothing is guessed.

`tarfile` reads single headers here and no more: of a whole tar it takes what it understands and ends where it likes.
"""

import tarfile
from collections.abc import Iterator, Mapping

import msgspec

from envbuild.errors import ImageError

_AGAIN = "build it again"
_BLOCK = 512
_EMPTY = bytes(_BLOCK)
_MOST_NAMED = 1024 * 1024
_PAX, _LONG_NAME, _LONG_LINK = tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
KINDS: Mapping[bytes, str] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "pipe",
}


class Member(msgspec.Struct, frozen=True):
    """One entry, as it stands there. `more` is what was said of it besides: its keys, as POSIX has them."""

    path: str
    kind: str
    mode: int
    owner: tuple[int, int]
    seconds: float
    size: int
    target: str
    names: tuple[str, str]
    more: frozenset[str] = frozenset()


class _Blocks:
    """As many bytes as are asked for, or else it is cut off."""

    def __init__(self, pieces: Iterator[bytes], what: str) -> None:
        self._pieces = pieces
        self._piece, self._at = b"", 0
        self.what = what

    def _parts(self, size: int) -> Iterator[bytes]:
        left = size
        while left:
            if self._at == len(self._piece):
                self._piece, self._at = self._next(), 0
            part = self._piece[self._at : self._at + left]
            self._at += len(part)
            left -= len(part)
            yield part

    def _next(self) -> bytes:
        piece = next(self._pieces, None)
        if piece is None:
            raise ImageError(f"{self.what} ends in the middle of its tar", hint=_AGAIN)
        return piece

    def take(self, size: int) -> bytes:
        return b"".join(self._parts(size))

    def pass_over(self, size: int) -> None:
        """The content of a file, and what fills its last block, which is nothing."""
        for _ in self._parts(size):
            pass
        if self.take(-size % _BLOCK).strip(b"\0"):
            raise ImageError(f"{self.what} has something behind the end of a file", hint=_AGAIN)

    def rest(self) -> Iterator[bytes]:
        yield self._piece[self._at :]
        yield from self._pieces


def members(pieces: Iterator[bytes], what: str) -> Iterator[Member]:
    """Up to its end, after which nothing may come but zeros: another program would read on."""
    blocks = _Blocks(pieces, what)
    said: dict[str, str] = {}
    while (block := blocks.take(_BLOCK)) != _EMPTY:
        info = _header(block, what)
        if info.type in {_PAX, _LONG_NAME, _LONG_LINK}:
            said |= _said(info, blocks)
        else:
            member = _member(info, said, what)
            blocks.pass_over(member.size)
            said = {}
            yield member
    if said or blocks.take(_BLOCK) != _EMPTY:
        raise ImageError(f"{what} does not end as a tar does", hint=_AGAIN)
    if any(piece.strip(b"\0") for piece in blocks.rest()):
        raise ImageError(f"{what} has something behind its end", hint=_AGAIN)


def _header(block: bytes, what: str) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise ImageError(f"{what} has an entry that cannot be read: {error}", hint=_AGAIN) from None


def _said(info: tarfile.TarInfo, blocks: _Blocks) -> dict[str, str]:
    """What did not fit into the header that comes next."""
    if not 0 < info.size <= _MOST_NAMED:
        raise ImageError(f"{blocks.what} says {info.size} bytes about an entry", hint=_AGAIN)
    data = blocks.take(info.size)
    blocks.take(-info.size % _BLOCK)
    try:
        if info.type == _PAX:
            return dict(_records(data))
        key = "path" if info.type == _LONG_NAME else "linkpath"
        return {key: data.rstrip(b"\0").decode()}
    except ValueError:
        raise ImageError(f"{blocks.what} says about an entry what cannot be read", hint=_AGAIN) from None


def _records(data: bytes) -> Iterator[tuple[str, str]]:
    """Each is 'LENGTH KEY=VALUE' and a line's end, and its length is that of all of it."""
    while data:
        length = int(data.partition(b" ")[0])
        record, data = data[:length], data[length:]
        key, _, value = record.partition(b" ")[2].partition(b"=")
        if len(record) != length or not value.endswith(b"\n"):
            raise ValueError(record)
        yield key.decode(), value[:-1].decode()


def _member(info: tarfile.TarInfo, said: Mapping[str, str], what: str) -> Member:
    path, kind = said.get("path", info.name), KINDS.get(info.type, "")
    if not kind:
        text = f"'{path}' is neither file nor folder nor link, but of the type {info.type!r}"
        raise ImageError(f"{what}: {text}", hint=_AGAIN)
    try:
        size, owner = int(said.get("size", info.size)), (int(said.get("uid", info.uid)), int(said.get("gid", info.gid)))
        seconds = float(said.get("mtime", info.mtime))
    except ValueError:
        raise ImageError(f"{what} says of '{path}' what is no number", hint=_AGAIN) from None
    if size < 0 or (size and kind != "file"):
        raise ImageError(f"{what}: '{path}' is a {kind} of {size} bytes", hint=_AGAIN)
    path = path.rstrip("/") if kind == "folder" else path
    target = said.get("linkpath", info.linkname)
    names = (said.get("uname", info.uname), said.get("gname", info.gname))
    return Member(path, kind, info.mode, owner, seconds, size, target, names, frozenset(said))
