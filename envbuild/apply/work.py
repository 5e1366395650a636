"""One step while it is at work: its log, its folder, what is known of it by and by, and its record in the end."""

import datetime as dt
import os
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec

from envbuild.apply.log import Log
from envbuild.apply.making import Job, Task
from envbuild.errors import BuildError
from envbuild.plan import Step
from envbuild.record import Made, Record
from envbuild.version import __version__

_HINT = "check the folder's permissions and the space on its disk"


class Work:
    """What is to be done, what was built of it and what became of that are known one after the other."""

    job: Job
    draft: Any
    made: Made
    is_made = False

    def __init__(self, step: Step, task: Task, log: Log, started: dt.datetime) -> None:
        self.step = step
        self.task = task
        self.log = log
        self._started = started
        self._clock = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._clock

    def close(self) -> None:
        """Leave nothing open, and nothing in its folder, which may hold much; it may still be named, and recorded."""
        self.log.close()
        shutil.rmtree(self.task.folder, ignore_errors=True)

    def record(self, made: Made, seconds: float, commit: str, *, dirty: bool) -> Record:
        step, job = self.step, self.job
        return Record(
            environment=step.environment,
            version=version(step),
            fingerprint=job.fingerprint.text,
            builder=job.environment.builder,
            started=self._started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            manifest_path=job.environment.path,
            parts=job.whole_parts,
            manifest=job.manifest,
            lock=job.lock_text,
            artifacts=self.task.rendered(),
            commit=commit,
            dirty=dirty,
            seconds=round(seconds, 3),
            tool=__version__,
            log=str(self.log.path),
            reasons=step.reasons,
            sources=job.sources,
            **msgspec.structs.asdict(made),
        )


def version(step: Step) -> int:
    if step.version is None:
        raise BuildError(f"'{step.environment}' has no version to record")
    return step.version


def begun(step: Step, path: Path) -> Log:
    try:
        what = f"{step.action} {step.environment} {step.fingerprint} in process {os.getpid()}"
        return Log(path, f"envbuild {__version__}: {what}")
    except OSError as error:
        raise BuildError(f"the log cannot be written: {error.strerror}: {path}", hint=_HINT) from None


def refused(name: str, error: OSError) -> BuildError:
    """By the system, while a step was at work: mostly there is no space, or no right, for a file."""
    said = error.strerror or str(error) or type(error).__name__
    return BuildError(f"'{name}' cannot be built: {said}{f': {error.filename}' if error.filename else ''}", hint=_HINT)
