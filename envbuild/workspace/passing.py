"""A folder for as long as a command runs, for its owner alone; what a killed one has left, the next takes away."""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_NAMED = "envbuild-"
_HELD = "held"


@contextlib.contextmanager
def passing_folder(host: Mapping[str, str]) -> Iterator[Path]:
    """Held as long as it is in use; in memory, where the machine has such a place for its users."""
    place = _own_memory(host) or Path(tempfile.gettempdir())
    _sweep(place)
    with tempfile.TemporaryDirectory(prefix=_NAMED, dir=place, ignore_cleanup_errors=True) as name:
        beside, held = Path(name, f".{_HELD}"), Path(name, _HELD)
        with beside.open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            beside.rename(held)  # seen by who sweeps only once it is held
            yield Path(name)


def _own_memory(host: Mapping[str, str]) -> Path | None:
    place = Path(host.get("XDG_RUNTIME_DIR") or "/dev/null")
    with contextlib.suppress(OSError):
        facts = place.stat()
        is_own = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o077
        return place if is_own and os.access(place, os.W_OK) else None
    return None


def _sweep(place: Path) -> None:
    """Whoever has let go of a folder without clearing it is dead."""
    for folder in place.glob(f"{_NAMED}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _HELD).open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
