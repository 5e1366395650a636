"""A command in a terminal of its own, between the person's terminal and it: what is typed and seen is what it would be.

It stands in a session of its own, whose first process only watches it: without somebody of that session above it, the
system would not let it be suspended.
"""

import contextlib
import errno
import fcntl
import os
import signal
import termios
import tty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    Event = tuple[str, int]

_INPUT, _OUTPUT, _ERRORS = range(3)
_MODES = 3  # where `tcgetattr` has the local modes
_SIGNS = 6  # and the control characters
_SIZE = b"\0" * 8
_BLOCK = 1 << 16
_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTTOU)  # which Python, or we ourselves, ignore


def copy_size(source: int, target: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, _SIZE))


class UnstartedError(OSError):
    """The command itself could not be started; everything else that is wrong is ours."""


class Terminal:
    """The person's terminal, which is ours while we are in its foreground, and the command's own."""

    def __init__(self) -> None:
        self._saved = termios.tcgetattr(_INPUT)
        self.master, self.slave = os.openpty()
        termios.tcsetattr(self.slave, termios.TCSANOW, self._saved)
        os.set_blocking(self.master, False)
        self.is_taken = False
        self._typed = b""
        self.resize()

    def resize(self) -> None:
        copy_size(_OUTPUT, self.master)

    def take(self) -> None:
        """Each key as it is pressed, where we are in the foreground."""
        with contextlib.suppress(OSError, termios.error):
            if not self.is_taken and os.tcgetpgrp(_INPUT) == os.getpgrp():
                tty.setraw(_INPUT, termios.TCSADRAIN)
                self.is_taken = True

    def give_back(self) -> None:
        if self.is_taken:
            self.is_taken = False
            with contextlib.suppress(termios.error):
                termios.tcsetattr(_INPUT, termios.TCSADRAIN, self._saved)

    def typed(self) -> bool:
        """Hand on what was typed; whether that was Ctrl-C, and the command has not taken that for a key."""
        try:
            data = os.read(_INPUT, _BLOCK)
        except OSError:
            data = b""
        if not data:
            self.is_taken = False  # the terminal is gone, and cannot be given back
            return False
        modes = termios.tcgetattr(self.master)
        self._typed += data
        self.hand_on()
        return bool(modes[_MODES] & termios.ISIG) and modes[_SIGNS][termios.VINTR] in data

    @property
    def has_typed(self) -> bool:
        return bool(self._typed)

    def hand_on(self) -> None:
        try:
            self._typed = self._typed[os.write(self.master, self._typed) :]
        except BlockingIOError:
            pass
        except OSError:
            self._typed = b""


class Watched:
    """The command's process group, and what its watcher tells of it."""

    def __init__(self, terminal: Terminal, program: str, words: "list[bytes]", env: "Mapping[bytes, bytes]") -> None:
        self.told, told = os.pipe()
        self._watcher = os.fork()
        if not self._watcher:
            _watch(terminal.slave, told, (program, words, env))
        os.close(told)
        os.close(terminal.slave)
        self._rest = b""
        self.group = 0
        for kind, number in self._first():
            if kind == "X":
                os.waitpid(self._watcher, 0)
                raise UnstartedError(number, os.strerror(number), program)
            self.group = number

    def _first(self) -> "list[Event]":
        """Its group; and its error, where it could not be run."""
        found = self.events()
        while not any(kind in "XR" for kind, _ in found):
            found += self.events() or [("X", errno.EIO)]
        return [one for one in found if one[0] != "R"]

    def events(self) -> "list[Event]":
        """A letter and a number each; nothing more comes behind E."""
        data = os.read(self.told, _BLOCK)
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [(line[:1].decode(), int(line[1:])) for line in whole]

    def send(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.group, number)

    def close(self) -> None:
        os.close(self.told)
        with contextlib.suppress(OSError):
            os.waitpid(self._watcher, 0)


def _watch(slave: int, told: int, command: "tuple[str, list[bytes], Mapping[bytes, bytes]]") -> "NoReturn":
    """The first process of the session; of ours it keeps nothing open."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD, signal.SIGWINCH, signal.SIGCONT):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for stream in (_INPUT, _OUTPUT, _ERRORS):
            os.dup2(slave, stream)
        _close_but(told)
        child = _started(told, command)
        while True:
            _, status = os.waitpid(child, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            _tell(told, "T", os.WSTOPSIG(status))
        _tell(told, "E", status)
    finally:
        os._exit(0)


def _started(told: int, command: "tuple[str, list[bytes], Mapping[bytes, bytes]]") -> int:
    """In a group of its own, in the foreground of the terminal before it is run."""
    program, words, env = command
    ready, run = os.pipe()
    child = os.fork()
    if child:
        _tell(told, "G", child)
        os.close(run)
        failed = os.read(ready, 16)
        _tell(told, "X" if failed else "R", int(failed or b"0"))
        return child
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        os.tcsetpgrp(_INPUT, os.getpid())
        for number in _DEFAULT:
            signal.signal(number, signal.SIG_DFL)
        os.execve(program, words, env)  # noqa: S606 - words, and no shell
    except OSError as error:
        os.write(run, b"%d" % (error.errno or errno.EIO))
    finally:
        os._exit(127)


def _tell(told: int, kind: str, number: int) -> None:
    with contextlib.suppress(OSError):
        os.write(told, b"%s%d\n" % (kind.encode(), number))


def _close_but(kept: int) -> None:
    most = os.sysconf("SC_OPEN_MAX")
    os.closerange(_ERRORS + 1, kept)
    os.closerange(kept + 1, min(most, 1 << 16) if most > 0 else 1 << 16)
