"""The layers of a user: what was packed once is not packed again, for whatever environment and project.

An entry is the file of a layer, and a ledger of what it is; it comes by one rename, and with any difference it is as if
it were not there. What changed without a trace in size and time is found when the layer is given out, by its hash: so
nothing is flushed to the disk here, and a power failure is one more way to be damaged.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from envbuild.builders.locks import CannotLock, locked
from envbuild.builders.oci.packing import Form, Packed, compressor, pack
from envbuild.builders.oci.tree import Tree
from envbuild.builders.packages import held, unwritable
from envbuild.errors import BuildError
from envbuild.process import Interrupted, Programs
from envbuild.typed import from_msgpack

_LAYER, _LEDGER, _NEW = "layer", "ledger", ".new"
_DIGEST = 32
_PIECE = 1 << 20


class Cached(msgspec.Struct, frozen=True):
    """A layer that lies in the cache; `made_by` is what the history of an image tells."""

    key: str
    form: Form
    packed: Packed
    made_by: str
    path: Path
    cache: "LayerCache"

    @contextlib.contextmanager
    def open(self, again: Callable[[], Tree] | None = None) -> Iterator[IO[bytes]]:
        """Its bytes, after all of them were held against its digest; what is damaged is made again of the same tree."""
        with self.cache.sound(self) or self.cache.mended(self, again) as stream:
            yield stream


class _Ledger(msgspec.Struct, frozen=True, array_like=True):
    key: str
    form: Form
    packed: Packed
    made_by: str
    compressor: str
    mtime_ns: int


class LayerCache:
    """Used by one build; other builds and processes use the same folder at the same time.

    A key is made of all that a layer comes of: packages, place, form. Only the compressor's version is seen to here.
    """

    def __init__(self, folder: Path, programs: Programs, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._programs = programs
        self._say = say
        self._is_swept = False

    def find(self, key: str) -> Cached | None:
        """What is there, if it is what was put there, by size and time; its bytes are not read."""
        folder = self._entry(key)
        try:
            ledger = _read(folder / _LEDGER)
            found = (folder / _LAYER).lstat()
        except (OSError, ValueError, msgspec.DecodeError):
            return None
        is_same = (found.st_size, found.st_mtime_ns) == (ledger.packed.size, ledger.mtime_ns)
        if not is_same or ledger.key != key:
            return None
        return self._cached(ledger) if ledger.compressor == compressor(ledger.form.compression) else None

    def add(self, key: str, tree: Tree, form: Form, made_by: str) -> Cached:
        """Make a layer, unless somebody else does so already: then theirs is taken."""
        self._sweep()
        with self._locked(key, made_by):
            return self.find(key) or self._make(key, tree, form, made_by)

    def sound(self, cached: Cached) -> IO[bytes] | None:
        """Its bytes, from their start, if they are what they are to be: one open file, whatever comes in its place."""
        with contextlib.ExitStack() as stack:
            try:
                stream = stack.enter_context(cached.path.open("rb"))
                if self._digest(stream) != cached.packed.digest:
                    return None
                stream.seek(0)
            except OSError:
                return None
            stack.pop_all()
            return stream

    def mended(self, cached: Cached, again: Callable[[], Tree] | None) -> IO[bytes]:
        """Made anew of the same tree, unless others have done so meanwhile; what cannot be so is no longer there."""
        with self._locked(cached.key, cached.made_by):
            if stream := self.sound(cached):
                return stream
            self._say(f"a layer in the cache is damaged: {cached.made_by}")
            self._remove(self._entry(cached.key))
            made = self._make(cached.key, again(), cached.form, cached.made_by) if again else None
        if made and made.packed == cached.packed and (stream := self.sound(made)):
            return stream
        what = "and cannot be made the same again" if again else "and is taken away"
        raise BuildError(
            f"a layer in the cache is damaged, {what}: {cached.made_by}", hint="run 'envbuild apply' again"
        )

    def _make(self, key: str, tree: Tree, form: Form, made_by: str) -> Cached:
        entry = self._entry(key)
        work = self._folder / _NEW / entry.name
        try:
            self._remove(entry)
            self._remove(work)
            work.mkdir(parents=True)
            packed = pack(tree, work / _LAYER, form, lambda: self._programs.stopped)
            mtime_ns = (work / _LAYER).stat().st_mtime_ns
            ledger = _Ledger(key, form, packed, made_by, compressor(form.compression), mtime_ns)
            _write(work / _LEDGER, ledger)
            work.rename(entry)
        except OSError as error:
            raise unwritable(error.strerror, error.filename or self._folder) from None
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return self._cached(ledger)

    def _cached(self, ledger: _Ledger) -> Cached:
        path = self._entry(ledger.key) / _LAYER
        return Cached(ledger.key, ledger.form, ledger.packed, ledger.made_by, path, self)

    def _digest(self, stream: IO[bytes]) -> str:
        digest = hashlib.sha256()
        while piece := stream.read(_PIECE):
            if self._programs.stopped:
                raise Interrupted
            digest.update(piece)
        return f"sha256:{digest.hexdigest()}"

    def _sweep(self) -> None:
        """What makers left that were killed: those that are at it have their lock. Once is enough."""
        if self._is_swept:
            return
        self._is_swept = True
        with contextlib.suppress(OSError):
            for left in tuple((self._folder / _NEW).iterdir()):
                with contextlib.suppress(OSError, CannotLock), locked(self._lock(left.name), _leave):
                    self._remove(left)

    @staticmethod
    def _remove(path: Path) -> None:
        """A ledger goes with its layer: with either alone, nothing is there."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _entry(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()[:_DIGEST]

    def _lock(self, name: str) -> Path:
        return self._folder / ".locks" / name

    def _locked(self, key: str, made_by: str) -> contextlib.AbstractContextManager[None]:
        why = f"the layer of {made_by} is being packed already"
        return held(self._lock(self._entry(key).name), why, self._programs, self._say)


def _leave() -> None:
    raise BlockingIOError


def _read(path: Path) -> _Ledger:
    whole = path.read_bytes()
    if hashlib.sha256(whole[_DIGEST:]).digest() != whole[:_DIGEST]:
        raise ValueError(path)
    return from_msgpack(whole[_DIGEST:], _Ledger)


def _write(path: Path, ledger: _Ledger) -> None:
    packed = msgspec.msgpack.encode(ledger)
    path.write_bytes(hashlib.sha256(packed).digest() + packed)
