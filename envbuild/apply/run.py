"""One apply: steps in order and in parallel, each recorded once it has finished."""

import contextlib
import datetime as dt
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import msgspec

from envbuild import __version__
from envbuild.apply.events import Ahead, Event, Tell
from envbuild.apply.log import End, Log
from envbuild.apply.making import Job, Maker, Task
from envbuild.apply.order import Order
from envbuild.errors import BuildError, EnvbuildError
from envbuild.plan import Plan, Step
from envbuild.process import Interrupted
from envbuild.record import Made, Record
from envbuild.state import State


class Site(msgspec.Struct, frozen=True):
    """Where it all happens, and who makes what: by the names of builders. `stop` ends all that is at work."""

    makers: Mapping[str, Maker]
    state: State
    stop: Callable[[], None]
    log_path: Callable[[str], Path]
    folder: Callable[[str], Path]
    commit: str
    dirty: bool


class Pace(msgspec.Struct, frozen=True):
    """How many are built, and how many shipped, at a time; whether the first failure ends it, and undoes all names.

    What is `atomic` is named and recorded only when everything has been made.
    """

    builds: int
    ships: int = 4
    fail_fast: bool = False
    atomic: bool = False


class Summary(msgspec.Struct, frozen=True):
    done: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]


def apply(
    plan: Plan,
    job_of: Callable[[Step], Job],
    site: Site,
    on_event: Tell,
    pace: Pace,
) -> Summary:
    """Do every change of the plan; what does not depend on a failure is built all the same."""
    clock = time.monotonic()
    on_event(Event("begin", ahead=_ahead(plan.changes, site.state), jobs=pace.builds))
    pools = ThreadPoolExecutor(1), ThreadPoolExecutor(pace.builds), ThreadPoolExecutor(pace.ships)
    with pools[0] as aside, pools[1] as builds, pools[2] as ships:
        run = _Run(plan.changes, job_of, site, on_event, aside, pace)
        try:
            run.all(builds, ships)
        except BaseException:
            run.stopping = True
            site.stop()
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


class _Work:
    """One step while it is at work: what is known of it comes by and by."""

    job: Job
    draft: Any
    made: Made
    is_made = False

    def __init__(self, step: Step, log: Log, task: Task, clock: float) -> None:
        self.step = step
        self.log = log
        self.task = task
        self.clock = clock
        self.started = _now()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.clock

    def close(self) -> None:
        self.log.close()
        shutil.rmtree(self.task.folder, ignore_errors=True)


class _Run:
    """One apply: what is built or shipped, is done, failed or was left."""

    def __init__(
        self,
        steps: tuple[Step, ...],
        job_of: Callable[[Step], Job],
        site: Site,
        on_event: Tell,
        aside: ThreadPoolExecutor,
        pace: Pace,
    ) -> None:
        self.aside = aside
        self.order = Order(steps)
        self.job_of = job_of
        self.site = site
        self.on_event = on_event
        self.pace = pace
        self.stopping = False
        self.made: dict[str, Made] = {}
        self.waiting: list[_Work] = []
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self.skipped: set[str] = set()

    def all(self, builds: ThreadPoolExecutor, ships: ThreadPoolExecutor) -> None:
        ready = self.order.first()
        running: dict[Future[_Work], str] = {}
        while ready or running:
            for name in ready:
                running[builds.submit(self._build, self.order.steps[name])] = name
            ready = []
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                name = running.pop(future)
                if future.exception() or future.result().is_made:
                    ready += self._finished(name, future)
                else:
                    running[ships.submit(self._ship, future.result())] = name
        self._settle_all()

    def _finished(self, name: str, future: Future[_Work]) -> list[str]:
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

    def _build(self, step: Step) -> _Work:
        work = self._begun(step)
        with self._guarded(work):
            work.job = self.job_of(step)
            render = self.aside.submit(work.job.render)  # while other programs are at work
            work.task = msgspec.structs.replace(work.task, rendered=render.result)
            work.draft = self._maker(work.job).build(work.job, work.task)
        return work if self._maker(work.job).ships else self._ship(work)

    def _ship(self, work: _Work) -> _Work:
        with self._guarded(work):
            work.made = self._maker(work.job).ship(work.job, work.task, work.draft)
            self._maker(work.job).test(work.job, work.task, work.made)
            work.is_made = True
            self.made[work.step.environment] = work.made
            if self.pace.atomic:
                self.waiting.append(work)
            else:
                self._settle(work)
        return work

    def _settle_all(self) -> None:
        """What was made is named, and recorded, if all of it could be made."""
        for work in sorted(self.waiting, key=lambda work: work.step.environment):
            if self.failed or self.skipped:
                self.done.discard(work.step.environment)
                work.log.end(End("interrupted"))
                work.close()
                self._leave({work.step.environment}, "made, and not named, since another one failed")
                continue
            try:
                with self._guarded(work):
                    self._settle(work)
            except EnvbuildError:
                self.done.discard(work.step.environment)
                self.failed.add(work.step.environment)

    def _settle(self, work: _Work) -> None:
        made = self._maker(work.job).name(work.job, work.task, work.made)
        seconds = work.seconds
        self._remember(work, made, seconds)
        work.log.end(End("done", seconds, work.step.version))
        work.close()
        done = Event("done", work.step.environment, made.reference, seconds=seconds, size=made.size)
        self.on_event(msgspec.structs.replace(done, log=str(work.log.path)))

    def _maker(self, job: Job) -> Maker:
        return self.site.makers[job.environment.builder]

    def _begun(self, step: Step) -> _Work:
        if self.stopping:
            raise Interrupted
        name, clock, started = step.environment, time.monotonic(), _now()
        self.on_event(Event("started", name, step.action))
        try:
            log = self._log(step, started)
        except EnvbuildError as error:
            self._tell_failure(name, error, clock)
            raise
        task = Task(
            log=log.path,
            folder=self.site.folder(f"{name}/{started.strftime('%H%M%S.%f')}"),
            say=lambda text: self.on_event(Event("progress", name, text)),
            rendered=dict,
            made=self.made.get,
        )
        return _Work(step, log, task, clock)

    @contextlib.contextmanager
    def _guarded(self, work: _Work) -> Iterator[None]:
        """Whatever ends it is told in its log, and what it has put aside is taken away."""
        try:
            yield
        except Interrupted:
            work.log.end(End("interrupted"))
            work.close()
            raise
        except EnvbuildError as error:
            tail = work.log.tail()
            work.log.end(End("failed", work.seconds), str(error))
            work.close()
            self._tell_failure(work.step.environment, error, work.clock, log=str(work.log.path), tail=tail)
            raise
        except BaseException:
            work.close()
            raise

    def _tell_failure(self, name: str, error: EnvbuildError, clock: float, **known: Any) -> None:
        self.stopping = self.stopping or self.pace.fail_fast
        self.on_event(Event("failed", name, str(error), seconds=time.monotonic() - clock, error=error, **known))

    def _log(self, step: Step, started: dt.datetime) -> Log:
        path = self.site.log_path(f"{step.environment}/{started.strftime('%Y%m%dT%H%M%S.%fZ')}.log")
        try:
            what = f"{step.action} {step.environment} {step.fingerprint} in process {os.getpid()}"
            return Log(path, f"envbuild {__version__}: {what}")
        except OSError as error:
            hint = "check the folder's permissions and the space on its disk"
            raise BuildError(f"the log cannot be written: {error.strerror}: {path}", hint=hint) from None

    def _remember(self, work: _Work, made: Made, seconds: float) -> None:
        step, job = work.step, work.job
        if step.version is None:
            raise BuildError(f"'{step.environment}' has no version to record")
        if step.version == step.previous_version:
            self.site.state.restored(step.environment, step.version, made)
            return
        record = Record(
            environment=step.environment,
            version=step.version,
            fingerprint=job.fingerprint.text,
            builder=job.environment.builder,
            started=work.started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            manifest_path=job.environment.path,
            parts=job.whole_parts,
            manifest=job.manifest,
            lock=job.lock_text,
            artifacts=work.task.rendered(),
            commit=self.site.commit,
            dirty=self.site.dirty,
            seconds=round(seconds, 3),
            tool=__version__,
            log=str(work.log.path),
            reasons=step.reasons,
            **msgspec.structs.asdict(made),
        )
        self.site.state.record(record)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
