"""The store of local prefixes: one for each user, addressed by content, each prefix complete or absent.

A prefix embeds its own path, so it is built where it will stay, under a lock that ends with its process. Its census,
the list of all its files, is renamed in last: a prefix without one is absent, whatever lies there.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from envbuild.errors import BuildError

CENSUS = ".envbuild-complete"
_ADDRESS_DIGITS = 32
_POLL_SECONDS = 0.1


class Entry(msgspec.Struct, frozen=True, array_like=True):
    path: str
    size: int
    mtime_ns: int
    mode: int


def default_store(host: Mapping[str, str]) -> Path:
    if own := host.get("ENVBUILD_STORE"):
        return Path(own).absolute()
    data = host.get("XDG_DATA_HOME") or str(Path(host.get("HOME") or "/").joinpath(".local/share"))
    return Path(data, "envbuild", "store").absolute()


def address(fingerprint: str) -> str:
    """Short, since a script's first line holds the path of its interpreter and has 127 bytes."""
    return hashlib.sha256(fingerprint.encode()).hexdigest()[:_ADDRESS_DIGITS]


@contextlib.contextmanager
def held(store: Path, name: str, on_wait: Callable[[], None]) -> Iterator[int]:
    """Only one process works on a prefix; another waits until that one and all it started have ended, however they did.

    Gives the lock's file, for those that are started to keep open. `on_wait` is called while another has it.
    """
    try:
        locks = store / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        stream = (locks / name).open("a")
    except OSError as error:
        raise BuildError(f"the store cannot be written: {error.strerror}: {store}", hint="set ENVBUILD_STORE") from None
    with stream:
        while not _taken(stream.fileno()):
            on_wait()
            time.sleep(_POLL_SECONDS)
        yield stream.fileno()


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_complete(prefix: Path) -> bool:
    return (prefix / CENSUS).is_file()


def clear(store: Path, prefix: Path) -> None:
    """Out of the way at once, then removed: nothing half-removed ever looks like a prefix."""
    if not prefix.exists() and not prefix.is_symlink():
        return
    aside = store / ".trash" / uuid.uuid4().hex
    aside.parent.mkdir(exist_ok=True)
    prefix.rename(aside)
    if aside.is_symlink() or not aside.is_dir():
        aside.unlink()
    else:
        shutil.rmtree(aside, ignore_errors=True)


def complete(prefix: Path) -> None:
    """Take the census and rename it in: from here on the prefix is there."""
    beside = prefix / f"{CENSUS}.new"
    with beside.open("wb") as stream:
        stream.write(msgspec.json.encode(list(_walk(prefix))))
        stream.flush()
        os.fsync(stream.fileno())
    beside.rename(prefix / CENSUS)


def damage(prefix: Path) -> Iterator[tuple[str, str]]:
    """Each file that is not as the census says, and how: gone, changed, or come."""
    counted = msgspec.json.decode((prefix / CENSUS).read_bytes(), type=list[Entry])
    found = {entry.path: entry for entry in _walk(prefix)}
    for entry in counted:
        now = found.pop(entry.path, None)
        if now is None:
            yield _shown(entry.path), "is gone"
        elif now != entry:
            yield _shown(entry.path), "was changed"
    for path in sorted(found):
        yield _shown(path), "was added"


def _shown(path: str) -> str:
    return path.encode("latin-1").decode(errors="replace")


def _walk(prefix: Path) -> Iterator[Entry]:
    """Every file but bytecode, which Python rewrites as it likes. A name that is no text is kept byte by byte."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(prefix / folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = f"{folder}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        waiting.append(f"{path}/")
                elif path not in {CENSUS, f"{CENSUS}.new"}:
                    found = entry.stat(follow_symlinks=False)
                    yield Entry(os.fsencode(path).decode("latin-1"), found.st_size, found.st_mtime_ns, found.st_mode)
