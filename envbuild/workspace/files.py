"""The files below the root of a project, read within bounds and never through a link that leads out."""

import contextlib
import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from math import inf
from pathlib import Path

import msgspec

from envbuild.document import LIMIT_BYTES, decode
from envbuild.errors import EnvbuildError, LockError, ManifestError, Place, RefusedError, UsageError, WorkspaceError
from envbuild.globs import expand_braces, fixed_folder, matcher
from envbuild.memo import Ledger
from envbuild.names import FILE, LENT
from envbuild.shape import near
from envbuild.workspace.lent import Lent, nothing_lent
from envbuild.workspace.writing import HINT_WRITE, hint_of, replace, write_whole

PRIVATE = ".envbuild"
_LOCK_LIMIT = 64 * LIMIT_BYTES
_METADATA_LIMIT = LIMIT_BYTES
LIMIT_SURVEY = 50_000
DEPTH_SURVEY = 4
_NOT_OURS = {"pyvenv.cfg", "conda-meta", FILE}


def find_root(start: Path) -> Path:
    """The nearest folder upwards with envbuild.yaml, else this one if it has manifests."""
    if not start.is_dir():
        raise UsageError(f"'{start}' is not a folder", hint="name the project's folder with -C")
    resolved = start.resolve()
    for folder in (resolved, *resolved.parents):
        if (folder / FILE).is_file():
            return folder
    if (resolved / "manifests").is_dir():
        return resolved
    raise UsageError(
        f"no project here: neither '{FILE}' nor a folder 'manifests'",
        hint="change into the project, name it with -C DIR, or start one here with 'envbuild init'",
    )


class Survey(msgspec.Struct, frozen=True):
    """What was found; `unlisted` are folders that could not be read, and not `whole` where a bound was met."""

    files: tuple[str, ...]
    unlisted: tuple[str, ...]
    whole: bool


class Workspace:
    """The files below one root; every path given and taken is relative to it, with '/'.

    What is lent to the project stands elsewhere, and is only read.
    """

    def __init__(self, root: Path, ledger: Ledger | None = None, lent: Lent | None = None) -> None:
        self.root = root
        self.ledger = ledger or Ledger()
        self.lent = nothing_lent() if lent is None else lent
        self._real = os.path.realpath(root)

    def at(self, path: str) -> Path:
        """Where a file is on this machine."""
        return self.lent.at(path) or self.root / path

    def refuse_leading_out(self, path: str, real: str, where: Place | None) -> None:
        """A link may stand in a project, but not lead out of it; the same holds for a catalogue."""
        if path.startswith(LENT) and self.lent.at(path):
            self.lent.refuse_leading_out(path, real, where)
        elif not f"{real}/".startswith(f"{self._real}/"):
            raise ManifestError(f"'{path}' leads out of the project", where or Place(path), "keep a copy inside it")

    def manifests(self, patterns: tuple[str, ...], never: Iterable[str]) -> list[str]:
        """Every file that a pattern matches, but none below a folder that holds something else."""
        closed = {".git", PRIVATE, "locks", *never}
        found: set[str] = set()
        for pattern in patterns:
            match = matcher(pattern).fullmatch
            folders = {(fixed_folder(one), _reach(one)) for one in expand_braces(pattern)}
            for folder, reach in folders:
                found.update(path for path in self._walk(folder, closed, reach) if match(path))
        return sorted(found)

    def _walk(self, folder: str, closed: set[str], reach: float) -> Iterator[str]:
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            if here in closed or here.rpartition("/")[2] == ".git":
                continue
            try:
                entries = list(os.scandir(self._noted(here)))
            except FileNotFoundError:
                continue
            except OSError as error:
                what = f"cannot be listed: {error.strerror}"
                hint = "rename the file" if isinstance(error, NotADirectoryError) else "check its permissions"
                raise WorkspaceError(what, Place(here), hint) from None
            for entry in entries:
                path = f"{here}/{entry.name}" if here else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting += [path] if path.count("/") < reach else []
                elif entry.name.endswith((".yaml", ".yml")) and path != FILE:
                    yield path

    def survey(self, closed: Callable[[str], bool]) -> "Survey":
        """The files of a folder that may be no project yet, nearest first; neither endless nor stopped by anything."""
        files: list[str] = []
        unlisted: list[str] = []
        waiting, seen = deque([""]), 0
        while waiting and seen < LIMIT_SURVEY:
            here = waiting.popleft()
            try:
                entries = sorted(os.scandir(self.root / here), key=lambda entry: entry.name)
            except FileNotFoundError:
                continue
            except OSError as error:
                if not here:
                    raise WorkspaceError(f"cannot be listed: {error.strerror}", hint=HINT_WRITE) from None
                unlisted.append(here)
                continue
            if here and _NOT_OURS & {entry.name for entry in entries}:
                continue
            seen += len(entries)
            for entry in entries:
                path = f"{here}/{entry.name}" if here else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting += [path] if not closed(path) and path.count("/") < DEPTH_SURVEY else []
                elif entry.is_symlink() or entry.is_file():
                    files.append(path)
        return Survey(tuple(files), tuple(unlisted), not waiting)

    def _noted(self, path: str) -> Path:
        """A place that is about to be looked at."""
        full = self.at(path) if path.startswith(LENT) else None
        self.ledger.note(str(full) if full else f"{self.root}/{path}")
        return full or self.root / path

    def exists(self, path: str) -> bool:
        return self._noted(path).is_file()

    def is_folder(self, path: str) -> bool:
        return self._noted(path).is_dir()

    def read(self, path: str, where: Place | None = None, limit: int = LIMIT_BYTES) -> bytes:
        """A file's bytes, one more than the limit at most; `where` names the line that asked for it."""
        try:
            with self._inside(path, where).open("rb") as stream:
                return stream.read(limit + 1)
        except OSError as error:
            raise self._unreadable(path, where, error) from None

    def source(self, path: str, before: float) -> str | None:
        """What stands in a file, to show a line of it; nothing where it was changed since, or cannot be read."""
        try:
            if self.at(path).stat().st_mtime > before:
                return None
            return decode(path, self.read(path)[:LIMIT_BYTES])
        except (OSError, ValueError, EnvbuildError):
            return None

    def _inside(self, path: str, where: Place | None) -> Path:
        """A link may stand in a project, but not lead out of it."""
        full = self._noted(path)
        real = os.path.realpath(full)
        self.ledger.note_way(str(full), real)
        self.refuse_leading_out(path, real, where)
        if not full.is_file() and full.exists():
            raise WorkspaceError(f"'{path}' is not a file", where or Place(path), "name a file")
        return full

    def text(self, path: str) -> str | None:
        """A lock's text, if it is there."""
        if not self.exists(path):
            return None
        try:
            return self.read(path, limit=_LOCK_LIMIT).decode()
        except UnicodeDecodeError:
            raise LockError("the file is not UTF-8 text", Place(path), "run 'envbuild lock'") from None

    def files(self, folder: str, suffix: str) -> list[str]:
        """Every file below a folder with this ending, sorted."""
        base = self._noted(folder)
        found = [f"{folder}/{path.relative_to(base).as_posix()}" for path in base.rglob("*")]
        for path in found:
            self._noted(path)
        return sorted(path for path in found if path.endswith(suffix))

    def digest(self, path: str, where: Place) -> str:
        """The SHA-256 of a file that goes into an environment."""
        import hashlib

        found = hashlib.sha256()
        try:
            with self._inside(path, where).open("rb") as stream:
                while block := stream.read(LIMIT_BYTES):
                    found.update(block)
        except OSError as error:
            raise self._unreadable(path, where, error) from None
        return found.hexdigest()

    def wheel_metadata(self, path: str, where: Place) -> bytes:
        """The METADATA of a wheel of the project: what a solver sees of it."""
        import zipfile
        import zlib

        try:
            with zipfile.ZipFile(self._inside(path, where)) as wheel:
                name = next(name for name in wheel.namelist() if _is_metadata(name))
                with wheel.open(name) as stream:
                    return stream.read(_METADATA_LIMIT)
        except (zipfile.BadZipFile, zlib.error, StopIteration, EOFError, RuntimeError):
            raise WorkspaceError(f"'{path}' is not a wheel", where, "build it again") from None
        except OSError as error:
            raise self._unreadable(path, where, error) from None

    def _unreadable(self, path: str, where: Place | None, error: OSError) -> EnvbuildError:
        if not isinstance(error, FileNotFoundError):
            what = f"'{path}' cannot be read: {error.strerror}"
            return WorkspaceError(what, where or Place(path), "check its permissions")
        if self.at(path).is_symlink():
            return WorkspaceError(
                f"'{path}' is a link that leads nowhere", where or Place(path), "mend it or remove it"
            )
        folder, _, name = path.rpartition("/")
        stem, dot, ending = name.rpartition(".")  # an ending alone makes no two names alike
        close = near(stem, self._stems(folder, f"{dot}{ending}"))
        found = f"{close}{dot}{ending}" if close else ""
        hint = f"did you mean '{found}'?" if found else "check the path's spelling"
        return WorkspaceError(f"there is no file '{path}'", where or Place(path), hint)

    def _stems(self, folder: str, ending: str) -> list[str]:
        """The names of the files of a folder that end alike, without that ending."""
        try:
            found = [entry.name for entry in os.scandir(self.at(folder)) if entry.is_file()]
        except OSError:
            return []
        return [name.removesuffix(ending) for name in found if name.endswith(ending)]

    def _refuse_outside(self, path: str) -> None:
        """Nothing is written through a link that leads out of the project."""
        real = os.path.realpath((self.root / path).parent)
        if not f"{real}{os.sep}".startswith(f"{self._real}{os.sep}"):
            raise WorkspaceError("its folder leads out of the project", Place(path), "keep a folder there, no link")

    def write(self, path: str, text: str) -> None:
        """A file of the project."""
        try:
            self._refuse_outside(path)
        except OSError as error:
            raise WorkspaceError(f"cannot be written: {error.strerror}", Place(path), hint_of(error)) from None
        write_whole(self.root / path, text, path)

    def write_new(self, path: str, text: str) -> None:
        """A file of the project that is not there yet; nothing that stands is ever written over."""
        target = self.root / path
        try:
            self._refuse_outside(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            replace(target, text.encode(), new=True)
        except FileExistsError:
            raise UsageError("there is such a file already", Place(path), "edit that, or choose another name") from None
        except OSError as error:
            raise WorkspaceError(f"cannot be written: {error.strerror}", Place(path), hint_of(error)) from None

    def discard(self, path: str) -> None:
        """A file that was just written, and the folders that hold nothing else."""
        (self.root / path).unlink(missing_ok=True)
        for folder in (self.root / path).relative_to(self.root).parents[:-1]:
            with contextlib.suppress(OSError):
                (self.root / folder).rmdir()

    def private(self, *parts: str) -> Path:
        """A path below `.envbuild`, whose folder exists afterwards."""
        path = self.root.joinpath(PRIVATE, *parts)
        try:
            self._refuse_outside("/".join((PRIVATE, *parts)))
            path.parent.mkdir(parents=True, exist_ok=True)
            ignore = self.root / PRIVATE / ".gitignore"
            if not ignore.exists():
                replace(ignore, b"*\n")
        except OSError as error:
            raise WorkspaceError(f"cannot be written: {error.strerror}", Place(PRIVATE), HINT_WRITE) from None
        return path

    @contextlib.contextmanager
    def applying(self) -> Iterator[None]:
        """Only one apply at a time changes a project; the lock ends with its process, however that ends."""
        path = self.private("apply.lock")
        try:
            stream = path.open("a+")
        except OSError as error:
            raise WorkspaceError(f"cannot be written: {error.strerror}", Place(PRIVATE), HINT_WRITE) from None
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                stream.seek(0)
                raise RefusedError(
                    f"another apply is at work here (process {stream.read().strip() or 'unknown'})",
                    hint="wait for it to end, and try again",
                ) from None
            stream.truncate(0)
            stream.write(f"{os.getpid()}\n")
            stream.flush()
            yield


def _reach(pattern: str) -> float:
    """How deep a folder may lie, in '/', that a glob looks into: one without `**` never walks a whole project."""
    return inf if "**" in pattern else pattern.count("/")


def _is_metadata(name: str) -> bool:
    return name.count("/") == 1 and name.endswith(".dist-info/METADATA")
