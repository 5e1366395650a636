"""Whether a process is the one that attends a run: whoever has what is held of it open."""

import os

from envbuild.attending.kept import HELD

_PROCESSES = "/proc"


def is_attending(pid: int, folder: str) -> bool:
    """Of this machine, and not another by that number; where the system does not tell, it is believed."""
    if not os.path.isdir(f"{_PROCESSES}/self/fd"):  # noqa: PTH112 - no pathlib, as in this room
        return True
    place, held = f"{_PROCESSES}/{pid}/fd", f"{folder}/{HELD}"
    try:
        return any(_is_same(f"{place}/{name}", held) for name in os.listdir(place))  # noqa: PTH208 - as above
    except OSError:
        return False


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - as above
    except OSError:
        return False
