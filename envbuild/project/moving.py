"""What may move when locks are made anew, and what became of them."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from envbuild.errors import EnvbuildError, Place
from envbuild.lock import Change, Move, Pins


class Upgrade(msgspec.Struct, frozen=True):
    """What may move to newer versions: everything, or some packages by their keys or bare names; else nothing."""

    everything: bool = False
    packages: frozenset[str] = frozenset()
    looks: bool = False  # only to tell what could move

    def among(self, pins: Iterable[Pins]) -> frozenset[str]:
        """Those of the packages that are pinned, by their keys."""
        return frozenset(pin.key for one in pins for pin in one.pins if {pin.key, pin.name} & self.packages)


Way = Literal["up", "build", "down", "held"]
NOTHING = Upgrade()
LOOKING = Upgrade(everything=True, looks=True)


class Fate(msgspec.Struct, frozen=True):
    """A package that was to move, in one environment: from which version to which, or that it is where it was.

    `asked` is what the manifest says of one that stays, and `where`; both are empty where it says nothing of versions.
    """

    manager: str
    name: str
    before: str
    now: str
    stays: bool
    asked: str = ""
    where: Place | None = None
    platforms: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"pip/{self.name}" if self.manager == "pip" else self.name


class Behind(msgspec.Struct, frozen=True):
    """One package that could move: what is locked, what fits, and the newest there is where that is beyond it.

    It would go up, or down, as where a channel has lost a version, or to another build of its version; or it is held.
    `held` is what keeps it from the newest, and `where` the line that asks for that.
    """

    manager: str
    name: str
    have: str
    fits: str
    way: Way
    newest: str = ""
    held: str = ""
    where: Place | None = None
    platforms: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What became of one environment's lock: current, copied, written; or the error.

    `moves` are what it changed, and `platforms` all that it is for; `fates` tell of the packages that were to move,
    and `behind` of those that could. `why` says why there is no lock to tell of.
    """

    environment: str
    path: str
    did: str
    error: EnvbuildError | None = None
    moves: tuple[Move, ...] = ()
    platforms: tuple[str, ...] = ()
    fates: tuple[Fate, ...] = ()
    behind: tuple[Behind, ...] = ()
    why: tuple[Change, ...] = ()
