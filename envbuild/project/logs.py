"""The logs of builds: every attempt has one, also those that failed and left no record."""

import codecs
import datetime as dt
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from envbuild.apply import End, ended
from envbuild.errors import Place, UsageError, WorkspaceError
from envbuild.project.front import Project
from envbuild.project.versions import parted
from envbuild.record import Record
from envbuild.workspace import PRIVATE

Result = Literal["done", "failed", "interrupted", "running"]

_NAMED = "%Y%m%dT%H%M%S.%fZ"
_POLL_SECONDS = 0.1
_BLOCK = 1 << 16


class Attempt(msgspec.Struct, frozen=True):
    """One build, finished or not; no version where none came of it."""

    environment: str
    version: int | None
    started: str
    result: Result
    seconds: float | None
    size: int
    path: Path


def attempts(project: Project, name: str) -> tuple[Attempt, ...]:
    """Every attempt of which there is a log, newest first."""
    name = name if _logs(project, name) else project.named(name)  # of a first build that failed there is no record
    records = [record for record in project.state.history(name) if record.is_built]
    by_log = {Path(record.log).name: record for record in records}
    found = tuple(_attempt(name, path, by_log.get(path.name)) for path in sorted(_logs(project, name), reverse=True))
    if found:
        return found
    if records:
        raise UsageError(f"the logs of '{name}' are gone", hint=f"look for {PRIVATE}/logs on the machine that built it")
    raise UsageError(f"'{name}' was never built", hint="run 'envbuild apply'")


def attempt(project: Project, asked: str) -> Attempt:
    """The latest attempt of NAME, or the build of NAME@VERSION."""
    name, version = parted(asked)
    if not version:
        return attempts(project, name)[0]
    name = project.named(name)
    record = project.built(name, version)
    path = next((path for path in _logs(project, name) if path.name == Path(record.log).name), None)
    if path is None:
        hint = f"look for {PRIVATE}/logs on the machine that built it"
        raise UsageError(f"the log of {name}@{record.version} is not here", hint=hint)
    return _attempt(name, path, record)


def _logs(project: Project, name: str) -> list[Path]:
    """The files whose names are times; a name that is no plain path has none."""
    parts = name.split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\0" in name:
        return []
    folder = project.root.joinpath(PRIVATE, "logs", *parts)
    return [path for path in folder.glob("*.log") if _started(path) and path.is_file()]


def _started(path: Path) -> str:
    """When an attempt began, as its log is named."""
    try:
        return f"{dt.datetime.strptime(path.stem, _NAMED).isoformat(timespec='seconds')}Z"  # noqa: DTZ007 - it is UTC
    except ValueError:
        return ""


def _attempt(name: str, path: Path, record: Record | None) -> Attempt:
    """As its record says, else as it said itself in the end: never as the text says, which programs write."""
    try:
        size, found = path.stat().st_size, ended(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    if record:
        found = End("done", record.seconds, record.version)
    if not isinstance(found, End):
        return Attempt(name, None, _started(path), found or "interrupted", None, size, path)
    return Attempt(name, found.version, _started(path), found.result, found.seconds, size, path)


def lines(found: Attempt, *, follow: bool = False) -> Iterator[str]:
    """Every line of a log; to follow is to go on until its build has ended."""
    return lines_of(found.path, lambda: not follow or ended(found.path) != "running")


def lines_of(path: Path, is_over: Callable[[], bool]) -> Iterator[str]:
    """Every line of a file that may still grow."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    begun = ""
    try:
        with path.open("rb") as stream:
            while True:
                over = is_over()  # asked before reading: what came last is read as well
                while block := stream.read(_BLOCK):
                    *whole, begun = f"{begun}{decoder.decode(block)}".split("\n")
                    yield from whole
                if over:
                    break
                time.sleep(_POLL_SECONDS)
    except OSError as error:
        raise _unreadable(path, error) from None
    if rest := f"{begun}{decoder.decode(b'', final=True)}":
        yield rest


def _unreadable(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(f"the log cannot be read: {error.strerror}", Place(str(path)), "check its permissions")
