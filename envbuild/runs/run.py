"""A run as it is remembered, and which of many are asked for."""

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from envbuild.errors import Place, StateError, UsageError
from envbuild.globs import matcher
from envbuild.shape import nearest
from envbuild.typed import from_json

Status = Literal["running", "done", "failed", "interrupted", "killed", "timed out", "lost"]
_LINK = "120000"
STATUSES: tuple[str, ...] = get_args(Status)


class Snapshot(msgspec.Struct, frozen=True):
    """The digest of the tree of a source folder, and how much it is."""

    digest: str
    files: int
    size: int


class Output(msgspec.Struct, frozen=True, array_like=True):
    path: str
    digest: str
    size: int


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A file of a snapshot as git would have it; of a link `content` is where it leads, else the digest."""

    path: str
    mode: str
    content: str
    size: int

    @property
    def is_link(self) -> bool:
        return self.mode == _LINK


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `record` is the digest of the record that its environment was built by, `diff` that of what git said.

    `env` are the names of all variables that were set for it, `given` of those that were set on the command line alone.
    `masked` says that a secret stood in its command, and is not kept. `left` are outputs that were not kept.
    """

    id: int
    status: Status
    environment: str
    version: int
    fingerprint: str
    builder: str
    reference: str
    record: str
    command: tuple[str, ...]
    experiment: str = ""
    image: bool = False
    container: str = ""
    inside: dict[str, tuple[str, ...] | str] = {}
    env: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    timeout: float | None = None
    again: int | None = None
    masked: bool = False
    folder: str
    snapshot: Snapshot | None = None
    commit: str = ""
    dirty: bool = False
    diff: str = ""
    tool: str
    pid: int
    started: str
    ended: str = ""
    seconds: float | None = None
    code: int | None = None
    signal: str = ""
    outputs: tuple[Output, ...] = ()
    left: tuple[str, ...] = ()
    whole_log: bool = True

    @property
    def title(self) -> str:
        return f"{self.environment}@{self.version}"


def run_of(data: bytes, number: int, where: Place) -> Run:
    try:
        return from_json(data, Run)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = f"use the envbuild that wrote it, or forget it: 'envbuild runs rm {number}'"
        raise StateError(f"what is kept of this run cannot be read: {error}", where, hint) from None


def entries(data: bytes, where: Place) -> tuple[Entry, ...]:
    try:
        return from_json(data, tuple[Entry, ...])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"a snapshot cannot be read: {error}", where, "restore it from a backup") from None


def selected(
    runs: Iterable[Run], environments: tuple[str, ...], experiment: str, statuses: tuple[str, ...]
) -> tuple[Run, ...]:
    """Those of some environments, by NAME, NAME@VERSION or glob; of an experiment; in a state."""
    for status in statuses:
        if status not in STATUSES:
            raise UsageError(f"no run is ever '{status}'", hint=nearest(status, STATUSES))
    return tuple(
        one
        for one in runs
        if (not environments or any(_is_of(one, text) for text in environments))
        and (not experiment or one.experiment == experiment)
        and (not statuses or one.status in statuses)
    )


def _is_of(run: Run, text: str) -> bool:
    name, _, version = text.partition("@")
    return matcher(name).fullmatch(run.environment) is not None and version in {"", str(run.version)}
