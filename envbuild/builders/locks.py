"""Locks on files, which end with their process and with all that it started, however those end."""

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

_POLL_SECONDS = 0.1


class CannotLock(Exception):  # noqa: N818 - said in the words of the system, to be told by who knows what is locked
    """The file is not there, and cannot be made."""


@contextlib.contextmanager
def locked(path: Path, on_wait: Callable[[], None], *, shared: bool = False) -> Iterator[int]:
    """Alone, or with others who share; `on_wait` is called while somebody else has it. Gives the open file."""
    try:
        stream = _opened(path, may_read=shared)
    except OSError as error:
        raise CannotLock(error.strerror) from None
    with stream:
        while not _taken(stream.fileno(), fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            on_wait()
            time.sleep(_POLL_SECONDS)
        yield stream.fileno()


def _opened(path: Path, *, may_read: bool) -> IO[bytes]:
    """For reading where nothing may be written: what is there can still be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError:
        if may_read and path.is_file():
            return path.open("rb")
        raise


def _taken(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
