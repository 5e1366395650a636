"""The package cache: one for all projects of a user, each package unpacked in it whole or absent.

An entry is named by the hash of its archive. It holds the unpacked package and a ledger of all its files, and comes by
one rename. Prefixes have hard links to those files, so that what is done to one is done to the other: before each use
the files are held against the ledger, and an entry with any difference is taken away and fetched again.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from envbuild import census
from envbuild.builders.locks import CannotLock, locked
from envbuild.errors import BuildError
from envbuild.lock import Pin
from envbuild.process import Interrupted, Programs
from envbuild.solvers.archives import fetch
from envbuild.solvers.contents import Content, content, members, unpack
from envbuild.solvers.rattler import Rattler
from envbuild.typed import from_msgpack

_Made = TypeVar("_Made")
_AT_ONCE = 5
_ROUNDS = 3
_DIGEST = 32
_HINT = "check the space on its disk, or set ENVBUILD_CACHE"


class Entry(msgspec.Struct, frozen=True):
    """A package that lies unpacked in the cache."""

    pin: Pin
    folder: Path
    content: Content


class _Ledger(msgspec.Struct, frozen=True, array_like=True):
    sha256: str
    content: Content
    rows: list[tuple[bytes, int, int, int]]


class Cache:
    """Used by one build; other builds and processes use the same folder at the same time."""

    def __init__(
        self, rattler: Rattler, programs: Programs, say: Callable[[str], None], ready: Callable[[], object]
    ) -> None:
        """`ready` is called before anything is fetched: it raises what else would keep the build from its end."""
        self._ready = ready
        self._rattler = rattler
        self._programs = programs
        self._say = say
        self._folder = rattler.cache / "packages"
        self._guard = threading.Lock()
        self._fetched = 0

    @contextlib.contextmanager
    def using(self, pins: Sequence[Pin]) -> Iterator[tuple[Entry, ...]]:
        """All of the packages, sound, and taken away by nobody meanwhile."""
        for _ in range(_ROUNDS):
            with self._locked(self._folder / ".lock", "the package cache is being mended", shared=True):
                found = {pin: self._sound(pin) for pin in pins}
                entries = tuple(entry for entry in found.values() if entry)
                if len(entries) == len(found):
                    yield entries
                    return
            self._mend([pin for pin, entry in found.items() if entry is None])
        raise BuildError(f"the package cache is harmed again and again: {self._folder}", hint="set ENVBUILD_CACHE")

    @contextlib.contextmanager
    def there(self, pins: Sequence[Pin]) -> Iterator[tuple[Entry, ...]]:
        """Those of the packages that need not be fetched, taken away by nobody meanwhile."""
        if not self._folder.is_dir():
            yield ()
            return
        with self._locked(self._folder / ".lock", "the package cache is being mended", shared=True):
            yield tuple(entry for pin in pins if (entry := self._sound(pin)))

    def _sound(self, pin: Pin) -> Entry | None:
        """What is there, if it is what was put there; files are told by size, time and mode, as in any census."""
        folder = self._folder / key(pin.sha256)
        try:
            whole = (folder / "ledger").read_bytes()
            if hashlib.sha256(whole[_DIGEST:]).digest() != whole[:_DIGEST]:
                return None
            ledger = from_msgpack(whole[_DIGEST:], _Ledger)
            is_folder = stat.S_ISDIR(os.lstat(folder / "package").st_mode)
            if not is_folder or ledger.sha256 != pin.sha256 or ledger.rows != _rows(folder / "package"):
                return None
        except (OSError, msgspec.DecodeError):
            return None
        return Entry(pin, folder / "package", ledger.content)

    def _mend(self, pins: Sequence[Pin]) -> None:
        self._ready()
        self._fetched = 0
        at_once(partial(self._make, pin, len(pins)) for pin in pins)

    def _make(self, pin: Pin, count: int) -> None:
        name = key(pin.sha256)
        shown = f"{pin.name} {pin.version}"
        with self._locked(self._folder / ".locks" / name, f"{shown} is being fetched already"):
            if self._sound(pin):
                return
            with self._guard:
                self._fetched += 1
                number = self._fetched
            self._say(f"fetching {shown} ({number} of {count})")
            try:
                self._remove(self._folder / name)
                self._placed(pin, self._folder / ".new" / name).rename(self._folder / name)
            except OSError as error:
                raise unwritable(error.strerror, error.filename or self._folder) from None
            finally:
                shutil.rmtree(self._folder / ".new" / name, ignore_errors=True)

    def _placed(self, pin: Pin, work: Path) -> Path:
        """The entry as it is to be, at a place that nobody looks at and the next try clears."""
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        archive = fetch(self._rattler, pin, work, self._say)
        files = members(self._rattler, archive, pin)
        unpack(self._rattler, archive, work / "package", pin)
        brought = content(work / "package", pin, files)
        archive.unlink()
        packed = msgspec.msgpack.encode(_Ledger(pin.sha256, brought, _rows(work / "package")))
        with (work / "ledger").open("wb") as stream:
            stream.write(hashlib.sha256(packed).digest() + packed)
            stream.flush()
            os.fsync(stream.fileno())
        return work

    def _remove(self, entry: Path) -> None:
        """When nobody installs from the cache."""
        if not entry.exists() and not entry.is_symlink():
            return
        with self._locked(self._folder / ".lock", "others install from the package cache"):
            aside = self._folder / ".trash" / uuid.uuid4().hex
            aside.parent.mkdir(exist_ok=True)
            entry.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)

    def _locked(self, path: Path, why: str, *, shared: bool = False) -> contextlib.AbstractContextManager[None]:
        return held(path, why, self._programs, self._say, shared=shared)


@contextlib.contextmanager
def held(
    path: Path, why: str, programs: Programs, say: Callable[[str], None], *, shared: bool = False
) -> Iterator[None]:
    """A lock of the cache; that it is waited for is told once, and waiting ends when we are to stop."""
    told = False

    def wait() -> None:
        nonlocal told
        if programs.stopped:
            raise Interrupted
        if not told:
            say(f"waiting: {why}")
        told = True

    try:
        with locked(path, wait, shared=shared):
            yield
    except CannotLock as error:
        raise unwritable(error, path) from None


def unwritable(error: Exception | str | None, path: Path | str) -> BuildError:
    return BuildError(f"the package cache cannot be written: {error}: {path}", hint=_HINT)


def at_once(jobs: Iterable[Callable[[], _Made]]) -> list[_Made]:
    """Several at once; the first that fails ends it."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            for future in futures:
                future.cancel()
    return [future.result() for future in futures]


def key(sha256: str) -> str:
    return hashlib.sha256(sha256.encode()).hexdigest()[:_DIGEST]


def _rows(folder: Path) -> list[tuple[bytes, int, int, int]]:
    return census.count(str(folder), bytecode=True)
