"""Runs that are at work are asked to end, and made to when their time for that is over."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

from envbuild.attending.holding import is_attending
from envbuild.attending.kept import command_of, is_at_work, is_held
from envbuild.errors import RefusedError
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

    def stop(self, found: tuple[Run, ...], seconds: float) -> tuple[Run, ...]:
        """As they are then; nothing is done to those that have ended."""
        asked = [run for run in found if run.status == "running"]
        for run in asked:
            self._ask(run)
        deaf = self._left(asked, seconds, f"it is made to end after {seconds:g} s")
        for run in deaf:
            self._end(run)
        attended = self._left(deaf, _LAST_SECONDS if deaf else 0)
        for run in attended:
            self._tell(run, signal.SIGKILL)
        if left := self._left(attended, _LAST_SECONDS if attended else 0):
            raise RefusedError(f"run {left[0].id} does not end", hint=f"look at process {left[0].pid}")
        return tuple(self._again(run) for run in found)

    def _ask(self, run: Run) -> None:
        """Whoever attends it passes it on, and remembers it; where nobody does, the command itself is asked."""
        if not self._tell(run, signal.SIGTERM) and self._again(run).status == "running":
            what = f"run {run.id} is at work, but nobody of it can be reached"
            hint = f"run 'envbuild runs stop {run.id}' on the machine where it is, as who began it"
            raise RefusedError(what, hint=hint)

    def _end(self, run: Run) -> None:
        """Its command alone, so that whoever attends it can tell of it; of a container that ends with it."""
        if run.container:
            engine(self._project).end(run.container)
        else:
            self._tell_command(run, signal.SIGKILL)

    def _tell(self, run: Run, number: int) -> bool:
        """Whoever attends it, alone; or else its command. Whether there was anybody."""
        folder = self._folder(run)
        if is_held(folder) and is_attending(run.pid, folder):
            with contextlib.suppress(OSError):
                os.kill(run.pid, number)
            return True
        return self._tell_command(run, number)

    def _tell_command(self, run: Run, number: int) -> bool:
        """With all that it has started, where it has a group to itself."""
        pid = command_of(self._folder(run))
        if pid is None:
            return False
        try:
            os.killpg(pid, number)
        except OSError:
            with contextlib.suppress(OSError):
                os.kill(pid, number)
        return True

    def _folder(self, run: Run) -> str:
        return str(self._runs.folder(run))

    def _again(self, run: Run) -> Run:
        return self._runs.one(str(run.id))

    def _left(self, asked: list[Run], seconds: float, waits: str = "") -> list[Run]:
        """Those of which anything is at work still when the time is over."""
        began = time.monotonic()
        while left := [run for run in asked if is_at_work(self._folder(run))]:
            took = time.monotonic() - began
            if took >= seconds:
                break
            if waits and took >= _QUIET_SECONDS:
                self._say(f"run {left[0].id}: {waits}")
                waits = ""
            time.sleep(min(_LOOK_SECONDS, seconds - took))
        return left
