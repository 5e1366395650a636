"""Whether what was found by reading is known to stand until one of the places moves where it was read."""

from pathlib import Path

from envbuild import memo
from envbuild.machine import file_system
from envbuild.memo import Ledger, Moment

# File systems of this machine alone, whose times tell every change; anywhere else everything is read each time.
_LOCAL = {"apfs", "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "tmpfs", "xfs", "zfs"}


def is_certain(ledger: Ledger, moment: Moment) -> bool:
    """`moment` lies before anything was read, or loaded that decides what is found; the code is noted here."""
    for path in memo.code():
        ledger.note(path)
    return ledger.certain and memo.rested(ledger.seen.values(), moment) and _is_local(ledger)


def _is_local(ledger: Ledger) -> bool:
    samples = {seen[-1]: path for path, seen in ledger.seen.items() if seen != memo.NOTHING}
    kinds = {file_system(Path(path).parent) for path in samples.values()}
    return kinds <= _LOCAL
