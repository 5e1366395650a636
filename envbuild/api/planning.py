"""What is going to be done: planned with the locks that there are, then with those that are made first."""

from envbuild.apply import Tell
from envbuild.errors import EnvbuildError, RefusedError, raise_all
from envbuild.project import Planned, Project, Selection
from envbuild.project.standing import Depth


def first_plan(project: Project, selection: Selection, depth: Depth = Depth.USUAL, *, locked: bool = False) -> Planned:
    """Whether there is anything to do at all; with `locked` a lock that is not current ends it here."""
    planned = project.plan(selection, depth)
    if not locked:
        return planned
    refuse_unlocked(planned)
    return planned.without_copies


def settled_plan(
    project: Project, planned: Planned, selection: Selection, tell: Tell, jobs: int, depth: Depth = Depth.USUAL
) -> Planned:
    """The plan that is going to be done: what has no lock is locked first, and then planned again."""
    return project.lock_and_plan(planned, selection, tell, jobs, depth) if planned.to_lock else planned


def refuse_unlocked(planned: Planned) -> None:
    """A lock that is not current is an error, with the line that moved away from it."""
    stale: list[EnvbuildError] = [
        RefusedError(
            f"the lock of '{one.environment.name}' is not current: {change.text}",
            change.where,
            f"run 'envbuild lock {one.environment.name}' and commit the result",
        )
        for one in planned.unlocked
        for change in one.locked.changes
    ]
    raise_all(stale)
