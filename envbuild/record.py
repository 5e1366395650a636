"""What is remembered: a Version says what stands where, a Record adds all that explains it, and why it was built."""

import msgspec

from envbuild.fingerprint import Part

_OF_ONE = "local"  # the builder whose work is of one platform


class Reason(msgspec.Struct, frozen=True):
    """What changed in which part of an environment, and the line that says so."""

    part: str
    change: str
    where: str


class Source(msgspec.Struct, frozen=True):
    """The commit that is built from, and what git says of it; all of it empty where there is no git."""

    commit: str = ""
    dirty: bool = False
    branch: str = ""
    tag: str = ""
    url: str = ""
    seconds: int | None = None

    @property
    def values(self) -> dict[str, str]:
        """For the tags of images."""
        known = {"commit": self.commit, "short": self.commit[:12], "branch": self.branch, "tag": self.tag}
        return {name: value for name, value in known.items() if value}


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a builder has made, and where: a prefix of one machine, or an image, which a registry has for everybody.

    `platform` is of a prefix, or all of an image, with commas; `machine` is empty where it is no machine's own. `tags`
    are the names that an image was given besides, `size` is what it takes in bytes, where that is known. `python` is
    noted, and no part of the content.
    """

    reference: str
    platform: str
    machine: str
    python: str = ""
    tags: tuple[str, ...] = ()
    size: int = 0


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

    @property
    def platforms(self) -> tuple[str, ...]:
        """Those that were built."""
        return tuple(self.platform.split(","))

    def is_of(self, machine: str, platform: str) -> bool:
        """Whether it can be used there: what stands in a registry can be anywhere, a prefix on its platform alone."""
        return not self.machine or (self.machine == machine and (self.builder != _OF_ONE or self.platform == platform))


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
    tags: tuple[str, ...] = ()
    size: int = 0
