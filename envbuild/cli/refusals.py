"""What several commands refuse in the same words."""

from typing import TYPE_CHECKING

from envbuild.errors import EnvbuildError, Problems, RefusedError

if TYPE_CHECKING:
    from envbuild.project import Planned


def refuse_unlocked(planned: "Planned") -> None:
    """With --locked a lock that is not current is an error, with the line that moved away from it."""
    stale: list[EnvbuildError] = [
        RefusedError(
            f"the lock of '{one.environment.name}' is not current: {change.text}",
            change.where,
            f"run 'envbuild lock {one.environment.name}' and commit the result",
        )
        for one in planned.unlocked
        for change in one.locked.changes
    ]
    if stale:
        raise stale[0] if len(stale) == 1 else Problems(stale)
