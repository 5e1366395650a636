"""What a layer holds: one entry for each file, folder and link, as a tar has them."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Kind = Literal["file", "folder", "link"]
PLAIN, RUNNABLE, FOLDER, LINK = 0o644, 0o755, 0o755, 0o777
BLOCK = 512
_TYPES: Mapping[Kind, bytes] = {"file": b"0", "folder": b"5", "link": b"2"}
_MORE = b"x"
_LONGEST = 100


class Entry(msgspec.Struct, frozen=True, order=True):
    """One path of a layer, relative to the root of the image, without a slash at either end. A link leads to `target`.

    Whose it is are numbers: a name means something else in every image.
    """

    path: str
    kind: Kind = "file"
    mode: int = PLAIN
    size: int = 0
    target: str = ""
    uid: int = 0
    gid: int = 0


def header(entry: Entry, seconds: int) -> bytes:
    """All that a tar has of an entry before its content, by POSIX, with one time for all of it and no names of users.

    What does not fit into the fields of old stands before them as a record of its own, and only that.
    """
    path = _encoded(entry.path) + (b"/" if entry.kind == "folder" else b"")
    texts = {b"path": path, b"linkpath": _encoded(entry.target) if entry.kind == "link" else b""}
    numbers = {
        b"uid": (entry.uid, 8),
        b"gid": (entry.gid, 8),
        b"size": (entry.size if entry.kind == "file" else 0, 12),
        b"mtime": (seconds, 12),
    }
    more = {key: text for key, text in texts.items() if len(text) > _LONGEST or not text.isascii()}
    more |= {key: b"%d" % number for key, (number, width) in numbers.items() if not _fits(number, width)}
    fields = {key: _octal(number if key not in more else 0, width) for key, (number, width) in numbers.items()}
    before = _records(more) if more else b""
    return before + _block(_TYPES[entry.kind], texts[b"path"], entry.mode, fields, texts[b"linkpath"])


def _block(kind: bytes, path: bytes, mode: int, fields: Mapping[bytes, bytes], target: bytes = b"") -> bytes:
    """One block of ustar; its sum is made as if the sum itself were blanks."""
    owner = fields[b"uid"] + fields[b"gid"]
    head = _short(path) + _octal(mode, 8) + owner + fields[b"size"] + fields[b"mtime"]
    tail = kind + _short(target) + b"ustar\x0000" + bytes(64) + _octal(0, 8) * 2
    total = sum(head) + sum(tail) + 8 * ord(" ")
    return (head + b"%06o\0 " % total + tail).ljust(BLOCK, b"\0")


def _records(more: Mapping[bytes, bytes]) -> bytes:
    """The block that announces them, and they themselves, in the order of their keys."""
    text = b"".join(_record(key, more[key]) for key in sorted(more))
    zero = {b"uid": _octal(0, 8), b"gid": _octal(0, 8), b"size": _octal(len(text), 12), b"mtime": _octal(0, 12)}
    return _block(_MORE, b"PaxHeader", PLAIN, zero) + text + bytes(-len(text) % BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    """'LENGTH KEY=VALUE' and a line's end: the length is that of all of it, with its own digits."""
    rest = b" %s=%s\n" % (key, value)
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d%s" % (length, rest)


def _encoded(text: str) -> bytes:
    """As the file system has it: what is no UTF-8 there is none here."""
    return text.encode("utf-8", "surrogateescape")


def _short(text: bytes) -> bytes:
    """What those see who read no more than this."""
    return text.decode("ascii", "replace").replace("\ufffd", "?").encode()[:_LONGEST].ljust(_LONGEST, b"\0")


def _octal(number: int, width: int) -> bytes:
    return b"%0*o\0" % (width - 1, number)


def _fits(number: int, width: int) -> bool:
    return 0 <= number < 1 << 3 * (width - 1)
