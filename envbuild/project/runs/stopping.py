"""Runs that are at work are asked to end, and made to when their time for that is over."""

import math
import os
import signal
import time
from collections.abc import Callable, Sequence

from envbuild.attending.kept import command_of, is_attending, is_held
from envbuild.errors import EnvbuildError, Problems, RefusedError
from envbuild.project.front import Project
from envbuild.project.runs.ran import Runs
from envbuild.project.shop import engine
from envbuild.runs import Run

_QUIET_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_LAST_SECONDS = 5.0


class Stopping:
    """`say` is told what is waited for, once that takes long."""

    def __init__(self, project: Project, runs: Runs, say: Callable[[str], None]) -> None:
        self._project = project
        self._runs = runs
        self._say = say
        self._commands: dict[int, int] = {}  # of each run the process that was at work when it was asked
        self._alone: set[int] = set()  # those that nobody attends

    def stop(self, found: tuple[Run, ...], seconds: float) -> tuple[Run, ...]:
        """As they are then; nothing is done to those that have ended."""
        refused: list[EnvbuildError] = []
        asked: list[Run] = []
        for run in found:
            if run.status == "running" and self._ask(run):
                asked.append(run)
            elif run.status == "running":
                refused.append(_unreachable(run))
        deaf = self._left(asked, self._goes_on, seconds, f"it is made to end after {seconds:g} s")
        for run in asked:
            if run in deaf or (run.container and run.id in self._alone):  # which outlives who speaks for it
                self._end(run)
        for run in self._left(deaf, self._goes_on, _LAST_SECONDS):
            self._tell_command(run, signal.SIGKILL)
        refused += map(_endless, self._left(deaf, self._is_at_work, _LAST_SECONDS))
        if refused:
            raise Problems(refused)
        self._left(asked, self._is_kept, math.inf, "what it has left is being kept")
        return tuple(self._again(run) for run in found)

    def _ask(self, run: Run) -> bool:
        """Whoever attends it passes it on, and remembers it; where nobody does, the command itself is asked."""
        folder = self._folder(run)
        command = command_of(folder)
        if command is not None:
            self._commands[run.id] = command
        if is_held(folder) and is_attending(run.pid, folder):
            return _sent(os.kill, run.pid, signal.SIGTERM)
        self._alone.add(run.id)
        return self._tell_command(run, signal.SIGTERM) or self._again(run).status != "running"

    def _end(self, run: Run) -> None:
        """Its command alone, so that whoever attends it can tell of it; of a container that ends with it."""
        if run.container:
            engine(self._project).end(run.container)
        else:
            self._tell_command(run, signal.SIGKILL)

    def _tell_command(self, run: Run, number: int) -> bool:
        """With all that it has started, where it has a group to itself."""
        pid = self._commands.get(run.id)
        return pid is not None and _sent(os.killpg if _is_group(pid) else os.kill, pid, number)

    def _is_at_work(self, run: Run) -> bool:
        return command_of(self._folder(run)) is not None

    def _goes_on(self, run: Run) -> bool:
        """Its command, or what that has started."""
        return self._is_at_work(run) or (run.id in self._commands and _is_group(self._commands[run.id]))

    def _is_kept(self, run: Run) -> bool:
        return is_held(self._folder(run))

    def _folder(self, run: Run) -> str:
        return str(self._runs.folder(run))

    def _again(self, run: Run) -> Run:
        return self._runs.one(str(run.id))

    def _left(self, asked: Sequence[Run], goes_on: Callable[[Run], bool], seconds: float, waits: str = "") -> list[Run]:
        """Those of which that holds still when the time is over."""
        started = time.monotonic()
        while left := [run for run in asked if goes_on(run)]:
            took = time.monotonic() - started
            if took >= seconds:
                break
            if waits and took >= _QUIET_SECONDS:
                self._say(f"run {left[0].id}: {waits}")
                waits = ""
            time.sleep(min(_LOOK_SECONDS, seconds - took))
        return left


def _is_group(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except OSError:
        return False
    return True


def _sent(send: Callable[[int, int], None], pid: int, number: int) -> bool:
    """Whether it may be; who is suspended hears it, too."""
    try:
        send(pid, number)
        send(pid, signal.SIGCONT)
    except PermissionError:
        return False
    except ProcessLookupError:
        pass
    return True


def _unreachable(run: Run) -> RefusedError:
    what = f"run {run.id} is at work, but nobody of it can be reached"
    hint = f"run 'envbuild runs stop {run.id}' on the machine where it is, as who began it"
    return RefusedError(what, hint=hint)


def _endless(run: Run) -> RefusedError:
    return RefusedError(f"run {run.id} does not end", hint=f"look at process {run.pid}")
