"""What BuildKit tells while it solves: its status, line by line, as values (buildx's `--progress=rawjson`)."""

from collections.abc import Callable
from datetime import datetime

import msgspec

from envbuild.typed import from_json


class Vertex(msgspec.Struct, frozen=True):
    """A step, known by its digest; it may start and end more than once."""

    digest: str
    name: str = ""
    started: datetime | None = None
    completed: datetime | None = None
    cached: bool = False
    error: str = ""


class Status(msgspec.Struct, frozen=True):
    """Something that a step is at: a layer that is fetched or pushed, files that are sent."""

    id: str
    vertex: str
    current: int = 0
    total: int = 0
    started: datetime | None = None
    completed: datetime | None = None


class Said(msgspec.Struct, frozen=True):
    """What the program of a step has written: any piece of it."""

    vertex: str
    timestamp: datetime
    stream: int = 0
    data: bytes = b""


class Warned(msgspec.Struct, frozen=True):
    vertex: str = ""
    short: bytes = b""


class Solve(msgspec.Struct, frozen=True):
    """All that is new."""

    vertexes: list[Vertex] | None = None
    statuses: list[Status] | None = None
    logs: list[Said] | None = None
    warnings: list[Warned] | None = None


class Reader:
    """Tells what is status from what is text: some versions of buildx write a value on one line, some on many."""

    def __init__(self, solve: Callable[[Solve], None], text: Callable[[bytes], None]) -> None:
        self._solve = solve
        self._text = text
        self._lines: list[bytes] = []

    def hear(self, line: bytes) -> None:
        if not self._lines and not line.startswith(b"{"):
            self._text(line)
            return
        self._lines.append(line)
        if line == b"}" or (len(self._lines) == 1 and line.endswith(b"}")):
            self._read()

    def end(self) -> None:
        """What was begun and never finished is text."""
        if self._lines:
            self._read()

    def _read(self) -> None:
        lines, self._lines = self._lines, []
        try:
            solved = from_json(b"\n".join(lines), Solve)
        except msgspec.DecodeError:
            for line in lines:
                self._text(line)
        else:
            self._solve(solved)
