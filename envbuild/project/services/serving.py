"""A service of this machine: its folder, made of what its manifest says, complete or absent, and gone at its end."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from envbuild.attending.asking import is_in_repository
from envbuild.attending.ignoring import Ignoring
from envbuild.attending.snapshot import IGNORE
from envbuild.builders.activation import Activation
from envbuild.errors import BuildError, Place, UsageError, WorkspaceError
from envbuild.manifest import project_path
from envbuild.project.front import Project
from envbuild.project.recorded import as_recorded
from envbuild.project.runs.running import limits_of
from envbuild.project.versions import parted
from envbuild.service import FIRST, MIB, Model, Service, service_of
from envbuild.workspace.folders import WHOLE

if TYPE_CHECKING:
    import socket

_SERVICES, _SERVICE, _APP, _MODELS, _HELD = "services", "service.json", "app", "models", "held"


class ModelAt(NamedTuple):
    """One version of a model, and where its file or folder lies on this machine."""

    version: str
    path: Path


def model_at(project: Project, model: Model) -> ModelAt:
    """Of the project, or of the registry of models."""
    if model.is_registered:
        from envbuild.project.services import modelled

        version, path = modelled.model_at(project, f"{model.registered}@{model.version}", model.where)
        return ModelAt(str(version), path)
    path = project.workspace.at(model.path)
    if not path.exists():
        what = f"the model '{model.name}' is not there: there is no '{model.path}'"
        raise WorkspaceError(what, model.where, "check the path's spelling, or run what makes it")
    refuse_secret(project, path, model.where)
    return ModelAt(model.version, path.absolute())  # a link has a name of its own


def refuse_secret(project: Project, path: Path, where: Place) -> None:
    """What is served is handed on."""
    if os.path.realpath(path) in _secret(project):
        raise WorkspaceError(f"'{path}' holds a secret of this project", where, "leave it out of what is served")


def _secret(project: Project) -> set[str]:
    return {os.path.realpath(path) for _, path in project.origins.secrets.files}


def service_named(project: Project, text: str) -> Service:
    """What the manifest says now; of a version, what it said then."""
    name, version = parted(text or project.settings.default_environment)
    if not name:
        raise UsageError("no environment is named, here or as 'default_environment'", hint="name one: 'envbuild list'")
    if not version:
        return _found(project, service_of(project.one(name)))
    record = project.built(project.named(name), version)
    return _found(project, service_of(as_recorded(record, project.workspace.read)))


def _found(project: Project, service: Service) -> Service:
    """A model that is called as one of the registry, and is a file of the project, is that."""
    return msgspec.structs.replace(service, models=tuple(_model(project, one) for one in service.models))


def _model(project: Project, model: Model) -> Model:
    if not model.is_registered:
        return model
    path = project_path(f"{model.registered}@{model.version}", model.where.path.rpartition("/")[0], model.where)
    is_there = project.workspace.at(path).exists()
    return msgspec.structs.replace(model, path=path, registered="", version=FIRST) if is_there else model


def check(project: Project, service: Service) -> dict[str, ModelAt]:
    """What is there before anything is built or started for it; its models, found."""
    workspace = project.workspace
    if service.source and not workspace.is_folder(service.source):
        raise WorkspaceError(f"there is no folder '{service.source}'", service.where_source, "check its spelling")
    workspace.read(service.script, service.where)
    refuse_secret(project, workspace.at(service.script), service.where)
    app_files(project, service)
    return {model.name: model_at(project, model) for model in service.models}


def app_files(project: Project, service: Service) -> dict[str, str]:
    """What lies beside the script, by its path there, and where it is in the project.

    Of the source folder what git does not ignore, and without git what .gitignore files leave; as of a run,
    .envbuildignore has the last word, what is secret is never in it, and it has its bounds.
    """
    alone = {service.entry_script: service.script}
    if not service.source:
        return alone
    root = project.workspace.at(service.source)
    names = project.folders.names(service.source, service.where_source, counting=WHOLE)
    ignoring = Ignoring(str(root), (IGNORE,) if is_in_repository(str(root)) else (".gitignore", IGNORE))
    secret = _secret(project)
    kept = [name for name in names if not ignoring.leaves_out(name) and os.path.realpath(root / name) not in secret]
    size, limit = sum((root / name).stat().st_size for name in kept), limits_of(project.settings)[0]
    if size > limit * MIB:
        what = f"the folder '{service.source}' has {-(-size // MIB)} MiB, and {limit} go with a script at most"
        hint = f"name what is no source in '{service.source}/{IGNORE}', or say 'runs: {{snapshot_mib: …}}'"
        raise WorkspaceError(what, service.where_source, hint)
    return {**{name: f"{service.source}/{name}" for name in kept}, **alone}


@contextlib.contextmanager
def service_folder(project: Project, service: Service, *, debug: bool = False) -> Iterator[Path]:
    """Only for us, and for as long as we serve it; what a killed server has left is cleared."""
    models = check(project, service)
    home = project.workspace.private(_SERVICES, service.environment, "x").parent
    _clear(home)
    folder = home / str(os.getpid())
    beside = home / f".{os.getpid()}"
    beside.mkdir()
    with _held(beside):
        try:
            _fill(project, service, models, beside)
            (beside / _SERVICE).write_text(json.dumps(service.document(debug=debug), indent=1), encoding="utf-8")
            beside.rename(folder)
            yield folder
        finally:
            shutil.rmtree(beside, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            _forget(home, project.workspace.private(_SERVICES))


def _fill(project: Project, service: Service, models: dict[str, ModelAt], folder: Path) -> None:
    for name, path in app_files(project, service).items():
        project.folders.copy_file(path, folder / _APP / name, service.where_source)
    (folder / _MODELS).mkdir()
    for name, model in models.items():
        at = folder / _MODELS / name / model.version
        at.mkdir(parents=True)
        (at / model.path.name).symlink_to(model.path)


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    with (folder / _HELD).open("w") as stream:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _clear(home: Path) -> None:
    """Folders whose server is gone: nobody holds them."""
    for folder in home.iterdir():
        try:
            with (folder / _HELD).open("r+") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def _forget(home: Path, top: Path) -> None:
    """Folders that are empty now, up to the one of all services."""
    while home != top.parent:
        try:
            home.rmdir()
        except OSError:
            return
        home = home.parent


def listen(host: str, port: int) -> "socket.socket":
    """Before anything is built: a port that is taken is told at once."""
    from envbuild.serving.server import HostError, PortError, bound

    try:
        return bound(host, port)
    except PortError as error:
        is_port = port and not isinstance(error, HostError)
        hint = "free it, or choose another: '--port 0' is any" if is_port else "check the address"
        raise WorkspaceError(str(error), hint=hint) from None


def python_of(activation: Activation, service: Service) -> str:
    """By which its script is run: packages of conda may be there without any."""
    python = activation.prefix / "bin" / "python"
    if not python.exists():
        what = f"'{service.environment}' has no Python, by which a script is run"
        raise BuildError(what, service.where, "name 'python' in 'dependencies'")
    return str(python)


def serve(
    folder: Path, activation: Activation, python: str, sock: "socket.socket", listening: Callable[[str], None]
) -> int:
    """Until it is stopped."""
    from envbuild.serving.place import place_at
    from envbuild.serving.server import Front

    place = place_at(str(folder), activation.env)
    return Front(place, python, activation.env, sock).run(listening)
