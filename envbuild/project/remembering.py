"""That there was nothing to do is remembered with all that was looked at, where that can be known for certain."""

import os
from pathlib import Path

import msgspec

from envbuild import memo
from envbuild.builders import makes_images, store
from envbuild.memo import Ledger, Moment
from envbuild.project.certain import is_certain
from envbuild.project.front import Project
from envbuild.project.planned import Planned
from envbuild.workspace import PRIVATE


def remember(
    project: Project,
    planned: Planned,
    moment: Moment,
    answers: tuple[str, str],
    *,
    refresh: bool,
    name: str = memo.PLAN,
) -> None:
    """`moment` lies before anything was read or loaded. What many plans may do at once, the last one has done."""
    ledger = project.ledger
    if planned.plan.listed or not ledger.certain or (refresh and not _is_whole(planned, ledger)):
        return
    try:
        counted = b"".join(map(_counted, ledger.prefixes)) if refresh else None
    except (OSError, msgspec.DecodeError):
        return
    if is_certain(ledger, moment):
        memo.write(f"{project.root}/{PRIVATE}", os.environ, ledger, answers, counted, name)


def remember_current(project: Project, moment: Moment, answers: tuple[str, str]) -> None:
    """That every lock of the project is current, as the answers say."""
    if is_certain(project.ledger, moment):
        memo.write(f"{project.root}/{PRIVATE}", os.environ, project.ledger, answers, None, memo.LOCK)


def _is_whole(planned: Planned, ledger: Ledger) -> bool:
    """Whether some prefix was looked at for every environment there is."""
    return bool(ledger.prefixes) or all(makes_images(step.builder) for step in planned.plan.steps)


def _counted(prefix: str) -> bytes:
    """The census as it was taken, in the form in which it is counted again."""
    rows = [(one.path.encode("latin-1"), one.size, one.mtime_ns, one.mode) for one in store.entries(Path(prefix))]
    return memo.counted(sorted(rows))
