"""The workers of a service: started, given what is to be done, and replaced when they die, hang or are not ready."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from envbuild.serving.answer import refusal
from envbuild.serving.link import Job, Started, started
from envbuild.serving.words import READY, TEXT

if TYPE_CHECKING:
    from envbuild.serving.journal import Journal
    from envbuild.serving.metrics import Metrics
    from envbuild.serving.place import Place

STATES = ("starting", "ready", "busy", "waiting")
_LONGEST_WAIT = 60.0
_FINISH_SECONDS = 2.0
_DEPTH = 32
_STOPPING = "the server is stopping"


class Pool:
    """What waits is done in the order in which it came.

    Where there is one worker, the next requests lie in its socket already while it does one: it never waits for us.
    Of several workers one that is idle takes it, so that none waits behind one that takes long.
    """

    def __init__(self, place: Place, python: str, env: dict[str, str], journal: Journal, metrics: Metrics) -> None:
        self.place = place
        self.python = python
        self.env = env
        self.journal = journal
        self.metrics = metrics
        self.form, self.wants_headers = TEXT, False
        self.schemas: dict[str, Any] = {}
        self.trouble: dict[str, Any] = {}
        self.waiting: deque[Job] = deque()
        self._slots = [Slot(self, number + 1) for number in range(place.workers)]
        self._depth = _DEPTH if place.workers == 1 else 1
        self._sweeping = False
        self.is_ending = False

    def begin(self) -> None:
        for slot in self._slots:
            slot.begin()

    @property
    def is_ready(self) -> bool:
        return any(slot.is_ready for slot in self._slots)

    @property
    def states(self) -> dict[str, int]:
        found = Counter(slot.state for slot in self._slots)
        return {state: found[state] for state in STATES}

    def ask(self, head: bytes, body: bytes) -> Job:
        loop = asyncio.get_running_loop()
        job = Job(head, body, loop.create_future(), loop.time())
        for slot in self._slots:
            if slot.is_ready and len(slot.jobs) < self._depth and not self.waiting:
                slot.give(job)
                return job
        self.waiting.append(job)
        self._sweep_later()
        return job

    def feed(self, slot: Slot) -> None:
        while self.waiting and len(slot.jobs) < self._depth:
            job = self.waiting.popleft()
            if not job.answer.done():
                slot.give(job)

    def give_back(self, jobs: list[Job]) -> None:
        """What was not begun is for another one, before all that came later."""
        self.waiting.extendleft(reversed(jobs))
        for slot in self._slots:
            if slot.is_ready:
                self.feed(slot)
        self._sweep_later()

    def refuse_waiting(self, why: str) -> None:
        while self.waiting:
            self.waiting.popleft().reply(refusal(503, why))

    def _sweep_later(self) -> None:
        if self.waiting and not self._sweeping:
            self._sweeping = True
            loop = asyncio.get_running_loop()
            loop.call_later(max(0.05, self.waiting[0].since + self.place.limits.scoring - loop.time()), self._sweep)

    def _sweep(self) -> None:
        """What has waited as long as it may run is refused."""
        self._sweeping = False
        late = asyncio.get_running_loop().time() - self.place.limits.scoring
        while self.waiting and (self.waiting[0].since <= late or self.waiting[0].answer.done()):
            self.waiting.popleft().reply(refusal(503, "no worker was free in time"))
        self._sweep_later()

    async def end(self, *, at_once: bool = False) -> None:
        self.is_ending = True
        self.refuse_waiting(_STOPPING)
        await asyncio.gather(*(slot.end(0.0 if at_once else _FINISH_SECONDS) for slot in self._slots))


class Slot:
    """The place of one worker, whichever process has it."""

    def __init__(self, pool: Pool, number: int) -> None:
        self._pool = pool
        self._name = f"worker {number}"
        self._task: asyncio.Task[None] | None = None
        self._started: Started | None = None
        self._killing: asyncio.Task[None] | None = None
        self._is_told: asyncio.Future[bool] | None = None
        self._why = ""
        self._failures = 0
        self._is_watched = False
        self._has_answered = False
        self.state = "starting"
        self.jobs: deque[Job] = deque()

    def begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep())

    @property
    def is_ready(self) -> bool:
        return self.state in {"ready", "busy"}

    def give(self, job: Job) -> None:
        assert self._started  # noqa: S101 - only what is ready is given anything
        now = asyncio.get_running_loop().time()
        self.state = "busy"
        self._started.link.ask(job, now)
        self._watch(now)

    async def _keep(self) -> None:
        """One process after the other, with growing waits where they are of no use."""
        while True:
            await self._one()
            if self._pool.is_ending:
                return
            seconds = min(_LONGEST_WAIT, 2.0 ** (self._failures - 1)) if self._failures else 0.0
            self._pool.metrics.restarts[self._why] += 1
            if seconds:
                self.state = "waiting"
                self._pool.journal.say(f"{self._name} is started again in {seconds:.0f} s")
                await asyncio.sleep(seconds)

    async def _one(self) -> None:
        pool, loop = self._pool, asyncio.get_running_loop()
        self.state, self._why, self._has_answered = "starting", "died", False
        self._is_told, began = loop.create_future(), loop.time()
        try:
            self._started = await started(pool.python, pool.place, pool.env, self._told, self._answered)
        except OSError as error:
            self._unready(f"its Python cannot be started: {error.strerror}")
            return
        self.jobs = self._started.link.jobs
        ended = loop.create_task(self._started.ended())
        either: set[asyncio.Future[Any]] = {ended, self._is_told}
        await asyncio.wait(either, timeout=pool.place.limits.init, return_when="FIRST_COMPLETED")
        if self._is_told.done() and self._is_told.result():
            pool.journal.say(f"{self._name} is ready after {loop.time() - began:.1f} s")
        elif not ended.done() and not self._is_told.done():
            self._is_told.set_result(False)
            self._unready(f"init() took longer than {pool.place.limits.init:g} s")
            await self._started.kill()
        code = await ended
        self._gone(code)

    def _told(self, kind: bytes, head: dict[str, Any]) -> None:
        assert self._is_told  # noqa: S101 - nobody tells anything before
        if self._is_told.done():
            return
        if kind != READY:
            self._unready(head["message"], head["traceback"], is_told=True)
            self._is_told.set_result(False)
            return
        pool = self._pool
        pool.form, pool.wants_headers, pool.schemas = head["form"], head["headers"], head["schemas"]
        pool.trouble = {}
        self.state = "ready"
        self._is_told.set_result(True)
        pool.feed(self)

    def _unready(self, why: str, story: list[str] | None = None, *, is_told: bool = False) -> None:
        """Kept for who asks whether we are ready."""
        self._failures += 1
        self._why = "not ready"
        self._pool.trouble = {"message": why, **({"traceback": story} if story else {})}
        if not is_told:
            self._pool.journal.say(f"{self._name}: {why}", "error")
        if not self._pool.is_ready:
            self._pool.refuse_waiting(why)

    def _answered(self) -> None:
        self._failures, self._has_answered = 0, True
        self._pool.feed(self)
        if not self.jobs:
            self.state = "ready"

    def _watch(self, now: float) -> None:
        """One timer for all that it is given: it looks how long the first of them has been at it."""
        if self._is_watched or not self.jobs or not self._started:
            return
        self._is_watched = True
        wait = self.jobs[0].since + self._pool.place.limits.scoring - now
        asyncio.get_running_loop().call_later(max(0.001, wait), self._look, self._started)

    def _look(self, watched: Started) -> None:
        self._is_watched = False
        now, limit = asyncio.get_running_loop().time(), self._pool.place.limits.scoring
        if not self.is_ready or not self.jobs:
            return
        if watched is not self._started or now - self.jobs[0].since < limit:
            self._watch(now)
            return
        self.state, self._why = "waiting", "timed out"
        self._pool.journal.say(f"{self._name}: run() took longer than {limit:g} s; what it is at follows", "error")
        self.jobs[0].reply(refusal(504, f"run() took longer than {limit:g} s", failure=True))
        self._killing = asyncio.get_running_loop().create_task(watched.kill())

    def _gone(self, code: int) -> None:
        """What it had begun is not begun again; what lay behind that is for another one."""
        pool, was_ready = self._pool, self.is_ready or self._why == "timed out"
        self.state, self._started = "waiting", None
        jobs, self.jobs = list(self.jobs), deque()
        if not pool.is_ending and self._why == "died":
            pool.journal.say(f"{self._name} died: {ended_by(code)}", "error")
            if not was_ready:
                self._unready(f"the worker died before it was ready: {ended_by(code)}", is_told=True)
            elif not jobs and not self._has_answered:
                self._failures += 1
        if jobs:
            jobs[0].reply(refusal(502, f"the worker that ran this died: {ended_by(code)}", failure=True))
            pool.give_back(jobs[1:])

    async def end(self, seconds: float) -> None:
        if self._started:
            await self._started.finish(seconds)
        for job in self.jobs:
            job.reply(refusal(503, _STOPPING))
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})


def ended_by(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"signal {-code}"
