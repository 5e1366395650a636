"""The solved packages of one platform, conda's and PyPI's, and how they hang together."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from envbuild.lock.specs import spec_name


class Pin(msgspec.Struct, frozen=True, order=True):
    """One package in a lock. `sha256` holds the commit where the source is a repository.

    `dependencies` of a conda package are specs, of a distribution names. What follows them only conda packages have:
    what they rule out, the distributions they bring, and where their Python keeps packages if it is not the usual.
    """

    manager: str
    name: str
    version: str
    url: str
    sha256: str
    build: str = ""
    dependencies: tuple[str, ...] = ()
    md5: str = ""
    number: int = 0
    constrains: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    site: str = ""

    @property
    def key(self) -> str:
        """As items of a manifest are called: `numpy`, `pip/numpy`."""
        return self.name if self.manager == "conda" else f"pip/{self.name}"

    @property
    def subdir(self) -> str:
        """The folder of its channel that it comes from: a platform, or `noarch`."""
        return self.url.rpartition("/")[0].rpartition("/")[2]

    @property
    def channel(self) -> str:
        """The URL of the channel that it comes from."""
        return self.url.rpartition("/")[0].rpartition("/")[0]

    @property
    def identity(self) -> str:
        """What of it counts in a fingerprint: never where it came from."""
        return " ".join((self.manager, self.name, self.version, self.build or "-", self.sha256))


class Member(msgspec.Struct, frozen=True, order=True):
    """A package of the project itself: its bytes are an input of their own, so that no hash of them stands here.

    The version is empty where only a build of it can tell.
    """

    path: str
    name: str
    version: str
    dependencies: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"pip/{self.name}"


class Pins(msgspec.Struct, frozen=True):
    platform: str
    pins: tuple[Pin, ...]
    members: tuple[Member, ...] = ()

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def content(self) -> str:
        """One line for each pin, sorted: the text whose hash is a part of the fingerprint."""
        return "".join(f"{line}\n" for line in sorted(pin.identity for pin in self.pins))

    @property
    def conda(self) -> tuple[Pin, ...]:
        return tuple(pin for pin in self.pins if pin.manager == "conda")

    @property
    def pip(self) -> tuple[Pin, ...]:
        return tuple(pin for pin in self.pins if pin.manager == "pip")

    def by_key(self) -> Mapping[str, Pin | Member]:
        known: dict[str, Pin | Member] = {pin.key: pin for pin in self.pins}
        return known | {member.key: member for member in self.members}

    @property
    def brings(self) -> dict[str, str]:
        """The distributions that conda packages bring, each with the key of its package."""
        return {f"pip/{name}": pin.key for pin in self.conda for name in pin.distributions}

    def bringing(self, distribution: str) -> Pin | Member | None:
        """What brings a distribution: a pin or member of its own, else a conda package."""
        known, key = self.by_key(), f"pip/{distribution}"
        return known.get(key) or known.get(self.brings.get(key, ""))

    def reached(self, roots: Iterable[str]) -> set[str]:
        """The keys of all that roots, which are keys, need. A distribution that conda brings is its conda package."""
        known, brings = self.by_key(), self.brings
        reached: set[str] = set()
        waiting = list(roots)
        while waiting:
            key = waiting.pop()
            key = key if key in known else brings.get(key, key)
            if key in known and key not in reached:
                reached.add(key)
                waiting += _edges(known[key])
        return reached


def _edges(one: Pin | Member) -> list[str]:
    if isinstance(one, Pin) and one.manager == "conda":
        return [spec_name(spec) for spec in one.dependencies]
    return [f"pip/{name}" for name in one.dependencies]
