"""Plan -> Records: builds in order and in parallel, records only what finished, tells of it as events."""

import datetime as dt
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Literal

import msgspec

from envbuild import __version__
from envbuild.builders import local
from envbuild.errors import BuildError, EnvbuildError
from envbuild.fingerprint import Fingerprint, Part
from envbuild.lock import Lock, Pins
from envbuild.plan import Plan, Step
from envbuild.process import Interrupted, Programs
from envbuild.record import Record
from envbuild.resolve import Environment
from envbuild.state import State

Kind = Literal["started", "progress", "done", "failed", "skipped"]


class Event(msgspec.Struct, frozen=True):
    kind: Kind
    environment: str
    text: str = ""
    seconds: float = 0.0
    log: str = ""
    tail: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """Everything that one step needs, so that a worker asks nobody."""

    step: Step
    environment: Environment
    fingerprint: Fingerprint
    lock: Lock | None
    lock_text: str
    python_range: str
    files: dict[str, str]
    artifacts: dict[str, str]
    manifest: str


class Site(msgspec.Struct, frozen=True):
    """Where it all happens."""

    place: local.Place
    state: State
    programs: Programs
    log_path: Callable[[str], Path]
    platform: str
    machine: str
    commit: str
    dirty: bool


class Summary(msgspec.Struct, frozen=True):
    done: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]


def apply(
    plan: Plan, jobs: dict[str, Job], site: Site, on_event: Callable[[Event], None], *, parallel: int, fail_fast: bool
) -> Summary:
    """Do every change of the plan; what does not depend on a failure is built all the same."""
    run = _Run(plan, jobs, site, on_event, fail_fast=fail_fast)
    with ThreadPoolExecutor(max_workers=max(1, parallel)) as pool:
        try:
            run.all(pool)
        except BaseException:
            run.stopping = True
            site.programs.stop()
            raise
    return Summary(tuple(sorted(run.done)), tuple(sorted(run.failed)), tuple(sorted(run.skipped)))


class _Run:
    """One apply: which steps wait, run, are done, failed or were skipped."""

    def __init__(
        self, plan: Plan, jobs: dict[str, Job], site: Site, on_event: Callable[[Event], None], *, fail_fast: bool
    ) -> None:
        self.waiting = {step.environment: step for step in plan.changes}
        self.jobs = jobs
        self.site = site
        self.on_event = on_event
        self.fail_fast = fail_fast
        self.stopping = False
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self.skipped: set[str] = set()

    def all(self, pool: ThreadPoolExecutor) -> None:
        running: dict[Future[None], str] = {}
        while self.waiting or running:
            for name in self._ready():
                running[pool.submit(self._step, self.jobs[name])] = name
            done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                self._finished(running.pop(future), future)
            self._skip()

    def _ready(self) -> list[str]:
        ready = [name for name, step in self.waiting.items() if all(self._settled(other) for other in step.after)]
        for name in ready:
            del self.waiting[name]
        return ready

    def _settled(self, name: str) -> bool:
        return name in self.done or name not in self.jobs

    def _finished(self, name: str, future: Future[None]) -> None:
        error = future.exception()
        if error is None:
            self.done.add(name)
        elif isinstance(error, EnvbuildError):
            self.failed.add(name)
            self.stopping = self.stopping or self.fail_fast
        elif isinstance(error, Interrupted):
            self._leave(name, "stopped at the first failure")
        else:
            raise error

    def _skip(self) -> None:
        """What waits for something that failed is not begun; after the first failure nothing is, if so asked."""
        lost = self.failed | self.skipped
        for name, step in list(self.waiting.items()):
            broken = [other for other in step.after if other in lost]
            if broken or self.stopping:
                del self.waiting[name]
                self._leave(name, f"{broken[0]} failed" if broken else "stopped at the first failure")

    def _leave(self, name: str, why: str) -> None:
        self.skipped.add(name)
        self.on_event(Event("skipped", name, why))

    def _step(self, job: Job) -> None:
        if self.stopping:
            raise Interrupted
        name, started, clock = job.step.environment, _now(), time.monotonic()
        log = self.site.log_path(f"{name}/{started.strftime('%Y%m%dT%H%M%S.%fZ')}.log")
        self.on_event(Event("started", name, job.step.action))
        try:
            reference = self._build(job, log)
            seconds = time.monotonic() - clock
            self._remember(job, reference, log, started, seconds)
        except EnvbuildError as error:
            tail = _tail(log)
            _close(log, error)
            self.on_event(Event("failed", name, str(error), time.monotonic() - clock, str(log), tail))
            raise
        self.on_event(Event("done", name, reference, seconds, str(log)))

    def _build(self, job: Job, log: Path) -> str:
        name = job.step.environment
        log.write_text(f"envbuild {__version__}: {job.step.action} {name} {job.fingerprint.text}\n")
        target = local.Target(
            environment=job.environment,
            fingerprint=job.fingerprint.text,
            python=job.lock.head.python if job.lock else "",
            python_range=job.python_range,
            pins=self._pins(job),
            files=job.files,
            log=log,
            say=lambda text: self.on_event(Event("progress", name, text)),
        )
        return local.build(target, self.site.place)

    def _pins(self, job: Job) -> Pins | None:
        return job.lock.pins.get(self.site.platform) if job.lock else None

    def _remember(self, job: Job, reference: str, log: Path, started: dt.datetime, seconds: float) -> None:
        if job.step.version is None:
            raise BuildError(f"'{job.step.environment}' has no version to record")
        if job.step.previous == job.fingerprint.text:
            self.site.state.restored(job.step.environment, job.step.version, reference, local.python_patch(reference))
            return
        record = Record(
            environment=job.step.environment,
            version=job.step.version,
            fingerprint=job.fingerprint.text,
            builder=job.environment.builder,
            platform=self.site.platform,
            machine=self.site.machine,
            reference=reference,
            started=started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            manifest_path=job.environment.path,
            parts=self._parts(job),
            manifest=job.manifest,
            lock=job.lock_text,
            artifacts=job.artifacts,
            python=local.python_patch(reference),
            commit=self.site.commit,
            dirty=self.site.dirty,
            seconds=round(seconds, 3),
            tool=__version__,
            log=str(log),
        )
        self.site.state.record(record)

    def _parts(self, job: Job) -> tuple[Part, ...]:
        """The parts with their whole content: the pins too, so that a later plan can say which of them moved."""
        pins = self._pins(job)
        return tuple(
            Part(part.name, part.digest, pins.content) if part.stem == "dependencies" and pins else part
            for part in job.fingerprint.parts
        )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _close(log: Path, error: EnvbuildError) -> None:
    with log.open("a") as stream:
        stream.write(f"{error}\n")


_TAIL_LINES = 10
_TAIL_BYTES = 8192


def _tail(log: Path) -> tuple[str, ...]:
    """The last lines that programs wrote, without our own first one."""
    with log.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES))
        lines = stream.read().decode(errors="replace").splitlines()
    return tuple(lines[1:][-_TAIL_LINES:])
