"""Runs that are at work are asked to end, and made to when their time for that is over."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable

from envbuild.attending.holding import holders
from envbuild.attending.kept import is_held
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
            _send([run.pid] if run.pid in self._holders(run) else [], signal.SIGKILL)
        if left := self._left(attended, _LAST_SECONDS if attended else 0):
            raise RefusedError(f"run {left[0].id} does not end", hint=f"look at process {left[0].pid}")
        return tuple(self._again(run) for run in found)

    def _ask(self, run: Run) -> None:
        """Whoever attends it passes it on, and remembers it; where nobody does, the command itself is asked."""
        at = self._holders(run)
        if not at and self._again(run).status == "running":
            what = f"run {run.id} is at work, but nobody of it can be reached"
            hint = f"run 'envbuild runs stop {run.id}' on the machine where it is, as who began it"
            raise RefusedError(what, hint=hint)
        _send([run.pid] if run.pid in at else at, signal.SIGTERM)

    def _end(self, run: Run) -> None:
        """Its command alone, so that whoever attends it can tell of it."""
        if run.container:
            engine(self._project).end(run.container)
        _send([pid for pid in self._holders(run) if pid != run.pid], signal.SIGKILL)

    def _holders(self, run: Run) -> tuple[int, ...]:
        found = holders(str(self._runs.folder(run)))
        return (run.pid,) if found is None else found

    def _again(self, run: Run) -> Run:
        return self._runs.one(str(run.id))

    def _left(self, asked: list[Run], seconds: float, waits: str = "") -> list[Run]:
        """Those of which anything is at work still when the time is over."""
        began = time.monotonic()
        while left := [run for run in asked if is_held(str(self._runs.folder(run)))]:
            took = time.monotonic() - began
            if took >= seconds:
                break
            if waits and took >= _QUIET_SECONDS:
                self._say(f"run {left[0].id}: {waits}")
                waits = ""
            time.sleep(min(_LOOK_SECONDS, seconds - took))
        return left


def _send(pids: Iterable[int], number: int) -> None:
    """A command that has a group to itself is told with all that it started."""
    for pid in pids:
        with contextlib.suppress(OSError):
            (os.killpg if os.getpgid(pid) == pid else os.kill)(pid, number)
