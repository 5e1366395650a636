"""What a command writes: passed on as it comes, unchanged and in order, and logged."""

import contextlib
import os
import select
import termios

from envbuild.attending.masking import Log
from envbuild.attending.terminal import copy_size

_OUTPUT, _ERRORS = 1, 2
_BLOCK = 1 << 16
_OUTPUT_MODES = 1  # where `tcgetattr` has them


class Channel:
    """From an end of the command to one of our own streams, or only to the log."""

    def __init__(self, source: int, sink: int | None, *, lingers: bool = False) -> None:
        self.source = source
        self.sink = sink
        self.lingers = lingers  # what is written to a terminal may come a little later
        self.is_open = True

    def pass_on(self, log: Log | None) -> bool:
        """Whether there was anything. Where nobody reads any more, the command is to meet that itself."""
        try:
            data = os.read(self.source, _BLOCK)
        except BlockingIOError:
            return False
        except OSError:  # of a terminal nobody else has open
            data = b""
        if not data:
            self.close()
            return False
        if log:
            log.add(data)
        if self.sink is not None and not _written(self.sink, data):
            self.close()
        return True

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.source)


def _written(sink: int, data: bytes) -> bool:
    while data:
        try:
            data = data[os.write(sink, data) :]
        except BlockingIOError:
            select.select([], [sink], [])
        except OSError:
            return False
    return True


class Ends:
    """What the command has for its output and its errors; each a terminal where ours is one."""

    def __init__(self, *, silent: bool = False) -> None:
        self._given: list[int] = []
        self._screens: list[tuple[int, int]] = []
        self.channels: list[Channel] = []
        self.output = self._end(None if silent else _OUTPUT)
        self.errors = self.output if silent or _is_one() else self._end(_ERRORS)

    def _end(self, sink: int | None) -> int:
        if sink is not None and os.isatty(sink):
            source, given = os.openpty()
            modes = termios.tcgetattr(given)
            modes[_OUTPUT_MODES] &= ~termios.OPOST  # that is for the terminal behind it to do
            termios.tcsetattr(given, termios.TCSANOW, modes)
            self._screens.append((sink, source))
        else:
            source, given = os.pipe()
        self._given.append(given)
        self.channels.append(Channel(source, sink, lingers=bool(self._screens) and self._screens[-1][1] == source))
        self.resize()
        return given

    def resize(self) -> None:
        for sink, source in self._screens:
            copy_size(sink, source)

    def close_given(self) -> None:
        """They are the command's alone."""
        for end in self._given:
            with contextlib.suppress(OSError):
                os.close(end)
        self._given = []


def _is_one() -> bool:
    """Whether output and errors go to one place, so that their order means something."""
    try:
        output, errors = os.fstat(_OUTPUT), os.fstat(_ERRORS)
    except OSError:
        return False
    return (output.st_dev, output.st_ino, output.st_rdev) == (errors.st_dev, errors.st_ino, errors.st_rdev)


def has_terminal() -> bool:
    """Whether all three streams are a person's."""
    return all(os.isatty(stream) for stream in range(3))
