"""A command in a terminal: a pseudo-terminal of any size, keys that are typed, and the screen as a person sees it."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

_TIMEOUT_SECONDS = 60.0
_HISTORY_LINES = 5000


class Terminal:
    """Started at once. `written` is every byte that came, `screen` what is seen now, `lines` all that was."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        *,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self.written = b""
        self._screen = pyte.HistoryScreen(columns, rows, history=_HISTORY_LINES, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={"TERM": "xterm-256color", **environ},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - nothing else makes Ctrl-C reach it
        )
        os.close(slave)

    @property
    def screen(self) -> list[str]:
        """The lines of the screen, without the empty ones at its end."""
        return _trimmed([line.rstrip() for line in self._screen.display])

    @property
    def lines(self) -> list[str]:
        """Everything that is on the screen or has scrolled out of it."""
        above = [
            "".join(row[column].data for column in range(self._screen.columns)).rstrip()
            for row in self._screen.history.top
        ]
        return _trimmed([*above, *self.screen])

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def foreground(self) -> int:
        """The group of processes that keys go to."""
        return os.tcgetpgrp(self._master)

    def resize(self, columns: int, rows: int) -> None:
        """As who drags the corner of a window: what runs there is told by a signal."""
        self._screen.resize(rows, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, what: str | Callable[[], bool], seconds: float = _TIMEOUT_SECONDS) -> None:
        """Read until a text is to be seen, or something holds."""
        holds = what if callable(what) else (lambda: what in self.text)
        ends = time.monotonic() + seconds
        while not holds():
            assert self._read(0.1), f"it ended without {what!r}:\n{self.text}"
            assert time.monotonic() < ends, f"after {seconds} s there is no {what!r}:\n{self.text}"

    def wait_until_it_reads(self) -> None:
        """A signal between a question and the reading of its answer would be seen only after the answer."""
        self.wait_for(lambda: _state(self.process.pid) == "S")

    def finish(self, seconds: float = _TIMEOUT_SECONDS) -> int:
        """Read to the end; the exit code, negative for a signal. A shell's own jobs may keep the terminal longer."""
        ends = time.monotonic() + seconds
        while self._read(0.1):
            if self.process.poll() is not None and not self._has_more():
                break
            assert time.monotonic() < ends, f"after {seconds} s it has not ended:\n{self.text}"
        return self.process.wait(seconds)

    def _has_more(self, seconds: float = 0.1) -> bool:
        return bool(select.select([self._master], [], [], seconds)[0])

    def _read(self, seconds: float) -> bool:
        """Whether there may be more to come."""
        if not self._has_more(seconds):
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says EIO when the last writer is gone
            return False
        self.written += data
        self._stream.feed(data)
        return bool(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _state(pid: int) -> str:
    """One letter, as the kernel has it; S is asleep."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1]:
        lines.pop()
    return lines
