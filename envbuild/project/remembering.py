"""That a plan found nothing to do is remembered with all it looked at, where that can be known for certain."""

import os
from pathlib import Path

import msgspec

from envbuild import memo
from envbuild.builders import store
from envbuild.memo import Ledger, Moment
from envbuild.project.front import Project
from envbuild.project.planned import Planned
from envbuild.state import file_system
from envbuild.workspace import PRIVATE

# File systems of this machine alone, whose times tell every change; anywhere else a plan is made each time.
_LOCAL = {"apfs", "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "tmpfs", "xfs", "zfs"}


def remember(project: Project, planned: Planned, moment: Moment, answers: tuple[str, str], *, refresh: bool) -> None:
    """`moment` lies before anything was read or loaded. What many plans may do at once, the last one has done."""
    ledger = project.ledger
    if planned.plan.listed or not ledger.certain or (refresh and not _is_whole(planned, ledger)):
        return
    try:
        counted = b"".join(map(_counted, ledger.prefixes)) if refresh else None
    except (OSError, msgspec.DecodeError):
        return
    for path in memo.code():
        ledger.note(path)
    if ledger.certain and memo.rested(ledger.seen.values(), moment) and _is_local(ledger):
        memo.write(f"{project.root}/{PRIVATE}", os.environ, ledger, answers, counted)


def _is_whole(planned: Planned, ledger: Ledger) -> bool:
    """Whether some prefix was looked at for every environment there is."""
    return bool(ledger.prefixes) or not planned.plan.steps


def _counted(prefix: str) -> bytes:
    """The census as it was taken, in the form in which it is counted again."""
    rows = [(one.path.encode("latin-1"), one.size, one.mtime_ns, one.mode) for one in store.entries(Path(prefix))]
    return memo.counted(sorted(rows))


def _is_local(ledger: Ledger) -> bool:
    samples = {seen[-1]: path for path, seen in ledger.seen.items() if seen != memo.NOTHING}
    kinds = {file_system(Path(path).parent) for path in samples.values()}
    return kinds <= _LOCAL
