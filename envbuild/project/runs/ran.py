"""Runs as they were recorded: found by their number, with their logs, their files, and their environments."""

import hashlib
import shutil
from pathlib import Path

import msgspec

from envbuild.attending.kept import LOG, OBJECTS, RECORD, Guard, is_at_work, runs_folder
from envbuild.attending.shelf import Shelf
from envbuild.difference import Difference, difference
from envbuild.errors import Place, RefusedError, StateError, UsageError, WorkspaceError
from envbuild.globs import is_glob
from envbuild.project.comparing import recorded_side
from envbuild.project.front import Project
from envbuild.record import LATEST, Record
from envbuild.runs import Comparison, Entry, Run, compared, entries, run_of
from envbuild.typed import from_json

_HINT_WAIT = "wait for it to end, or end its process"
_PROGRAM = "100755"


class Runs:
    """All that a project has of them on this machine."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._folder = Path(runs_folder(str(project.root)))
        self._shelf = Shelf(str(self._folder / OBJECTS))

    def every(self) -> tuple[tuple[Run, ...], tuple[StateError, ...]]:
        """Newest first, one whose process is gone without a word as lost; and why some of them cannot be read."""
        found, errors = [], []
        for number in reversed(self._numbers()):
            try:
                found.append(self._read(number))
            except StateError as error:
                if (self._folder / str(number) / RECORD).exists():  # else it was forgotten meanwhile
                    errors.append(error)
        return tuple(found), tuple(errors)

    def numbered(self, text: str) -> str:
        """What is meant by `ENV@VERSION`, with a number; one behind a pattern stays."""
        name, _, version = text.partition("@")
        if not version or version.isdecimal() or is_glob(name):
            return text
        return f"{name}@{self._project.record(name, version).version}"

    def one(self, text: str) -> Run:
        return self._read(self._number(text, self._numbers()))

    @staticmethod
    def _number(text: str, numbers: list[int]) -> int:
        if not numbers:
            raise UsageError("nothing was run here yet", hint="run something: 'envbuild run ENV -- COMMAND'")
        known = {LATEST: numbers[-1], **{str(one): one for one in numbers}}
        digits = text.lstrip("0") or text
        if digits not in known:
            hint = f"the newest is {numbers[-1]}: see 'envbuild runs'"
            if not text.isdecimal():
                hint = "name a run by its number, or 'latest': see 'envbuild runs'"
            raise UsageError(f"there is no run '{text}'", hint=hint)
        return known[digits]

    def _numbers(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        found = (path for path in self._folder.iterdir() if path.name.isdecimal())
        return sorted(int(path.name) for path in found if (path / RECORD).exists())

    def folder(self, run: Run) -> Path:
        return self._folder / str(run.id)

    def _read(self, number: int) -> Run:
        """One that nobody is at is read once more: who has let go meanwhile has written all."""
        found = self._recorded(number)
        if found.status != "running" or is_at_work(str(self._folder / str(number))):
            return found
        found = self._recorded(number)
        return msgspec.structs.replace(found, status="lost") if found.status == "running" else found

    def _recorded(self, number: int) -> Run:
        path = self._folder / str(number) / RECORD
        return run_of(self._bytes(path), number, self._place(path))

    def _bytes(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            what = f"what is kept of a run cannot be read: {error.strerror}"
            raise StateError(what, self._place(path), "restore it from a backup, or check its permissions") from None

    def _place(self, path: Path) -> Place:
        return Place(path.relative_to(self._project.root).as_posix())

    def content(self, digest: str) -> bytes:
        """What has this digest, as it was put there."""
        path = Path(self._shelf.path(digest))
        data = self._bytes(path)
        if hashlib.sha256(data).hexdigest() != digest:
            raise StateError("what is kept of a run was damaged", self._place(path), "restore it from a backup")
        return data

    def kept(self, digest: str) -> Path:
        """Where a content is that may be too much to be read at once; it is what was put there."""
        path = Path(self._shelf.path(digest))
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            what = f"what is kept of a run cannot be read: {error.strerror}"
            raise StateError(what, self._place(path), "restore it from a backup, or check its permissions") from None
        if found != digest:
            raise StateError("what is kept of a run was damaged", self._place(path), "restore it from a backup")
        return path

    def record(self, run: Run) -> Record:
        """That of its environment, as it was when it ran."""
        try:
            return from_json(self.content(run.record), Record)
        except msgspec.DecodeError:
            place = self._place(Path(self._shelf.path(run.record)))
            raise StateError("a record cannot be read", place, "use the envbuild that wrote it") from None

    def tree(self, run: Run) -> tuple[Entry, ...] | None:
        if run.snapshot is None:
            return None
        return entries(self.content(run.snapshot.digest), self._place(Path(self._shelf.path(run.snapshot.digest))))

    def write_source(self, run: Run, folder: Path) -> None:
        """The source folder as it was, into one that is empty or new."""
        for entry in self.tree(run) or ():
            if entry.is_link:
                self._write(folder / entry.path, entry.content, 0)
            else:
                self._write(
                    folder / entry.path, self.content(entry.content), 0o755 if entry.mode == _PROGRAM else 0o644
                )

    @staticmethod
    def _write(target: Path, content: bytes | str, mode: int) -> None:
        """A file, or a link to what is said."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                target.symlink_to(content)
            else:
                target.write_bytes(content)
                target.chmod(mode)
        except OSError as error:
            what = f"'{target}' cannot be written: {error.strerror}"
            raise WorkspaceError(what, hint="check the folder's permissions and the space on its disk") from None

    def write_outputs(self, run: Run, folder: Path) -> None:
        """As they were when it ended."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(f"'{folder}' is not empty", hint="name a folder that is empty or new")
        for one in run.outputs:
            self._write(folder / one.path, self.content(one.digest), 0o644)

    def log(self, run: Run) -> Path:
        return self.folder(run) / LOG

    def compared(self, first: Run, second: Run) -> tuple[Comparison, Difference]:
        sides = [recorded_side(self.record(run)) for run in (first, second)]
        return compared(first, second, (self.tree(first), self.tree(second))), difference(*sides)

    def ended(self) -> tuple[int, ...]:
        """Those that nobody is at, damaged ones among them."""
        status = {one.id: one.status for one in self.every()[0]}
        return tuple(number for number in self._numbers() if not self._is_running(number, status.get(number)))

    def _is_running(self, number: int, status: str | None) -> bool:
        return status == "running" if status else is_at_work(str(self._folder / str(number)))

    def numbers(self, texts: tuple[str, ...]) -> tuple[int, ...]:
        """Of runs that may be damaged."""
        known = self._numbers()
        return tuple(dict.fromkeys(self._number(text, known) for text in texts))

    def remove(self, numbers: tuple[int, ...]) -> int:
        """Runs that have ended, and what no other run has; gives how many bytes that were."""
        for number in numbers:
            self._refuse_running(number)
        try:
            with Guard(str(self._project.root), alone=True):
                return self._removed(numbers)
        except OSError as error:
            what = f"what is kept of runs cannot be removed: {error.strerror}"
            raise WorkspaceError(what, self._place(self._folder), "check the folder's permissions") from None

    def _refuse_running(self, number: int) -> None:
        try:
            found = self._read(number)
        except StateError:
            if not is_at_work(str(self._folder / str(number))):
                return
            raise RefusedError(f"run {number} is still at work, and its record is damaged", hint=_HINT_WAIT) from None
        if found.status == "running":
            what = f"run {number} is still running (process {found.pid})"
            raise RefusedError(what, hint=f"wait for it, or end it: 'envbuild runs stop {number}'")

    def _removed(self, numbers: tuple[int, ...]) -> int:
        for number in numbers:
            folder = self._folder / str(number)
            (folder / RECORD).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
        named = set().union(*(self._named(self._recorded(number)) for number in self._numbers()))
        freed = 0
        for path in (self._folder / OBJECTS).glob("*/*"):
            if f"{path.parent.name}{path.name}" not in named:
                freed += path.stat().st_size
                path.unlink()
        return freed

    def _named(self, run: Run) -> set[str]:
        """Where that is not known, nothing is swept."""
        try:
            tree = self.tree(run) or ()
        except StateError as error:
            hint = f"run 'envbuild runs rm {run.id}', whose snapshot it is"
            raise StateError(error.message, error.where, hint) from None
        found = {entry.content for entry in tree if not entry.is_link} | {one.digest for one in run.outputs}
        return found | {run.record, run.diff, run.snapshot.digest if run.snapshot else ""}
