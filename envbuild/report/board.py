"""What is known of an apply or a lock while it works, from its events alone; what time it is is told by who asks."""

import heapq
from typing import Literal

import msgspec

from envbuild.apply import Ahead, Event, Work

Ending = Literal["done", "failed", "skipped"]
_ENDINGS: tuple[Ending, ...] = ("done", "failed", "skipped")
_EXACT = 500  # with more steps than these ahead, a sum is as good an estimate as their order


class Running(msgspec.Struct, frozen=True):
    environment: str
    since: float
    text: str
    expected: float | None


class Waiting(msgspec.Struct, frozen=True):
    """What has not begun; `after` names what of it has to be done first and is not."""

    environment: str
    after: tuple[str, ...]


class Board:
    """Takes events in the order in which they happen."""

    def __init__(self) -> None:
        self.work: Work = "build"
        self.ahead: dict[str, Ahead] = {}
        self.running: dict[str, Running] = {}
        self.ended: dict[str, Event] = {}
        self.jobs = 1
        self.working = False
        self._ends_at: float | None = None

    def take(self, event: Event, now: float) -> None:
        match event.kind:
            case "begin":
                self._begin(event)
            case "started":
                ahead = self.ahead.get(event.environment)
                expected = ahead.expected if ahead else None
                self.running[event.environment] = Running(event.environment, now, event.text, expected)
            case "progress":
                if one := self.running.get(event.environment):
                    self.running[event.environment] = msgspec.structs.replace(one, text=event.text)
            case "done" | "failed" | "skipped":
                self.running.pop(event.environment, None)
                self.ended[event.environment] = event
            case "end":
                self.working = False
        if event.kind != "progress":
            self._ends_at = self._estimated(now)

    def _begin(self, event: Event) -> None:
        self.work, self.jobs, self.working = event.work, event.jobs, True
        self.ahead = {one.environment: one for one in event.ahead}
        self.running = {}
        self.ended = {name: one for name, one in self.ended.items() if name not in self.ahead}

    def count(self, ending: Ending) -> int:
        """Of the work that goes on now."""
        return sum(self.ended[name].kind == ending for name in self.ended.keys() & self.ahead.keys())

    @property
    def over(self) -> int:
        return sum(self.count(ending) for ending in _ENDINGS)

    @property
    def waiting(self) -> list[Waiting]:
        unfinished = self.ahead.keys() - self.ended.keys()
        return [
            Waiting(one.environment, tuple(name for name in one.after if name in unfinished))
            for one in self.ahead.values()
            if one.environment in unfinished and one.environment not in self.running
        ]

    def left(self, now: float) -> float | None:
        """How many seconds it may still take; None where nothing is known, or where the estimate was wrong."""
        return self._ends_at - now if self.working and self._ends_at is not None and self._ends_at > now else None

    def _estimated(self, now: float) -> float | None:
        """When the last one ends if each takes as long as it did before."""
        unfinished = [one for one in self.ahead.values() if one.environment not in self.ended]
        known = [(one, one.expected) for one in unfinished if one.expected is not None]
        if len(known) < len(unfinished) or not known:
            return None
        if len(known) > _EXACT:
            return now + sum(seconds for _, seconds in known) / self.jobs
        ends = {
            name: max(now, one.since + (one.expected or 0.0))
            for name, one in self.running.items()
            if name in self.ahead
        }
        return max(self._scheduled(now, ends, [(one, took) for one, took in known if one.environment not in ends]))

    def _scheduled(self, now: float, ends: dict[str, float], waiting: list[tuple[Ahead, float]]) -> list[float]:
        """Each begins when a worker is free and all that it waits for has ended."""
        free = sorted(ends.values())[-self.jobs :]
        free = [now] * (self.jobs - len(free)) + free
        heapq.heapify(free)
        pending = {one.environment for one, _ in waiting}
        while waiting:
            ready = [(one, took) for one, took in waiting if not pending & set(one.after)] or waiting
            for one, took in ready:
                start = max([heapq.heappop(free), *(ends.get(name, now) for name in one.after)])
                ends[one.environment] = start + took
                heapq.heappush(free, start + took)
            pending -= {one.environment for one, _ in ready}
            waiting = [(one, took) for one, took in waiting if one.environment in pending]
        return list(ends.values())
