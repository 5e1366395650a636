"""What one step of an apply needs, as plain values, and what a builder does with it: build, ship, test, name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec

from envbuild.fingerprint import Fingerprint, Part
from envbuild.lock import Lock
from envbuild.plan import Step
from envbuild.record import Made
from envbuild.resolve import Environment


class Job(msgspec.Struct, frozen=True):
    """Everything that one step needs, so that a worker asks nobody.

    `write` puts the context of an image into a folder, and gives its texts; `base` is the environment it starts from.
    `sources` are the texts that it is rendered from besides its manifest.
    """

    step: Step
    environment: Environment
    fingerprint: Fingerprint
    lock: Lock | None
    lock_text: str
    python_range: str
    files: dict[str, str]
    render: Callable[[], dict[str, str]]
    manifest: str
    base: str = ""
    write: Callable[[Path], None] | None = None
    sources: dict[str, str] | None = None

    @property
    def whole_parts(self) -> tuple[Part, ...]:
        """The parts with their whole content: the pins too, so that a later plan can say which of them moved."""
        pins = self.lock.pins if self.lock else {}
        return tuple(
            Part(part.name, part.digest, pins[platform].content)
            if part.stem == "dependencies" and (platform := part.name.partition("/")[2]) in pins
            else part
            for part in self.fingerprint.parts
        )


class Task(msgspec.Struct, frozen=True):
    """One step while it is at work: where it writes, what it says, and what others have made before it."""

    log: Path
    folder: Path
    say: Callable[[str], None]
    rendered: Callable[[], dict[str, str]]
    made: Callable[[str], Made | None]


class Maker(Protocol):
    """A builder as apply knows it. What is built may be shipped while other things are built, if it `ships` at all."""

    ships: bool

    def build(self, job: Job, task: Task) -> Any:
        """Whatever `ship` takes."""
        ...

    def ship(self, job: Job, task: Task, draft: Any) -> Made: ...

    def test(self, job: Job, task: Task, made: Made) -> None:
        """What the manifest says must hold of it, or an error: before it has any name that others may know."""
        ...

    def claim(self, job: Job, task: Task, made: Made) -> None:
        """What can be refused of what `name` gives, and moves nothing: the number that is nobody else's."""
        ...

    def name(self, job: Job, task: Task, made: Made) -> Made:
        """With the names that it is to have: only once it is certain that it is to be recorded."""
        ...
