"""Plan -> Records: builds in order and in parallel, records only what finished, tells of it as events."""

import datetime as dt
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Literal

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

if TYPE_CHECKING:
    from networkx import DiGraph

Kind = Literal["started", "progress", "done", "failed", "skipped"]


class Event(msgspec.Struct, frozen=True):
    kind: Kind
    environment: str
    text: str = ""
    seconds: float = 0.0
    log: str = ""
    tail: tuple[str, ...] = ()
    error: EnvbuildError | None = None


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

    tools: local.Tools
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
    plan: Plan,
    job_of: Callable[[Step], Job],
    site: Site,
    on_event: Callable[[Event], None],
    *,
    parallel: int,
    fail_fast: bool,
) -> Summary:
    """Do every change of the plan; what does not depend on a failure is built all the same."""
    run = _Run(plan.changes, job_of, site, on_event, fail_fast=fail_fast)
    with ThreadPoolExecutor(max_workers=max(1, parallel)) as pool:
        try:
            run.all(pool)
        except BaseException:
            run.stopping = True
            site.programs.stop()
            raise
    return Summary(tuple(sorted(run.done)), tuple(sorted(run.failed)), tuple(sorted(run.skipped)))


class _Order:
    """Which steps wait for which. Only where a step waits at all is a graph made: importing networkx takes a while."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = {step.environment: step for step in steps}
        self._before = {step.environment: {one for one in step.after if one in self.steps} for step in steps}
        self._graph = self._made() if any(self._before.values()) else None

    def _made(self) -> "DiGraph[str]":
        from networkx import DiGraph

        edges = ((before, name) for name, befores in self._before.items() for before in befores)
        return DiGraph(edges)

    def first(self) -> list[str]:
        return [name for name, before in self._before.items() if not before]

    def next(self, done: str) -> list[str]:
        """What waited for this step alone."""
        freed = []
        for name in self._graph.successors(done) if self._graph is not None and done in self._graph else ():
            self._before[name].discard(done)
            if not self._before[name]:
                freed.append(name)
        return freed

    def behind(self, lost: str) -> set[str]:
        """Everything that can no longer be done."""
        if self._graph is None or lost not in self._graph:
            return set()
        from networkx import descendants

        return descendants(self._graph, lost)


class _Run:
    """One apply: what runs, is done, failed or was left."""

    def __init__(
        self,
        steps: tuple[Step, ...],
        job_of: Callable[[Step], Job],
        site: Site,
        on_event: Callable[[Event], None],
        *,
        fail_fast: bool,
    ) -> None:
        self.order = _Order(steps)
        self.job_of = job_of
        self.site = site
        self.on_event = on_event
        self.fail_fast = fail_fast
        self.stopping = False
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self.skipped: set[str] = set()

    def all(self, pool: ThreadPoolExecutor) -> None:
        ready = self.order.first()
        running: dict[Future[None], str] = {}
        while ready or running:
            for name in ready:
                running[pool.submit(self._step, self.order.steps[name])] = name
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            ready = [name for future in finished for name in self._finished(running.pop(future), future)]

    def _finished(self, name: str, future: Future[None]) -> list[str]:
        """What may begin now."""
        error = future.exception()
        if error is None:
            self.done.add(name)
            return self.order.next(name)
        if isinstance(error, Interrupted):
            self._leave({name, *self.order.behind(name)}, "stopped at the first failure")
        elif isinstance(error, EnvbuildError):
            self.failed.add(name)
            self._leave(self.order.behind(name), f"{name} failed")
        else:
            raise error
        return []

    def _leave(self, names: set[str], why: str) -> None:
        for name in sorted(names - self.skipped):
            self.skipped.add(name)
            self.on_event(Event("skipped", name, why))

    def _step(self, step: Step) -> None:
        if self.stopping:
            raise Interrupted
        name, started, clock = step.environment, _now(), time.monotonic()
        self.on_event(Event("started", name, step.action))
        log: Path | None = None
        try:
            log = self._log(step, started)
            job = self.job_of(step)
            reference = self._build(job, log)
            seconds = time.monotonic() - clock
            self._remember(job, reference, log, started, seconds)
        except EnvbuildError as error:
            tail = _close(log, error) if log else ()
            self.stopping = self.stopping or self.fail_fast
            self.on_event(Event("failed", name, str(error), time.monotonic() - clock, str(log or ""), tail, error))
            raise
        self.on_event(Event("done", name, reference, seconds, str(log)))

    def _log(self, step: Step, started: dt.datetime) -> Path:
        log = self.site.log_path(f"{step.environment}/{started.strftime('%Y%m%dT%H%M%S.%fZ')}.log")
        try:
            log.write_text(
                f"envbuild {__version__}: {step.action} {step.environment} {step.fingerprint}\n", encoding="utf-8"
            )
        except OSError as error:
            hint = "check the folder's permissions and the space on its disk"
            raise BuildError(f"the log cannot be written: {error.strerror}: {log}", hint=hint) from None
        return log

    def _build(self, job: Job, log: Path) -> str:
        name = job.step.environment
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
        return local.build(target, self.site.tools)

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


def _close(log: Path, error: EnvbuildError) -> tuple[str, ...]:
    """End a log with what went wrong; gives the last lines before that."""
    tail = _tail(log)
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"{error}\n")
    return tail


_TAIL_LINES = 10
_TAIL_BYTES = 8192


def _tail(log: Path) -> tuple[str, ...]:
    """The last lines that programs wrote, without our own first one."""
    with log.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES))
        lines = stream.read().decode(errors="replace").splitlines()
    return tuple(lines[1:][-_TAIL_LINES:])
