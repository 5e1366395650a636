"""What is remembered: a Version says what stands where, a Record adds all that explains it, and why it was built."""

import msgspec

from envbuild.fingerprint import Part


class Reason(msgspec.Struct, frozen=True):
    """What changed in which part of an environment, and the line that says so."""

    part: str
    change: str
    where: str


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The short form, of which a plan reads one for each environment."""

    environment: str
    version: int
    fingerprint: str
    builder: str
    platform: str
    machine: str
    reference: str
    started: str
    manifest_path: str


class Record(Version, frozen=True, kw_only=True):
    """One finished build. The texts are kept whole, so that it can be explained when its manifest is long gone.

    `reasons` are what the plan said of it then, with the lines as they were; records of before have none.
    """

    parts: tuple[Part, ...]
    manifest: str
    lock: str
    artifacts: dict[str, str]
    python: str
    commit: str
    dirty: bool
    seconds: float
    tool: str
    log: str
    reasons: tuple[Reason, ...] = ()
