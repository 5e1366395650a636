"""The steps of a build as an older buildx tells them (`--progress=plain`): its lines are the log."""

import re
from collections.abc import Callable

from envbuild.builders import ending
from envbuild.builders.steps import Step, Write
from envbuild.written import log_line

_LINE = re.compile(r"#(\d+) (.*)")
_TIMED = re.compile(r"\d+\.\d+ ")


class Plainly:
    """Hears the lines, writes them, and says which step begins."""

    def __init__(self, write: Write, say: Write, read: Callable[[str], str] = log_line) -> None:
        self._write = write
        self._say = say
        self._read = read
        self._steps: dict[int, Step] = {}
        self.text: list[str] = []

    @property
    def failed(self) -> Step | None:
        return next((step for step in self._steps.values() if step.has_failed), None)

    def hear(self, line: bytes) -> None:
        text = self._read(line.decode(errors="replace"))
        if not (found := _LINE.match(text)):
            self.text.append(text)
            return
        self._write(text)
        number, rest = int(found[1]), found[2]
        if number not in self._steps:
            self._begin(number, Step(rest))
        elif rest.startswith("ERROR: "):
            self._steps[number].error = rest.removeprefix("ERROR: ")
        elif timed := _TIMED.match(rest):
            self._steps[number].last.append(rest[timed.end() :])

    def _begin(self, number: int, step: Step) -> None:
        self._steps[number] = step
        if step.is_counted or step.name.startswith(("exporting", "pushing")):
            self._say(step.what)

    def close(self) -> None:
        """Write what is told behind all steps; these are written already."""
        for line in ending.rest(self.text):
            self._write(line)
        if not self.failed and (error := ending.error(self.text)):
            self._write(f"ERROR: {error}")
