"""Who is at a run: the processes that have what is held of it open, as the system knows them."""

import contextlib
import os

from envbuild.attending.kept import HELD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PROCESSES = "/proc"


def holders(folder: str) -> "tuple[int, ...] | None":
    """Whoever attends it, and its command, as far as they are of this machine and ours; None where nobody can know."""
    if not os.path.isdir(f"{_PROCESSES}/self/fd"):  # noqa: PTH112 - no pathlib, as in this room
        return None
    held = os.stat(f"{folder}/{HELD}")  # noqa: PTH116 - as above
    own = os.getpid()
    return tuple(pid for pid in _processes() if pid != own and any(os.path.samestat(held, one) for one in _open(pid)))


def _processes() -> "Iterator[int]":
    return (int(name) for name in os.listdir(_PROCESSES) if name.isdecimal())  # noqa: PTH208 - as above


def _open(pid: int) -> "Iterator[os.stat_result]":
    """Not those of other people, nor of a process that is gone by now."""
    place = f"{_PROCESSES}/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(place):  # noqa: PTH208 - as above
            with contextlib.suppress(OSError):
                yield os.stat(f"{place}/{name}")  # noqa: PTH116 - as above
