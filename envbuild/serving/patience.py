"""How long a client may leave unread what was answered: until then it holds a connection, and the memory of it."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_LEAST = 240  # bytes of a second: less than the slowest line takes
_AT_ONCE = struct.pack("ii", 1, 0)


class Patience:
    """With one connection; it looks only while something waits there, and gives up who takes next to nothing."""

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, seconds: float, gone: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._loop = loop
        self._seconds = seconds
        self._gone = gone
        self._written = 0
        self._taken = 0
        self._due = 0
        self._timer: asyncio.TimerHandle | None = None

    def wrote(self, size: int) -> None:
        self._written += size
        if self._timer is None and self._transport.get_write_buffer_size():
            self._wait()

    def end(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _has_taken(self) -> int:
        return self._written - self._transport.get_write_buffer_size() - _underway(self._socket)

    def _wait(self) -> None:
        """What is there by now, or a little of it, is to be taken until then."""
        self._due, self._taken = self._written, self._has_taken()
        self._timer = self._loop.call_later(self._seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        taken = self._has_taken()
        if taken < self._due and taken - self._taken < self._seconds * _LEAST:
            self._gone()
            self._drop()
        elif taken < self._written:
            self._wait()

    def _drop(self) -> None:
        """With what the system still keeps for it."""
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._transport.abort()


def _underway(sock: socket.socket) -> int:
    """What the system has taken from us, and nobody yet from it; it asks for more only once much of that is gone."""
    import fcntl
    import termios

    try:
        found: int = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    except (OSError, ValueError, AttributeError):  # a system that does not tell
        return 0
    return found
