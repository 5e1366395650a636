"""A plan, with what it was made from."""

import msgspec

from envbuild.errors import EnvbuildError
from envbuild.plan import Plan
from envbuild.project.preparing import Prepared
from envbuild.record import Record


class Planned(msgspec.Struct, frozen=True):
    """A plan with what it was made from; `failures` are environments that could not be locked.

    `records` are those of steps that are about a version as it was built, whatever its manifest says now.
    """

    plan: Plan
    prepared: tuple[Prepared, ...]
    failures: dict[str, EnvbuildError] = {}
    copying: bool = True
    records: dict[str, Record] = {}

    @property
    def unlocked(self) -> tuple[Prepared, ...]:
        return tuple(one for one in self.prepared if not one.locked.current)

    @property
    def to_lock(self) -> tuple[Prepared, ...]:
        """What has no current lock of its own: none at all, or only a twin's, unless locks are not to be written."""
        return tuple(one for one in self.prepared if self.copying and not one.locked.is_own(one.environment))

    @property
    def has_work(self) -> bool:
        return bool(self.plan.changes or self.to_lock)

    @property
    def without_copies(self) -> "Planned":
        return msgspec.structs.replace(self, copying=False)
