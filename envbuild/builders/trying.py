"""What a manifest says that must hold of what was built: each thing by its line, tried in a prefix or in an image."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from envbuild.document import PREFIX, Sequence
from envbuild.errors import BuildError, EnvbuildError, Place
from envbuild.lock import Lock
from envbuild.resolve import Environment
from envbuild.written import log_line

Kind = Literal["import", "command", "file"]
_KEYS: dict[str, Kind] = {"imports": "import", "commands": "command", "files": "file"}
_LAST_LINES = 10
_ENDINGS = {126: "it may not be run", 127: "there is no such command"}
# A module is an argument, so that none of its characters is code. One that is not there is told in a line.
IMPORT = """\
import importlib, sys
try:
    importlib.import_module(sys.argv[1])
except ModuleNotFoundError as error:
    if not f"{sys.argv[1]}.".startswith(f"{error.name}."):
        raise
    sys.exit(f"ModuleNotFoundError: {error}")
"""


class Trial(msgspec.Struct, frozen=True):
    """One thing that must hold, and the line of the manifest that says so; `key` is as `test.imports[0]`."""

    kind: Kind
    what: str
    key: str
    where: Place


class Tried(msgspec.Struct, frozen=True):
    """How that went; `problem` is empty where it holds, and `said` are its last lines."""

    trial: Trial
    seconds: float
    problem: str = ""
    said: tuple[str, ...] = ()

    @property
    def has_passed(self) -> bool:
        return not self.problem


class Subject(msgspec.Struct, frozen=True):
    """Whose tests are run: as its manifest has them now, with what was locked for what was built."""

    environment: Environment
    lock: Lock | None
    log: Path
    say: Callable[[str], None]


class Bench(Protocol):
    """Where things are tried: what is run there tells each line of what it says."""

    def imports(self, module: str, hear: Callable[[bytes], None]) -> int: ...

    def command(self, text: str, hear: Callable[[bytes], None]) -> int: ...

    def has(self, path: str) -> bool: ...


def trials(environment: Environment) -> tuple[Trial, ...]:
    """In the order in which they are tried: imports, commands, files."""
    return tuple(trial for key, kind in _KEYS.items() for trial in _of(environment, key, kind))


def _of(environment: Environment, key: str, kind: Kind) -> Iterator[Trial]:
    node = environment.node("test", key)
    places = [item.place for item in node.items] if isinstance(node, Sequence) else []
    stated: tuple[str, ...] = getattr(environment.keys.test, key)
    for at, (what, where) in enumerate(zip(stated, places, strict=True)):
        yield Trial(kind, what, f"test.{key}[{at}]", where)


def tried(subject: Subject, bench: Bench) -> Iterator[Tried]:
    """All of them, also after one has failed: whoever mends a manifest wants to know of each."""
    every = trials(subject.environment)
    for number, trial in enumerate(every, 1):
        subject.say(f"test {number} of {len(every)}")
        with subject.log.open("a", encoding="utf-8", errors="replace", buffering=1) as stream:
            stream.write(f"$ {log_line(f'{trial.key}: {trial.what}')}\n")
            yield _tried(trial, bench, stream.write)


def _tried(trial: Trial, bench: Bench, write: Callable[[str], object]) -> Tried:
    said: list[str] = []

    def hear(line: bytes) -> None:
        text = log_line(line.decode(errors="replace"))
        write(f"{text}\n")
        said.append(text)
        del said[:-_LAST_LINES]

    clock = time.monotonic()
    problem = _problem(trial, bench, hear, said)
    return Tried(trial, time.monotonic() - clock, problem, tuple(said) if problem else ())


def _problem(trial: Trial, bench: Bench, hear: Callable[[bytes], None], said: list[str]) -> str:
    if trial.kind == "file":
        return "" if bench.has(trial.what) else f"there is no file '{trial.what}'"
    code = bench.imports(trial.what, hear) if trial.kind == "import" else bench.command(trial.what, hear)
    if not code:
        return ""
    last = next((line.strip() for line in reversed(said) if line.strip()), "")
    told = f": {last}" if last else ""
    if trial.kind == "import":
        return f"'{trial.what}' cannot be imported{told}"
    return f"'{trial.what}' ended with {code}{told or (f': {_ENDINGS[code]}' if code in _ENDINGS else '')}"


def failures(results: Iterable[Tried], hint: str = "look at its output in the log") -> Iterator[EnvbuildError]:
    for one in results:
        if one.problem:
            yield BuildError(f"{one.trial.key}: {one.problem}", one.trial.where, hint)


def placed(text: str, prefix: str) -> str:
    """With the place of the environment, where a text names it."""
    return text.replace(PREFIX, prefix)
