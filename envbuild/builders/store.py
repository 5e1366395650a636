"""The store of local prefixes: one for each user, addressed by content, each prefix complete or absent.

A prefix embeds its own path, so it is built where it will stay, under a lock that ends with its process. Its census,
the list of all its files, is renamed in last: a prefix without one is absent, whatever lies there.
"""

import contextlib
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from envbuild import census
from envbuild.builders.locks import CannotLock, locked
from envbuild.errors import BuildError
from envbuild.typed import from_json

_ADDRESS_DIGITS = 32


class Entry(msgspec.Struct, frozen=True, array_like=True):
    path: str
    size: int
    mtime_ns: int
    mode: int


def default_store(host: Mapping[str, str]) -> Path:
    if own := host.get("ENVBUILD_STORE"):
        return Path(own).absolute()
    data = host.get("XDG_DATA_HOME") or str(Path(host.get("HOME") or _home()).joinpath(".local/share"))
    return Path(data, "envbuild", "store").absolute()


def _home() -> str:
    """Of a user whose environment does not say it, as in a service or a container."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def address(fingerprint: str, checkout: str = "") -> str:
    """Short, since a script's first line holds the path of its interpreter and has 127 bytes.

    What uses folders where they lie is of one checkout: another has the same content, and a prefix of its own.
    """
    tied = f"\n{checkout}" if checkout else ""
    return hashlib.sha256(f"{fingerprint}{tied}".encode()).hexdigest()[:_ADDRESS_DIGITS]


@contextlib.contextmanager
def held(store: Path, name: str, on_wait: Callable[[], None]) -> Iterator[int]:
    """Only one process works on a prefix; another waits until that one and all it started have ended, however they did.

    Gives the lock's file, for those that are started to keep open. `on_wait` is called while another has it.
    """
    try:
        with locked(store / ".locks" / name, on_wait) as lock:
            yield lock
    except CannotLock as error:
        raise BuildError(f"the store cannot be written: {error}: {store}", hint="set ENVBUILD_STORE") from None


def is_complete(prefix: Path) -> bool:
    return (prefix / census.NAME).is_file()


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
    beside = prefix / f"{census.NAME}.new"
    with beside.open("wb") as stream:
        stream.write(msgspec.json.encode(list(_counted(prefix))))
        stream.flush()
        os.fsync(stream.fileno())
    beside.rename(prefix / census.NAME)


def entries(prefix: Path) -> list[Entry]:
    """The census as it was taken."""
    return from_json((prefix / census.NAME).read_bytes(), list[Entry])


def damage(prefix: Path) -> Iterator[tuple[str, str]]:
    """Each file that is not as the census says, and how: gone, changed, or come."""
    found = {entry.path: entry for entry in _counted(prefix)}
    for entry in entries(prefix):
        now = found.pop(entry.path, None)
        if now is None:
            yield _shown(entry.path), "is gone"
        elif now != entry:
            yield _shown(entry.path), "was changed"
    for path in sorted(found):
        yield _shown(path), "was added"


def _shown(path: str) -> str:
    return path.encode("latin-1").decode(errors="replace")


def _counted(prefix: Path) -> Iterator[Entry]:
    """What is there now. A name that is no text is kept byte by byte."""
    for path, *rest in census.count(str(prefix)):
        yield Entry(path.decode("latin-1"), *rest)
