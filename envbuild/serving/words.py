"""What front and workers say to each other, and how both write their log.

Like all that a worker loads, it is for every Python from 3.8 on.

Frames to a worker: two lengths, a head (JSON, or nothing where only the body counts), a body. Frames from it: a kind,
two lengths, a head, a body.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import struct
import time

ASKED, TOLD = struct.Struct("!IQ"), struct.Struct("!cIQ")
READY, FAILED, ANSWER = b"R", b"F", b"A"
TEXT, SCHEMA, RAW = "text", "schema", "raw"
FAILURE = "x-ms-run-function-failed"

_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LONGEST_STORY = 64 * 1024
_LATIN = 0x100
_APART = 10  # above what programs close and open by number


def clean(text: str) -> str:
    """Nothing that a terminal obeys, and no line of its own."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < _LATIN else f"\\u{number:04x}"


def line(what: str, level: str = "error", at: float | None = None) -> str:
    """One of the log, with its time."""
    moment = time.time() if at is None else at
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    return f"{stamp}.{int(moment * 1000) % 1000:03d}Z {level} {clean(what)}\n"


def indented(story: str) -> str:
    """What has several lines cannot be taken for lines of the log."""
    return "".join(f"    {clean(one)}\n" for one in lines_of(story))


def lines_of(story: str) -> list[str]:
    """No more of them than somebody reads."""
    cut = story if len(story) <= _LONGEST_STORY else story[:_LONGEST_STORY] + "\n…"
    return cut.splitlines()


class _Out:
    number = 2


def keep_log() -> int:
    """From now on it goes where standard error leads now, whatever a script makes of that; gives its number."""
    import fcntl

    with contextlib.suppress(OSError):  # there is none
        _Out.number = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, _APART)
    return _Out.number


def log(text: str) -> None:
    """Whole, also where the other end is slow; where it is gone nothing is said."""
    data = text.encode("utf-8", "backslashreplace")
    while data:
        try:
            data = data[os.write(_Out.number, data) :]
        except BlockingIOError:
            select.select([], [_Out.number], [], 1)
        except OSError:
            return
