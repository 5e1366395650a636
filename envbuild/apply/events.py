"""What is told while work goes on. docs/events.md says how a program reads it; its words are a contract."""

from collections.abc import Callable
from typing import Literal

import msgspec

from envbuild.errors import EnvbuildError

Work = Literal["lock", "build", "pull"]
Kind = Literal["begin", "started", "progress", "done", "failed", "skipped", "end"]


class Ahead(msgspec.Struct, frozen=True):
    """One thing to do: what it waits for, and how many seconds it may take, if anything is known of that."""

    environment: str
    action: str
    after: tuple[str, ...] = ()
    expected: float | None = None


class Event(msgspec.Struct, frozen=True):
    """One thing that happened. `begin` and `end` are about the work as a whole, all others about one environment."""

    kind: Kind
    environment: str = ""
    text: str = ""
    work: Work = "build"
    seconds: float = 0.0
    size: int = 0
    log: str = ""
    tail: tuple[str, ...] = ()
    error: EnvbuildError | None = None
    ahead: tuple[Ahead, ...] = ()
    jobs: int = 1


Tell = Callable[[Event], None]
