"""What a tar says of its members, read once from its beginning to its end: nothing of what they hold is kept.

Read here, and not by Python's reader, since a layer of a stranger may say anything: no word of it takes more memory
than it may, and nothing that can be read in two ways is read at all.
"""

import re
from collections.abc import Iterator

import msgspec

from envbuild.registry.blobs import Readable

FILE, HARD_LINK, LINK, FOLDER = b"0", b"1", b"2", b"5"
_BLOCK = 512
_PIECE = 1024 * 1024
_MOST_WORDS = 1024 * 1024  # of what is told of one member beside its header
_LONGEST = 4096  # a path, as systems have it
_EMPTY = bytes(_BLOCK)
_PLAIN = frozenset({b"0", b"\0", b"7", b"S"})
_NO_DATA = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_LONG = {b"K": b"linkpath", b"L": b"path"}
_TOLD, _TOLD_OF_ALL = frozenset({b"x", b"X"}), b"g"
_SPARSE, _SPARSE_MORE, _SPARSE_FURTHER = b"S", 482, 504
_RECORD = re.compile(rb"(?P<length>[1-9][0-9]{0,7}) (?P<key>[^=\n]+)=")
_OCTAL = re.compile(rb" *[0-7]+[ \0]*")
_DIGITS = re.compile(rb"[0-9]{1,18}")


class NoTar(ValueError):  # noqa: N818 - it is told in a sentence
    """Why a layer cannot be read."""


class Member(msgspec.Struct, frozen=True):
    """One header; `kind` is the letter that tars have for it."""

    path: bytes
    kind: bytes
    mode: int
    uid: int
    gid: int
    size: int
    target: bytes


class Tar:
    """Members in their order; the bytes of one may be asked for until the next one is. MOST bytes are read of all."""

    def __init__(self, stream: Readable, most: int) -> None:
        self._stream = stream
        self._room = most
        self._size = 0

    def __iter__(self) -> Iterator[Member]:
        words: dict[bytes, bytes] = {}
        while block := self._header():
            kind, size = block[156:157], _number(block[124:136])
            if kind in _LONG:
                words[_LONG[kind]] = self._words(size).rstrip(b"\0")
            elif kind in _TOLD:
                words |= dict(_records(self._words(size)))
            elif kind == _TOLD_OF_ALL:  # which no engine heeds
                self._words(size)
            else:
                yield self._member(block, kind, words)
                self._skip()
                words = {}
        if words:
            raise NoTar("it ends before the file that it tells of")

    def data(self, most: int) -> bytes:
        """What the last member holds, if that is not more."""
        if self._size > most:
            raise NoTar(f"a file that is looked into holds more than {most:,} bytes")
        size, self._size = self._size, 0
        return self._exactly(size + -size % _BLOCK)[:size]

    def drain(self) -> None:
        """Up to its end, whatever is there, so that all of it has been held to its hash."""
        while self._some(_PIECE):
            pass

    def _member(self, block: bytes, kind: bytes, words: dict[bytes, bytes]) -> Member:
        path = words.get(b"GNU.sparse.name") or words.get(b"path") or _path(block)
        target = words.get(b"linkpath") or _text(block[157:257])
        if max(len(path), len(target)) > _LONGEST or b"\0" in path + target:
            raise NoTar("it holds a path that no system has")
        self._size = 0 if kind in _NO_DATA else _said(words, b"size", block[124:136])
        if kind == _SPARSE:
            self._pass_map(block[_SPARSE_MORE])
        plain = FOLDER if path.endswith(b"/") else FILE
        uid, gid = _said(words, b"uid", block[108:116]), _said(words, b"gid", block[116:124])
        mode = _number(block[100:108]) & 0o7777
        return Member(path, plain if kind in _PLAIN else kind, mode, uid, gid, self._size, target)

    def _pass_map(self, more: int) -> None:
        while more:
            more = self._exactly(_BLOCK)[_SPARSE_FURTHER]

    def _header(self) -> bytes:
        """Nothing at the end, which is two empty blocks, or that nothing follows."""
        block = self._some(_BLOCK)
        if block == _EMPTY:
            block = self._some(_BLOCK)
            if block.strip(b"\0"):
                raise NoTar("something follows its end")
            return b""
        if block and (len(block) < _BLOCK or not _is_sound(block)):
            raise NoTar("it is cut, or no tar")
        return block

    def _words(self, size: int) -> bytes:
        if size > _MOST_WORDS:
            raise NoTar(f"it tells more than {_MOST_WORDS:,} bytes of one file")
        return self._exactly(size + -size % _BLOCK)[:size]

    def _skip(self) -> None:
        left = self._size + -self._size % _BLOCK
        while left:
            left -= len(self._exactly(min(left, _PIECE)))
        self._size = 0

    def _exactly(self, size: int) -> bytes:
        found = self._some(size)
        if len(found) < size:
            raise NoTar("it is cut")
        return found

    def _some(self, size: int) -> bytes:
        """So much, unless it ends before."""
        pieces = []
        while size and (piece := self._stream.read(size)):
            pieces.append(piece)
            size -= len(piece)
            self._room -= len(piece)
            if self._room < 0:
                raise NoTar("it holds far more than its size lets expect")
        return b"".join(pieces)


def _is_sound(block: bytes) -> bool:
    """By its checksum, of which there have been two kinds."""
    counted = block[:148] + b" " * 8 + block[156:]
    said = _number(block[148:156]) if _OCTAL.fullmatch(block[148:156]) else -1
    return said == sum(counted) or said == sum(one - 256 if one > 0x7F else one for one in counted)  # noqa: PLR2004 - a sign


def _path(block: bytes) -> bytes:
    name, prefix = _text(block[:100]), _text(block[345:500])
    return prefix + b"/" + name if prefix and block[257:263] == b"ustar\0" else name


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _said(words: dict[bytes, bytes], key: bytes, field: bytes) -> int:
    if key not in words:
        return _number(field)
    if not _DIGITS.fullmatch(words[key]):
        raise NoTar(f"it tells a '{key.decode()}' that is no number")
    return int(words[key])


def _number(field: bytes) -> int:
    """In octal digits, or where these do not reach in bytes."""
    if field[0] == 0x80:  # noqa: PLR2004 - the mark of the other form
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise NoTar("it has a number that is none") from None


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while data.strip(b"\0"):
        match = _RECORD.match(data)
        length = int(match["length"]) if match else 0
        if not match or length > len(data) or length <= match.end() or data[length - 1 : length] != b"\n":
            raise NoTar("what it tells of a file cannot be read")
        yield match["key"], data[match.end() : length - 1]
        data = data[length:]
