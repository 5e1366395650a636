"""One apply: steps in order and in parallel, each recorded once it has finished."""

import contextlib
import datetime as dt
import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import msgspec

from envbuild import __version__
from envbuild.apply.events import Ahead, Event, Tell
from envbuild.apply.log import End, Log
from envbuild.apply.order import Order
from envbuild.builders import local
from envbuild.builders.target import Target, Tools
from envbuild.errors import BuildError, EnvbuildError
from envbuild.fingerprint import Fingerprint, Part, is_tied
from envbuild.lock import Lock, Pins
from envbuild.plan import Plan, Step
from envbuild.process import Interrupted, Programs
from envbuild.record import Record
from envbuild.resolve import Environment
from envbuild.state import State


class Job(msgspec.Struct, frozen=True):
    """Everything that one step needs, so that a worker asks nobody."""

    step: Step
    environment: Environment
    fingerprint: Fingerprint
    lock: Lock | None
    lock_text: str
    python_range: str
    files: dict[str, str]
    render: Callable[[], dict[str, str]]
    manifest: str


class Site(msgspec.Struct, frozen=True):
    """Where it all happens."""

    tools: Tools
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
    on_event: Tell,
    *,
    parallel: int,
    fail_fast: bool,
) -> Summary:
    """Do every change of the plan; what does not depend on a failure is built all the same."""
    clock = time.monotonic()
    on_event(Event("begin", ahead=_ahead(plan.changes, site.state), jobs=parallel))
    with ThreadPoolExecutor(1) as aside, ThreadPoolExecutor(max_workers=max(1, parallel)) as pool:
        run = _Run(plan.changes, job_of, site, on_event, aside, fail_fast=fail_fast)
        try:
            run.all(pool)
        except BaseException:
            run.stopping = True
            site.programs.stop()
            site.tools.rattler.stop()
            raise
    on_event(Event("end", seconds=time.monotonic() - clock))
    return Summary(tuple(sorted(run.done)), tuple(sorted(run.failed)), tuple(sorted(run.skipped)))


def _ahead(steps: tuple[Step, ...], state: State) -> tuple[Ahead, ...]:
    """What is to be done, each with how long it took before, or else how long others take."""
    known, typical = state.seconds(tuple(step.environment for step in steps))
    return tuple(
        Ahead(
            step.environment,
            step.action,
            step.after,
            0.0 if step.action == "adopt" else known.get(step.environment, typical),
        )
        for step in steps
    )


class _Run:
    """One apply: what runs, is done, failed or was left."""

    def __init__(
        self,
        steps: tuple[Step, ...],
        job_of: Callable[[Step], Job],
        site: Site,
        on_event: Tell,
        aside: ThreadPoolExecutor,
        *,
        fail_fast: bool,
    ) -> None:
        self.aside = aside
        self.order = Order(steps)
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
        try:
            log = self._log(step, started)
        except EnvbuildError as error:
            self._tell_failure(name, error, clock)
            raise
        with contextlib.closing(log):
            try:
                job = self.job_of(step)
                rendered = self.aside.submit(job.render).result  # while other programs are at work
                reference = self._build(job, log.path, rendered)
                seconds = time.monotonic() - clock
                self._remember(job, reference, rendered(), log.path, started, seconds)
                log.end(End("done", seconds, step.version))
            except Interrupted:
                log.end(End("interrupted"))
                raise
            except EnvbuildError as error:
                tail = log.tail()
                log.end(End("failed", time.monotonic() - clock), str(error))
                self._tell_failure(name, error, clock, log=str(log.path), tail=tail)
                raise
        self.on_event(Event("done", name, reference, seconds=seconds, log=str(log.path)))

    def _tell_failure(self, name: str, error: EnvbuildError, clock: float, **known: Any) -> None:
        self.stopping = self.stopping or self.fail_fast
        self.on_event(Event("failed", name, str(error), seconds=time.monotonic() - clock, error=error, **known))

    def _log(self, step: Step, started: dt.datetime) -> Log:
        path = self.site.log_path(f"{step.environment}/{started.strftime('%Y%m%dT%H%M%S.%fZ')}.log")
        try:
            what = f"{step.action} {step.environment} {step.fingerprint} in process {os.getpid()}"
            return Log(path, f"envbuild {__version__}: {what}")
        except OSError as error:
            hint = "check the folder's permissions and the space on its disk"
            raise BuildError(f"the log cannot be written: {error.strerror}: {path}", hint=hint) from None

    def _build(self, job: Job, log: Path, rendered: Callable[[], dict[str, str]]) -> str:
        name = job.step.environment
        target = Target(
            environment=job.environment,
            fingerprint=job.fingerprint.text,
            python=job.lock.head.python if job.lock else "",
            python_range=job.python_range,
            pins=self._pins(job),
            files=job.files,
            rendered=rendered,
            log=log,
            say=lambda text: self.on_event(Event("progress", name, text)),
            checkout=str(self.site.tools.root) if is_tied(job.fingerprint.parts) else "",
        )
        return local.build(target, self.site.tools)

    def _pins(self, job: Job) -> Pins | None:
        return job.lock.pins.get(self.site.platform) if job.lock else None

    def _remember(
        self, job: Job, reference: str, artifacts: dict[str, str], log: Path, started: dt.datetime, seconds: float
    ) -> None:
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
            artifacts=artifacts,
            python=local.python_patch(reference),
            commit=self.site.commit,
            dirty=self.site.dirty,
            seconds=round(seconds, 3),
            tool=__version__,
            log=str(log),
            reasons=job.step.reasons,
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
