"""One apply: steps in order and in parallel, each recorded once it has finished."""

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import msgspec

from envbuild.apply.events import Ahead, Event, Tell
from envbuild.apply.log import End
from envbuild.apply.making import Job, Maker, Task
from envbuild.apply.order import Order
from envbuild.apply.work import Work, begun, refused, version
from envbuild.errors import EnvbuildError
from envbuild.plan import Plan, Step
from envbuild.process import Interrupted
from envbuild.record import Made
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
    lost: Collection[str] = (),
) -> Summary:
    """Do every change of the plan; what does not depend on a failure is built all the same.

    What is `lost` has failed before this, and that has been told.
    """
    clock = time.monotonic()
    ahead = tuple(step for step in plan.changes if step.environment not in lost)
    on_event(Event("begin", ahead=_ahead(ahead, site.state), jobs=pace.builds))
    aside, builds, ships = ThreadPoolExecutor(1), ThreadPoolExecutor(pace.builds), ThreadPoolExecutor(pace.ships)
    run = _Run(plan.changes, job_of, site, on_event, aside, pace)
    with contextlib.closing(run), aside, builds, ships:
        try:
            run.all(builds, ships, lost)
        except BaseException:
            run.goes_on = False
            for pool in (builds, ships):
                pool.shutdown(wait=False, cancel_futures=True)
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
        self.begins = True  # not any more where the first failure ends it; what has begun then is shipped and named
        self.goes_on = True  # not any more once somebody wants to stop, or we have met a bug of ours
        self.unheard: OSError | None = None
        self.at_work: dict[str, Work] = {}
        self.made: dict[str, Made] = {}
        self.waiting: list[Work] = []
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self.skipped: set[str] = set()

    def all(self, builds: ThreadPoolExecutor, ships: ThreadPoolExecutor, lost: Collection[str]) -> None:
        self._lose(*lost)
        ready = [name for name in self.order.first() if name not in lost]
        running: dict[Future[Work], str] = {}
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

    def _finished(self, name: str, future: Future[Work]) -> list[str]:
        """What may begin now."""
        error = future.exception()
        if error is None:
            self.done.add(name)
            return self.order.next(name)
        if isinstance(error, Interrupted):
            self._leave({name, *self.order.behind(name)}, "stopped at the first failure")
        elif isinstance(error, EnvbuildError):
            self._lose(name)
        else:
            raise error
        return []

    def _lose(self, *names: str) -> None:
        self.failed.update(names)
        for name in names:
            self._leave(self.order.behind(name), f"{name} failed")

    def _leave(self, names: set[str], why: str) -> None:
        for name in sorted(names - self.skipped - self.failed):
            self.skipped.add(name)
            self._tell(Event("skipped", name, why))

    def _build(self, step: Step) -> Work:
        work = self._begun(step)
        with self._guarded(work):
            work.job = self.job_of(step)
            render = self.aside.submit(work.job.render)  # while other programs are at work
            work.task = msgspec.structs.replace(work.task, rendered=render.result)
            work.draft = self._maker(work.job).build(work.job, work.task)
        return work if self._maker(work.job).ships else self._ship(work)

    def _ship(self, work: Work) -> Work:
        with self._guarded(work):
            maker = self._going_on(work)
            work.made = maker.ship(work.job, work.task, work.draft)
            self._going_on(work).test(work.job, work.task, work.made)
            work.is_made = True
            self.made[work.step.environment] = work.made
            if self.pace.atomic:
                work.close()
                self.waiting.append(work)
            else:
                self._settle(work)
        return work

    def _settle_all(self) -> None:
        """What was made is named, and recorded, if all of it could be made, and has its number."""
        waiting = sorted(self.waiting, key=lambda work: work.step.environment)
        if not (self.failed or self.skipped):
            waiting = [work for work in waiting if self._could(work, self._claim)]
        for work in waiting:
            if self.failed or self.skipped:
                self.done.discard(work.step.environment)
                self._end(work, End("interrupted"))
                self._leave({work.step.environment}, "made, and not named, since another one failed")
                continue
            self._could(work, self._settle)

    def _could(self, work: Work, turn: Callable[[Work], None]) -> bool:
        try:
            with self._guarded(work):
                turn(work)
        except EnvbuildError:
            self.done.discard(work.step.environment)
            self.failed.add(work.step.environment)
            return False
        return True

    def _claim(self, work: Work) -> None:
        self._going_on(work).claim(work.job, work.task, work.made)

    def _settle(self, work: Work) -> None:
        made = self._going_on(work).name(work.job, work.task, work.made)
        seconds = work.seconds
        self._remember(work, made, seconds)
        self._end(work, End("done", seconds, work.step.version))
        done = Event("done", work.step.environment, made.reference, seconds=seconds, size=made.size)
        self._tell(msgspec.structs.replace(done, log=str(work.log.path)))

    def _maker(self, job: Job) -> Maker:
        return self.site.makers[job.environment.builder]

    def _going_on(self, work: Work) -> Maker:
        """Who takes the next turn of a step, unless somebody wants to stop."""
        if not self.goes_on:
            raise Interrupted
        return self._maker(work.job)

    def _begun(self, step: Step) -> Work:
        if not (self.begins and self.goes_on):
            raise Interrupted
        name, started = step.environment, dt.datetime.now(dt.UTC)
        self._tell(Event("started", name, step.action))
        try:
            folder = self.site.folder(f"{name}/{started.strftime('%H%M%S.%f')}")
            log = begun(step, self.site.log_path(f"{name}/{started.strftime('%Y%m%dT%H%M%S.%fZ')}.log"))
        except EnvbuildError as error:
            self._tell_failure(name, error, 0.0)
            raise
        task = Task(
            log=log.path,
            folder=folder,
            say=lambda text: self._tell(Event("progress", name, text)),
            rendered=dict,
            made=self.made.get,
        )
        self.at_work[name] = Work(step, task, log, started)
        return self.at_work[name]

    def _end(self, work: Work, how: End, error: str = "") -> None:
        work.log.end(how, error)
        work.close()
        self.at_work.pop(work.step.environment, None)

    def close(self) -> None:
        """What was left where it stood, since somebody wanted to stop, says so in its log."""
        for work in tuple(self.at_work.values()):
            self._end(work, End("interrupted"))

    @contextlib.contextmanager
    def _guarded(self, work: Work) -> Iterator[None]:
        """Whatever ends it is told in its log, and what it has put aside is taken away."""
        try:
            with self._in_words(work.step.environment):
                yield
        except Interrupted:
            self._end(work, End("interrupted"))
            raise
        except EnvbuildError as error:
            tail = work.log.tail()
            self._end(work, End("failed", work.seconds), str(error))
            self._tell_failure(work.step.environment, error, work.seconds, log=str(work.log.path), tail=tail)
            raise
        except BaseException:
            self.goes_on = False  # said here, so that nobody takes the next turn before the others hear of it
            raise

    @contextlib.contextmanager
    def _in_words(self, name: str) -> Iterator[None]:
        """A file that cannot be had is this step's misfortune; that nobody hears us any more is everybody's."""
        try:
            yield
        except OSError as error:
            if error is self.unheard:
                raise
            raise refused(name, error) from None

    def _tell(self, event: Event) -> None:
        try:
            self.on_event(event)
        except OSError as error:
            self.unheard = error
            raise

    def _tell_failure(self, name: str, error: EnvbuildError, seconds: float, **known: Any) -> None:
        self.begins = self.begins and not self.pace.fail_fast
        self._tell(Event("failed", name, str(error), seconds=seconds, error=error, **known))

    def _remember(self, work: Work, made: Made, seconds: float) -> None:
        step, state = work.step, self.site.state
        if step.version == step.previous_version and not step.registered:
            state.restored(step.environment, version(step), made)
            return
        record = work.record(made, seconds, self.site.commit, dirty=self.site.dirty)
        if step.registered:
            state.built(record, step.registered)
        else:
            state.record(record)
