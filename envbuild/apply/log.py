"""The log of one build, and how it ended: that is kept beside it, since into the log programs write what they like."""

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Literal

import msgspec

from envbuild.typed import from_json

_TAIL_LINES = 10
_TAIL_BYTES = 8192


class End(msgspec.Struct, frozen=True):
    """How a build ended, as it said itself."""

    result: Literal["done", "failed", "interrupted"]
    seconds: float | None = None
    version: int | None = None

    def __str__(self) -> str:
        took = f" {'in' if self.result == 'done' else 'after'} {self.seconds:.1f} s" if self.seconds is not None else ""
        return f"{self.result}{took}{f' as version {self.version}' if self.version is not None else ''}"


class Log:
    """A log that is at work: the file beside it is held until it is closed, or until its process is gone."""

    def __init__(self, path: Path, first: str) -> None:
        self.path = path
        self._end = _beside(path).open("wb")
        try:
            fcntl.flock(self._end, fcntl.LOCK_EX)
            path.write_text(f"{first}\n", encoding="utf-8")  # seen from now on, and held before
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._end.close()

    def end(self, how: End, error: str = "") -> None:
        """Say how it ended, also behind its close, and before that what went wrong; a full disk may swallow both."""
        with contextlib.suppress(OSError):
            self._add("\n".join(filter(None, (error, f"envbuild: {how}"))))
        with contextlib.suppress(OSError):
            _beside(self.path).write_bytes(msgspec.json.encode(how))

    def _add(self, text: str) -> None:
        """A line of ours, also where a program left the last one open."""
        with self.path.open("rb+") as stream:
            is_open = stream.seek(0, os.SEEK_END) > 0 and stream.seek(-1, os.SEEK_END) >= 0 and stream.read(1) != b"\n"
            start = "\n" if is_open else ""
            stream.write(f"{start}{text}\n".encode(errors="replace"))

    def tail(self) -> tuple[str, ...]:
        """The last lines that programs wrote, without our own first one."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = stream.read().decode(errors="replace").splitlines()
        except OSError:
            return ()
        return tuple(lines[1:][-_TAIL_LINES:])


def ended(path: Path) -> End | Literal["running"] | None:
    """How the build of a log ended; nothing is known of one that was killed, or left only its log."""
    try:
        with _beside(path).open("rb") as stream:
            is_held = _is_held(stream.fileno())  # asked before reading: who has let go has written all
            return from_json(stream.read(), End)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return "running" if is_held else None


def _is_held(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks, where nothing can have been built
    return False


def _beside(log: Path) -> Path:
    return log.with_suffix(".end")
