"""The steps of one image's build: the log that they write, one after the other, and what is said while they run."""

import re
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from itertools import count

from envbuild.builders import ending
from envbuild.builders.solving import Reader, Said, Solve, Status, Vertex, Warned
from envbuild.written import log_line

LAST_LINES = 200
_AGAIN = 10
_LONGEST = 64 * 1024
_WAITING = 20_000
_SAY_SECONDS = 0.3
_SAID_LETTERS = 100
_UNITS = ("B", "kB", "MB", "GB")
_THOUSAND = 1000
# `[install 2/4] RUN …`, or `[linux/arm64 install 2/4] RUN …`
COUNTED = re.compile(r"\[(?:[^\]]* )?\d+/\d+\] (.*)", re.DOTALL)
_DIGEST = re.compile(r"[@ ]sha256:[0-9a-f]+")
_STOPPED = ("context canceled", "canceled")

Write = Callable[[str], None]


class Step:
    """One of them, its last lines, and what it waits to write while another one does."""

    def __init__(self, name: str) -> None:
        self.number = 0  # it gets one with its first line
        self.name = name
        self.error = ""
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self.waiting: list[str] = []
        self.is_running = False
        self.has_ended = False
        self.is_cached = False
        self.began: datetime | None = None
        self.partial: dict[int, bytes] = {}
        self.at: dict[str, Status] = {}

    @property
    def what(self) -> str:
        """Its instruction, without where it stands in its stage."""
        found = COUNTED.match(self.name)
        return found[1] if found else self.name

    @property
    def place(self) -> str:
        """Where it stands, which is told twice of one that another build has begun: BuildKit does it once for both."""
        return _DIGEST.sub("", self.name)

    @property
    def is_counted(self) -> bool:
        return bool(COUNTED.match(self.name))

    @property
    def has_failed(self) -> bool:
        """Whether it failed by itself, and was not ended because another one did."""
        return bool(self.error) and not self.error.endswith(_STOPPED)


class Steps:
    """Hears what BuildKit tells. Steps run side by side; what one writes waits until the log is at it."""

    def __init__(self, write: Write, say: Write, read: Callable[[str], str] = log_line) -> None:
        self._write = write
        self._say = say
        self._read = read
        self._steps: dict[str, Step] = {}
        self._begun: list[Step] = []
        self._current: Step | None = None
        self._last: Step | None = None
        self.failed: Step | None = None
        self._numbers = count(1)
        self._waiting = 0
        self._said = ("", "")
        self._said_at = 0.0
        self._reader = Reader(self._solve, self._add)
        self.text: list[str] = []

    def hear(self, line: bytes) -> None:
        self._reader.hear(line)

    def _add(self, line: bytes) -> None:
        self.text.append(self._read(line.decode(errors="replace")))

    def _solve(self, solve: Solve) -> None:
        for vertex in solve.vertexes or ():
            self._begin(vertex)
        for status in solve.statuses or ():
            self._note(status)
        for said in solve.logs or ():
            self._hear_said(said)
        for warned in solve.warnings or ():
            self._warn(warned)
        for vertex in solve.vertexes or ():
            self._end(vertex)
        self._tell()

    def close(self) -> None:
        """Write what still waits: what is told behind all steps, these, and what failed, so that it is read last."""
        self._reader.end()
        for line in ending.rest(self.text):
            self._write(line)
        for step in self._steps.values():
            self._flush(step)
        for step in self._begun:
            if step is not self.failed:
                self._show(step)
        if self.failed:
            self._show_failed(self.failed)
        elif error := ending.error(self.text):
            self._write(f"ERROR: {error}")

    def _show_failed(self, step: Step) -> None:
        """Its end again, where others have written since: what is read last is what matters."""
        if not step.waiting and self._last is not step:
            step.waiting = [*step.last][-_AGAIN:]
        step.waiting.append(f"ERROR: {step.error}")
        self._show(step)

    def _begin(self, vertex: Vertex) -> None:
        step = self._steps.get(vertex.digest)
        if step is None:
            name = self._read(" ".join(vertex.name.split()))
            step = self._steps[vertex.digest] = Step(name)
        if (vertex.started or vertex.cached) and step not in self._begun:
            self._begun.append(step)
        if vertex.started and not vertex.cached:
            step.is_running, step.began = vertex.completed is None, step.began or vertex.started

    def _end(self, vertex: Vertex) -> None:
        step = self._steps[vertex.digest]
        if not vertex.completed or step.is_running:
            return
        self._flush(step)
        error = vertex.error and self._read(" ".join(vertex.error.split()))
        if not step.has_ended or error:
            step.error, step.is_cached = error, vertex.cached
            if step.has_failed and not self.failed:
                self.failed = step
            else:
                self._put(step, _how(step, vertex))
            step.has_ended = True
        if step is self._current:
            self._next()

    def _note(self, status: Status) -> None:
        if step := self._steps.get(status.vertex):
            before = step.at.get(status.id)
            step.at[status.id] = status
            if status.completed and not (before and before.completed):
                amount = f" {_size(status.current)}" if status.current else ""
                took = f" {_seconds(status.started, status.completed):.1f}s" if status.started else ""
                self._put(step, self._read(f"{status.id}{amount}{took} done"))

    def _hear_said(self, said: Said) -> None:
        if not (step := self._steps.get(said.vertex)):
            return
        *lines, rest = (step.partial.pop(said.stream, b"") + said.data).split(b"\n")
        if len(rest) > _LONGEST:
            lines, rest = [*lines, rest], b""
        for line in lines:
            self._put_said(step, line, said.timestamp)
        if rest:
            step.partial[said.stream] = rest

    def _flush(self, step: Step) -> None:
        """The last line of a program may have no end."""
        while step.partial:
            _, line = step.partial.popitem()
            self._put_said(step, line, None)

    def _put_said(self, step: Step, line: bytes, when: datetime | None) -> None:
        text = self._read(line.decode(errors="replace"))
        step.last.append(text)
        self._put(step, f"{_seconds(step.began, when):.3f} {text}" if when else text)

    def _warn(self, warned: Warned) -> None:
        text = f"warning: {self._read(' '.join(warned.short.decode(errors='replace').split()))}"
        if step := self._steps.get(warned.vertex):
            self._put(step, text)
        else:
            self._write(text)

    def _put(self, step: Step, text: str) -> None:
        """A line of the log, now where it is the turn of its step; where too much waits, turns matter no more."""
        step.has_ended = False
        self._current = self._current or step
        step.waiting.append(text)
        self._waiting += 1
        if step is self._current:
            self._show(step)
        elif self._waiting > _WAITING:
            for other in self._steps.values():
                self._show(other)

    def _show(self, step: Step) -> None:
        if step.waiting and not step.number:
            step.number = next(self._numbers)
            self._write(f"#{step.number} {step.name}")
        self._last = step if step.waiting else self._last
        for text in step.waiting:
            self._write(f"#{step.number} {text}")
        self._waiting -= len(step.waiting)
        step.waiting = []

    def _next(self) -> None:
        """Those that have ended meanwhile are written whole, and the first that runs is followed."""
        self._current = None
        for step in self._begun:
            if step.waiting and self._current is None:
                self._show(step)
                self._current = step if step.is_running else None

    def _tell(self) -> None:
        """What is done now at once, how far it got now and then."""
        what, amount = told = self._progress()
        is_soon = time.monotonic() - self._said_at < _SAY_SECONDS
        if not what or told == self._said or (what == self._said[0] and is_soon):
            return
        self._said, self._said_at = told, time.monotonic()
        self._say(f"{what}, {amount}" if amount else what)

    def _progress(self) -> tuple[str, str]:
        """Of the step that began last, and is at something worth telling."""
        begun = list(dict.fromkeys(step.place for step in self._begun if step.is_counted))
        total = len({step.place for step in self._steps.values() if step.is_counted})
        for step in reversed(self._begun):
            what, amount = _work(step) if step.is_running else ("", "")
            if what:
                return (f"step {begun.index(step.place) + 1} of {total}: {what}" if step.is_counted else what), amount
        return "", ""


def _work(step: Step) -> tuple[str, str]:
    """What a step is at, and how far: its instruction and what it fetches, or what it does to the image."""
    at_work = [status for status in step.at.values() if not status.completed]
    if step.is_counted:
        what = _DIGEST.sub("", step.what)
        text = what if len(what) <= _SAID_LETTERS else f"{what[:_SAID_LETTERS]}…"
        return text, _amount([*step.at.values()]) if at_work else ""
    if step.name == "[internal] load build context":
        sent = sum(status.current for status in at_work)
        return ("sending files", _size(sent)) if sent else ("", "")
    if step.name.startswith(("exporting", "pushing")):
        stages = [_DIGEST.sub("", log_line(status.id)) for status in at_work if not status.total]
        return (stages or [step.name])[-1], _amount(at_work)
    return "", ""


def _amount(statuses: list[Status]) -> str:
    total = sum(status.total for status in statuses)
    if not total:
        return ""
    return f"{_size(sum(min(status.current, status.total) for status in statuses))} of {_size(total)}"


def _how(step: Step, vertex: Vertex) -> str:
    if vertex.error:
        return f"ERROR: {step.error}" if step.has_failed else "CANCELED"
    return "CACHED" if vertex.cached else f"DONE {_seconds(vertex.started, vertex.completed):.1f}s"


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return max(0.0, (end - start).total_seconds()) if start and end else 0.0


def _size(number: int) -> str:
    """Decimal, as registries count: `30.1 MB`."""
    amount, units = float(number), iter(_UNITS)
    unit = next(units)
    while amount >= _THOUSAND and unit != _UNITS[-1]:
        amount, unit = amount / _THOUSAND, next(units)
    return f"{number} B" if unit == "B" else f"{amount:.1f} {unit}"
