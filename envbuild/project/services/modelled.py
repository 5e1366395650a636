"""Models as they are kept: contents once, versions for each name, and what is damaged told before it is used."""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from envbuild.attending.kept import MODELS, OBJECTS, Guard
from envbuild.attending.shelf import Shelf
from envbuild.errors import ManifestError, Place, StateError, UsageError, WorkspaceError
from envbuild.model import Content, Model, meant, model_of
from envbuild.project.front import Project
from envbuild.record import Record
from envbuild.typed import from_json
from envbuild.workspace.writing import HINT_WRITE, replace

_NAMES, _TREES, _LAST, _RECORD = "names", "trees", "last", ".json"
_SLASH = "@"  # in the name of a folder: no name has one


class Models:
    """All that a project has of them on this machine."""

    def __init__(self, project: Project) -> None:
        self.root = project.root
        self._project = project
        self._folder = project.root / ".envbuild" / MODELS
        self.shelf = Shelf(str(self._folder / OBJECTS), lasting=True)

    def every(self) -> tuple[Model, ...]:
        """By their names, the newest version of each first."""
        folder = self._folder / _NAMES
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return tuple(one for name in names for one in self.of(name.replace(_SLASH, "/")))

    def of(self, name: str) -> tuple[Model, ...]:
        """The versions of a name, newest first."""
        folder = self._at(name)
        found = (self._read(folder / f"{number}{_RECORD}") for number in sorted(_numbers(folder), reverse=True))
        return tuple(one for one in found if one)

    def one(self, text: str) -> Model:
        return meant(text, self.every())

    def _at(self, name: str) -> Path:
        return self._folder / _NAMES / name.replace("/", _SLASH)

    def _read(self, path: Path) -> Model | None:
        try:
            return model_of(path.read_bytes(), self._place(path))
        except FileNotFoundError:  # forgotten meanwhile
            return None
        except OSError as error:
            what = f"what is kept of this model cannot be read: {error.strerror}"
            raise StateError(what, self._place(path), "check its permissions") from None

    def _place(self, path: Path) -> Place:
        return Place(path.relative_to(self.root).as_posix())

    @contextlib.contextmanager
    def guarded(self, *, alone: bool = False) -> Iterator[None]:
        """While contents are put there and named; or, alone, while what nothing names is swept."""
        self._project.workspace.private(MODELS, OBJECTS)
        try:
            with Guard(str(self.root), alone=alone, of=MODELS):
                yield
        except OSError as error:
            at = f": {error.filename}" if error.filename else ""
            raise WorkspaceError(f"models cannot be kept: {error.strerror}{at}", hint=HINT_WRITE) from None

    def keep(self, draft: Model) -> tuple[Model, bool]:
        """With its number, which no other content of this name has or had; and whether it is new."""
        folder = self._at(draft.name)
        folder.mkdir(parents=True, exist_ok=True)
        with _counted(folder) as last:
            if same := next((one for one in self.of(draft.name) if one.digest == draft.digest), None):
                return self._known(same, draft), False
            number = last.next(_numbers(folder))
            found = msgspec.structs.replace(draft, version=number)
            self._write(found)
        return found, True

    def _known(self, same: Model, draft: Model) -> Model:
        """Of who adds it again what is said of it now is taken; and what was damaged is whole again."""
        found = msgspec.structs.replace(same, files=draft.files, description=draft.description or same.description)
        if found != same:
            self._write(found)
        return found

    def _write(self, model: Model) -> None:
        replace(self._at(model.name) / f"{model.version}{_RECORD}", msgspec.json.encode(model))

    def content(self, one: Content) -> Path:
        return Path(self.shelf.path(one.sha256))

    def complaint(self, model: Model, *, wholly: bool = False) -> str:
        """What is wrong with its contents, if anything. One that looks as it did when it was known is not read."""
        for one in model.files:
            path, name = self.content(one), one.path or model.basename
            try:
                if not wholly and _sight(path) == (one.size, one.mtime_ns):
                    continue
                with path.open("rb") as stream:
                    found = hashlib.file_digest(stream, "sha256").hexdigest()
            except FileNotFoundError:
                return f"'{name}' is gone"
            except OSError as error:
                return f"'{name}' cannot be read: {error.strerror}"
            if found != one.sha256:
                return f"'{name}' is not what was added"
        return ""

    def refuse_damaged(self, model: Model, where: Place | None = None, *, wholly: bool = False) -> None:
        if what := self.complaint(model, wholly=wholly):
            hint = f"add the same again: 'envbuild models add {model.name} PATH'; or restore '.envbuild' from a backup"
            raise StateError(f"the model {model.title} is damaged: {what}", where, hint)

    def placed(self, model: Model, where: Place | None = None, *, wholly: bool = False) -> Path:
        """Its file or folder, called as it was, and looked at before: nobody gets one that is not what was added."""
        self.refuse_damaged(model, where, wholly=wholly)
        tree = self._folder / _TREES / model.digest
        if not self._stands(tree, model):
            with self.guarded():
                self._plant(tree, model)
        return tree / model.basename

    def _stands(self, tree: Path, model: Model) -> bool:
        """Whether all of it is there, and is what is kept, or a copy of that which nobody changed."""
        try:
            return all(_sight(_below(tree, model, one)) == _sight(self.content(one)) for one in model.files)
        except OSError:
            return False

    def _plant(self, tree: Path, model: Model) -> None:
        """Beside, then renamed: it is there as a whole, or not at all; and who came first has made the same."""
        beside = tree.parent / f".{os.getpid()}-{os.urandom(8).hex()}"
        self.write(model, beside, linked=True)
        shutil.rmtree(tree, ignore_errors=True)
        try:
            beside.rename(tree)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            if not self._stands(tree, model):
                raise

    def fetched(self, model: Model, folder: Path) -> Path:
        """Its file or folder, for whoever asked for it, in a folder where nothing is called like that."""
        self.refuse_damaged(model, wholly=True)
        target = folder / model.basename
        if os.path.lexists(target):
            raise UsageError(f"'{target}' is there already", hint="name another folder with -o")
        beside = folder / f".{model.basename}-{os.urandom(4).hex()}"
        try:
            beside.mkdir(parents=True)
            self.write(model, beside)
            (beside / model.basename).rename(target)
        except OSError as error:
            raise WorkspaceError(f"'{target}' cannot be written: {error.strerror}", hint=HINT_WRITE) from None
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return target

    def write(self, model: Model, folder: Path, *, linked: bool = False) -> None:
        """Its file or folder into a folder; `linked` to what is kept, where whoever gets it changes nothing."""
        if model.is_folder:
            (folder / model.basename).mkdir(parents=True, exist_ok=True)
        for name in model.folders:
            (folder / model.basename / name).mkdir(parents=True, exist_ok=True)
        for one in model.files:
            target = _below(folder, model, one)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not (linked and _linked(self.content(one), target)):
                shutil.copyfile(self.content(one), target)
                if linked:
                    shutil.copystat(self.content(one), target)

    def record(self, model: Model) -> Record:
        """That of the environment that it came out of, as it was then."""
        if model.origin is None:
            hint = f"see 'envbuild models show {model.title}'; 'models add NAME PATH --run RUN' remembers the run"
            raise UsageError(f"no run is known that {model.title} came from", hint=hint)
        path = Path(self.shelf.path(model.origin.record))
        try:
            data = path.read_bytes()
            whole = hashlib.sha256(data).hexdigest() == model.origin.record
            found = from_json(data, Record) if whole else None
        except (OSError, msgspec.DecodeError):
            found = None
        if found is None:
            what = "what is kept of the environment of a model is gone or damaged"
            raise StateError(what, self._place(path), "restore it from a backup")
        return found

    def remove(self, models: tuple[Model, ...]) -> int:
        """Versions, whose numbers nothing else will have, and what no other has; gives how many bytes that were."""
        with self.guarded(alone=True):
            for one in models:
                folder = self._at(one.name)
                with _counted(folder) as last:
                    last.note(one.version)
                    (folder / f"{one.version}{_RECORD}").unlink(missing_ok=True)
            return self._swept()

    def _swept(self) -> int:
        left = self.every()
        trees = {one.digest for one in left}
        for path in (self._folder / _TREES).glob("*"):
            if path.name not in trees:
                shutil.rmtree(path, ignore_errors=True)
        named = {one.sha256 for model in left for one in model.files}
        named |= {one.origin.record for one in left if one.origin}
        freed = 0
        for path in (self._folder / OBJECTS).glob("*/*"):
            if f"{path.parent.name}{path.name}" not in named:
                freed += path.stat().st_size
                path.unlink()
        for path in (self._folder / OBJECTS).glob(".*"):  # of who was killed while adding
            path.unlink()
        return freed


def model_at(project: Project, text: str, where: Place | None = None, *, wholly: bool = False) -> tuple[int, Path]:
    """What NAME@VERSION in a manifest stands for, and where that is; `wholly` reads it all to be sure that it is it."""
    model = stated_model(project, text, where)
    return model.version, Models(project).placed(model, where, wholly=wholly)


def stated_model(project: Project, text: str, where: Place | None = None) -> Model:
    """The model that a manifest means by NAME@VERSION."""
    try:
        return Models(project).one(text)
    except UsageError as error:
        raise ManifestError(error.message, where, error.hint) from None


class _Last:
    """The last number that a name gave, held by whoever looks."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        told = os.pread(handle, 32, 0).strip()
        self._number = int(told) if told.isdigit() else 0

    def next(self, known: list[int]) -> int:
        """Written before it is used: whoever dies in between leaves a gap, and no number twice."""
        number = max([self._number, *known]) + 1
        self.note(number)
        return number

    def note(self, number: int) -> None:
        if number > self._number:
            self._number = number
            os.pwrite(self._handle, b"%d\n" % number, 0)
            os.fsync(self._handle)


@contextlib.contextmanager
def _counted(folder: Path) -> Iterator[_Last]:
    handle = os.open(folder / _LAST, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield _Last(handle)
    finally:
        os.close(handle)


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    names = (path.name.removesuffix(_RECORD) for path in folder.iterdir() if path.name.endswith(_RECORD))
    return [int(name) for name in names if name.isdecimal()]


def _below(folder: Path, model: Model, one: Content) -> Path:
    return folder / model.basename / one.path if one.path else folder / model.basename


def _sight(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False
    return True
