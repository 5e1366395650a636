"""A command is started, attended to its end, and told what we are told: keys, sizes, signals, that its time is up."""

import contextlib
import errno
import os
import select
import signal
import time

from envbuild.attending.asking import Question
from envbuild.attending.masking import Log
from envbuild.attending.streams import Channel, Ends, has_terminal
from envbuild.attending.terminal import Terminal, UnstartedError, Watched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Env = Mapping[bytes, bytes]

GRACE_SECONDS = 5.0
_LOOK_SECONDS = 0.2
_DAY_SECONDS = 86_400.0  # no system waits for any time at once
_KEYS = (signal.SIGINT, signal.SIGQUIT)
_ENDING = (*_KEYS, signal.SIGTERM, signal.SIGHUP)
_PASSED = (*_ENDING, signal.SIGUSR1, signal.SIGUSR2)  # the last two say what a command and its scheduler agree on
_BACK = [signal.SIGPIPE, signal.SIGXFSZ]  # which Python ignores, and no command should


def _nobody(_pid: int) -> None: ...


class Care:
    """What logs a command, how many seconds it has, the words that end what it starts elsewhere, who learns its pid."""

    def __init__(
        self,
        log: Log | None,
        seconds: float | None,
        ending: "Sequence[str]" = (),
        began: "Callable[[int], None]" = _nobody,
    ) -> None:
        self.log = log
        self.seconds = seconds
        self.ending = ending
        self.began = began


class Outcome:
    """How it ended: as `waitpid` has it, and what had come to it or to us before."""

    def __init__(self, status: int, *, interrupted: bool, ended_by: int, timed_out: bool) -> None:
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        self.code = 128 + self.signal if self.signal else os.WEXITSTATUS(status)
        self.interrupted = interrupted
        self.ended_by = ended_by
        self.timed_out = timed_out


def program(name: str, path: str) -> str:
    """Where a command is, by the PATH that it is to have."""
    if "/" in name:
        return name
    found = [f"{folder or '.'}/{name}" for folder in path.split(os.pathsep)]
    for place in found:
        if os.access(place, os.X_OK) and os.path.isfile(place):  # noqa: PTH113 - no pathlib, as in this room
            return place
    number = errno.EACCES if any(map(os.path.isfile, found)) else errno.ENOENT
    raise UnstartedError(number, os.strerror(number), name)


class Plain:
    """A command without a terminal of its own; it shares our keys, where we have any, else it has a group to itself."""

    def __init__(self, place: str, words: "list[bytes]", env: "Env", ends: Ends) -> None:
        self.is_apart = not _has_keys()
        actions = [(os.POSIX_SPAWN_DUP2, ends.output, 1), (os.POSIX_SPAWN_DUP2, ends.errors, 2)]
        group = {"setpgroup": 0} if self.is_apart else {}
        try:
            self.pid = os.posix_spawn(place, words, env, file_actions=actions, setsigdef=_BACK, **group)  # type: ignore[arg-type]
        except OSError as error:
            raise UnstartedError(error.errno, error.strerror, place) from None
        ends.close_given()

    def send(self, number: int) -> None:
        with contextlib.suppress(OSError):
            (os.killpg if self.is_apart else os.kill)(self.pid, number)

    def ended(self) -> int | None:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return status if pid else None


def _has_keys() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class Attention:
    """One loop over all that may happen; signals are passed on at once, also while somebody does not read."""

    def __init__(self, care: Care, env: "Mapping[str, str]") -> None:
        self._log = care.log
        self._ending = care.ending
        self._env = env
        self._began = care.began
        self._ends_at = None if care.seconds is None else time.monotonic() + care.seconds
        self._interrupted, self._ended_by, self._timed_out = False, 0, False
        self._before: dict[int, object] = {}
        self._woken, self._wakes = os.pipe()
        for end in (self._woken, self._wakes):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)
        self._on((signal.SIGCHLD,), lambda _number: None)

    def _on(self, numbers: "Sequence[int]", act: "Callable[[int], None]") -> None:
        """What is ignored stays so, as for whoever was started with nohup."""
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before = signal.signal(number, lambda came, _frame: act(came))
                self._before.setdefault(number, before)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self._woken)
        os.close(self._wakes)

    def plain(self, place: str, words: "list[bytes]", env: "Env", ends: Ends) -> Outcome:
        child = Plain(place, words, env, ends)
        self._began(child.pid)

        def passed(number: int) -> None:
            """A terminal sends its keys to the command as well."""
            self._note(number)
            if child.is_apart or number not in _KEYS:
                child.send(number)

        self._on(_PASSED, passed)
        self._on((signal.SIGWINCH,), lambda _number: ends.resize())
        status = child.ended()
        while status is None:
            self._wait(ends.channels, child.send)
            status = child.ended()
        if self._timed_out and child.is_apart:
            child.send(signal.SIGKILL)  # what it has started, and was not heard by
        self._drain(ends.channels)
        return self._outcome(status)

    def terminal(self, place: str, words: "list[bytes]", env: "Env") -> Outcome:
        own = Terminal()
        child = Watched(own, place, words, env)
        self._began(child.group)
        channel = Channel(own.master, 1, lingers=True)

        def passed(number: int) -> None:
            self._note(number)
            child.send(number)

        self._on((*_PASSED, signal.SIGTSTP), passed)
        self._on((signal.SIGWINCH,), lambda _number: own.resize())
        status = None
        try:
            while status is None:
                own.take()
                ready = self._wait([channel], child.send, own, child.told)
                if child.told in ready:
                    status = self._told(child, own)
            if self._timed_out:
                child.send(signal.SIGKILL)
            self._drain([channel])
        finally:
            own.give_back()
            channel.close()
            child.close()
        return self._outcome(status)

    def _told(self, child: Watched, own: Terminal) -> int | None:
        for kind, number in child.events() or [("E", signal.SIGKILL)]:  # its watcher was killed, and so is all of it
            if kind == "E":
                return number
            if kind == "T":
                _suspend(own)
                own.resize()
                child.send(signal.SIGCONT)
        return None

    def _note(self, number: int) -> None:
        if number == signal.SIGINT:
            self._interrupted = True
        elif number in _ENDING:
            self._ended_by = number

    def _outcome(self, status: int) -> Outcome:
        """What it only spoke for may go on without it: that is ended, too."""
        found = Outcome(status, interrupted=self._interrupted, ended_by=self._ended_by, timed_out=self._timed_out)
        if self._ending and (found.signal or found.ended_by or found.timed_out):
            Question(self._ending, self._env).answer()
        return found

    def _wait(
        self, channels: "Sequence[Channel]", send: "Callable[[int], None]", own: Terminal | None = None, told: int = -1
    ) -> "set[int]":
        """Until something is there; what is written is passed on. Gives the ends that have something to say."""
        watch = select.poll()
        sources = {one.source: one for one in channels if one.is_open}
        for source in (*sources, self._woken, *([told] if own else []), *([0] if own and own.is_taken else [])):
            watch.register(source, select.POLLIN)
        if own and own.has_typed and own.master in sources:
            watch.register(own.master, select.POLLIN | select.POLLOUT)
        events = dict(watch.poll(self._patience(own)))
        if self._woken in events:
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 4096)
        for source, event in events.items():
            if source in sources and event & ~select.POLLOUT:
                sources[source].pass_on(self._log)
        if own and own.has_typed:
            own.hand_on()
        if own and 0 in events and own.typed():
            self._interrupted = True
        self._hurry(send)
        return set(events)

    def _patience(self, own: Terminal | None) -> int | None:
        """In milliseconds; nobody tells us that we are in the foreground again, so that is looked at."""
        left = None if self._ends_at is None else max(0.0, self._ends_at - time.monotonic())
        if own and not own.is_taken:
            left = min(left, _LOOK_SECONDS) if left is not None else _LOOK_SECONDS
        return None if left is None else int(min(left, _DAY_SECONDS) * 1000) + 1

    def _hurry(self, send: "Callable[[int], None]") -> None:
        """Asked to end when its time is up, and made to a little later; first what it only speaks for."""
        if self._ends_at is None or time.monotonic() < self._ends_at:
            return
        self._ends_at = time.monotonic() + GRACE_SECONDS
        if not self._timed_out:
            self._timed_out = True
            send(signal.SIGTERM)
            send(signal.SIGCONT)
        elif self._ending:
            Question(self._ending, self._env)
            self._ending = ()
        else:
            send(signal.SIGKILL)

    def _drain(self, channels: "Sequence[Channel]") -> None:
        """What it has written; what outlives it, and goes on writing, is not waited for."""
        for one in channels:
            watch = select.poll()
            if one.is_open:
                watch.register(one.source, select.POLLIN)
            while one.is_open and watch.poll(_LOOK_SECONDS * 1000 if one.lingers else 0) and one.pass_on(self._log):
                pass
            one.close()


def _suspend(own: Terminal) -> None:
    """All of our job, as the command is: whoever started it sees it stopped, and may let it go on."""
    own.give_back()
    before = signal.getsignal(signal.SIGTSTP)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)
    own.take()


def attended(
    words: "Sequence[str]",
    env: "Mapping[str, str]",
    care: Care,
    *,
    silent: bool = False,
) -> Outcome:
    """To its end; UnstartedError where it cannot be started."""
    place = program(words[0], env.get("PATH", os.defpath))
    encoded = [_encoded(word) for word in words]
    given = {_encoded(name): _encoded(value) for name, value in env.items()}
    attention = Attention(care, env)
    try:
        if not silent and has_terminal():
            return attention.terminal(place, encoded, given)
        ends = Ends(silent=silent)
        try:
            return attention.plain(place, encoded, given, ends)
        finally:
            ends.close_given()
    finally:
        attention.close()


def _encoded(text: str) -> bytes:
    """As UTF-8, whatever the locale says: a manifest's text is the same on every machine."""
    return text.encode("utf-8", "surrogateescape")
