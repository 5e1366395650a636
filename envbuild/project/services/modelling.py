"""What becomes a model: a file or a folder of this machine, or what a run has left, with what that ran in."""

import datetime as dt
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from envbuild.attending.kept import Guard
from envbuild.errors import EnvbuildError, RefusedError, UsageError, WorkspaceError
from envbuild.model import Content, Model, Origin, checked_name, digest_of
from envbuild.project.front import Project
from envbuild.project.runs.ran import Runs
from envbuild.project.services.modelled import Models
from envbuild.runs import Output, Run
from envbuild.shape import near
from envbuild.version import __version__
from envbuild.workspace import PRIVATE

_HINT_READ = "check its permissions"


class Asked(msgspec.Struct, frozen=True):
    """What is to be added: its name, where it is, for whom, and of which run, if of one."""

    name: str
    path: str
    description: str = ""
    run: str = ""


class _Given(msgspec.Struct, frozen=True):
    basename: str
    files: tuple[Content, ...]
    folders: tuple[str, ...] = ()
    is_folder: bool = False
    origin: Origin | None = None


def added(project: Project, asked: Asked) -> tuple[Model, bool]:
    """The version that it is, and whether that is new: the same content under the same name is one version."""
    checked_name(asked.name)
    models = Models(project)
    with models.guarded():
        given = _of_run(project, models, asked) if asked.run else _of_path(project, models, asked.path)
        digest = digest_of(given.basename, given.files, given.folders, is_folder=given.is_folder)
        stated = {name: getattr(given, name) for name in _Given.__struct_fields__}
        return models.keep(Model(
            name=asked.name, version=0, digest=digest, description=asked.description, added=_now(), tool=__version__,
            **stated,
        ))  # fmt: skip


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _of_path(project: Project, models: Models, text: str) -> _Given:
    path = Path(text)
    basename = _plain(path.resolve().name if path.name in {"", ".."} else path.name)
    if not path.exists():
        raise _missing(path)
    secret = frozenset(str(Path(one).resolve()) for _, one in project.origins.secrets.files)
    if path.is_dir():
        return _of_folder(models, path, basename, secret)
    return _Given(basename, (_put(models, path, "", secret),))


def _missing(path: Path) -> UsageError:
    if path.is_symlink():
        return UsageError(f"'{path}' is a link to what is not there", hint="name what it should lead to, or mend it")
    try:
        close = near(path.name, [one.name for one in path.parent.iterdir()])
    except OSError:
        close = ""
    hint = f"did you mean '{path.parent / close}'?" if close else "name a file or a folder that is there"
    return UsageError(f"there is no file or folder '{path}'", hint=hint)


def _of_folder(models: Models, path: Path, basename: str, secret: frozenset[str]) -> _Given:
    files: list[Content] = []
    folders: list[str] = []
    for name, is_empty in _walked(path):
        if is_empty:
            folders.append(name)
        else:
            files.append(_put(models, path / name, name, secret))
    if not files:
        raise UsageError(f"the folder '{path}' has no files", hint="name a folder that has some")
    files.sort(key=lambda one: one.path)
    return _Given(basename, tuple(files), tuple(sorted(folders)), is_folder=True)


def _walked(root: Path) -> Iterator[tuple[str, bool]]:
    """The files below a folder, links followed, in order of their names; and folders with nothing in them."""
    waiting: list[tuple[str, tuple[str, ...]]] = [("", ())]
    while waiting:
        here, above = waiting.pop()
        real = os.path.realpath(root / here)
        if real in above:
            raise UsageError(f"'{root / here}' is a link that leads back to where it is in", hint="remove that link")
        try:
            names = sorted(path.name for path in (root / here).iterdir())
        except OSError as error:
            raise _unreadable(str(root / here), error) from None
        if PRIVATE in names:
            hint = "name the folder of the model alone"
            raise UsageError(f"'{root / here}' is a project, and no model", hint=hint)
        if here and not names:
            yield here, True
        for name in map(_plain, names):
            below = f"{here}/{name}" if here else name
            if (root / below).is_dir():
                waiting.append((below, (*above, real)))
            else:
                yield below, False


def _plain(name: str) -> str:
    if not name or any("\ud800" <= letter <= "\udfff" for letter in name):
        what = f"the name of a file is no text: {name!a}" if name else "the root of all folders is no model"
        raise UsageError(what, hint="name a file or a folder that has a name, or rename it")
    return name


def _put(models: Models, path: Path, name: str, secret: frozenset[str]) -> Content:
    if os.path.realpath(path) in secret:
        raise UsageError(f"'{path}' holds a secret of this project", hint="leave it out: models are handed on")
    try:
        if path.is_symlink() and not path.exists():
            raise _missing(path)
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"'{path}' is neither a file nor a folder", hint="name what can be copied")
        with path.open("rb"):
            pass
    except OSError as error:
        raise _unreadable(str(path), error) from None
    return _content(models, name, models.shelf.put_file(str(path)))


def _content(models: Models, name: str, digest: str) -> Content:
    found = Path(models.shelf.path(digest)).stat()
    return Content(name, digest, found.st_size, found.st_mtime_ns)


def _unreadable(path: str, error: OSError) -> EnvbuildError:
    return WorkspaceError(f"'{path}' cannot be read: {error.strerror}", hint=_HINT_READ)


def _of_run(project: Project, models: Models, asked: Asked) -> _Given:
    """What it left, with its environment as that was; nobody forgets the run meanwhile."""
    runs = Runs(project)
    with Guard(str(project.root)):
        run = runs.one(asked.run)
        path, outputs = _outputs(run, asked.path)
        is_folder = outputs[0].path != path
        files = tuple(
            _linked(models, runs, one, one.path.removeprefix(f"{path}/") if is_folder else "") for one in outputs
        )
        record = models.shelf.put(runs.content(run.record))
    return _Given(posixpath.basename(path), files, (), is_folder, _origin(run, path, record))


def _linked(models: Models, runs: Runs, one: Output, name: str) -> Content:
    models.shelf.put_linked(str(runs.kept(one.digest)), one.digest)
    return _content(models, name, one.digest)


def _origin(run: Run, path: str, record: str) -> Origin:
    return Origin(
        run=run.id, path=path, environment=run.environment, version=run.version, fingerprint=run.fingerprint,
        builder=run.builder, reference=run.reference, record=record, experiment=run.experiment, commit=run.commit,
        dirty=run.dirty,
    )  # fmt: skip


def _outputs(run: Run, text: str) -> tuple[str, tuple[Output, ...]]:
    """A file that it left, or all that it left in a folder."""
    if run.status == "running":
        raise RefusedError(f"run {run.id} is still running (process {run.pid})", hint="wait until it has ended")
    path = posixpath.normpath(text)
    if path.startswith("/"):
        path = posixpath.relpath(path, run.folder)
    found = tuple(one for one in run.outputs if one.path == path or one.path.startswith(f"{path}/"))
    lost = [one for one in run.left if one == path or one.startswith(f"{path}/")]
    if lost:
        hint = "set 'runs: {outputs_mib: …}' higher and run it again, or add the file itself, without '--run'"
        raise UsageError(f"'{lost[0]}' of run {run.id} was too large to be kept, or could not be read", hint=hint)
    if not found:
        raise UsageError(f"run {run.id} left no '{text}'", hint=_hint(run, path))
    return path, found


def _hint(run: Run, path: str) -> str:
    if not run.outputs:
        return "name a run that left something: see 'envbuild runs'"
    close = near(path, _places(one.path for one in run.outputs))
    return f"did you mean '{close}'?" if close else f"see 'envbuild runs outputs {run.id}'"


def _places(paths: Iterable[str]) -> set[str]:
    """With the folders that they are in."""
    return {str(place) for path in paths for place in (posixpath.dirname(path), path)}
