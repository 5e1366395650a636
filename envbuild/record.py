"""What is remembered: a Version says what stands where, a Record adds all that explains it, and why it was built."""

import re
from collections.abc import Mapping

import msgspec

from envbuild.errors import UsageError
from envbuild.fingerprint import Part

LATEST = "latest"
_OF_ONE = "local"  # the builder whose work is of one platform
_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")  # as registries have tags
_TAKEN = re.compile(r"(?i)v?[0-9]+|latest")


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
    """The short form, of which a plan reads one for each environment. What is only registered has no reference."""

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

    @property
    def is_built(self) -> bool:
        return bool(self.reference)

    @property
    def title(self) -> str:
        return f"{self.environment}@{self.version}"

    def is_of(self, machine: str, platform: str) -> bool:
        """Whether it can be used there: what stands in a registry can be anywhere, a prefix on its platform alone."""
        return not self.machine or (self.machine == machine and (self.builder != _OF_ONE or self.platform == platform))


class Record(Version, frozen=True, kw_only=True):
    """One finished build. The texts are kept whole, so that it can be explained when its manifest is long gone.

    `reasons` are what the plan said of it then, with the lines as they were; records of before have none. `registered`
    says when it was recorded without being built, if it was. `sources` are the texts that it was rendered from besides
    its manifest, by their paths: settings that count, templates, what an image reads; records of before have none.
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
    registered: str = ""
    sources: dict[str, str] | None = None


def now_built(registered: Record, built: Record) -> Record:
    """A version that was registered and is built by now: why there is one was said then, how it came to be is new."""
    adopted = (reason for reason in built.reasons if reason.part == "content")
    return msgspec.structs.replace(
        built, registered=registered.registered, reasons=(*adopted, *registered.reasons) or built.reasons
    )


def checked_label(text: str) -> str:
    """One that can stand behind an `@`, and that is no number."""
    if not _LABEL.fullmatch(text):
        hint = "use letters, digits, '_', '.' and '-', at most 128 of them"
        raise UsageError(f"'{text}' is no label", hint=hint)
    if _TAKEN.fullmatch(text):
        raise UsageError(f"'{text}' looks like a version itself", hint="choose another label, such as 'prod'")
    return text


def labels_of(labels: Mapping[str, int], version: int) -> tuple[str, ...]:
    """Those that stand for a version."""
    return tuple(sorted(label for label, stands in labels.items() if stands == version))
