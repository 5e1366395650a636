"""The service image of an environment: what it is by its content, whether it is there already, and how it is made."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from envbuild.builders.oci.shelf import Shelf
from envbuild.builders.oci.tree import Node, of_folder, opened
from envbuild.builders.services import grounds, placing
from envbuild.builders.services.carried import SERVICE, Carried, listed
from envbuild.builders.services.making import Parts, Starting, laid, made
from envbuild.builders.services.placing import CONTENT, Named
from envbuild.builders.services.server import identity, oldest_python, server
from envbuild.errors import BuildError, Place, UsageError
from envbuild.image import Entry
from envbuild.lock import read_lock
from envbuild.project.assembling import form_of
from envbuild.project.front import Project
from envbuild.project.runs.running import Chosen
from envbuild.project.services.modelled import Models, stated_model
from envbuild.project.services.serving import model_at, refuse_secret, service_folder
from envbuild.project.shop import engine, keeper
from envbuild.registry.repositories import Repository, repositories
from envbuild.service import Service

_FORM = 1
_DIGITS = 12
_INIT_SECONDS = 300  # of a service that says nothing else
_SERVICE_FILE, _APP, _MODELS = "service.json", "app", "models"
_WORK = ("work", "services", "x")
Say = Callable[[str], None]


class ServiceImage:
    """Of one environment as it was built, for as long as its folder is there."""

    def __init__(self, project: Project, one: Chosen, service: Service, folder: Path) -> None:
        self._project = project
        self._record = one.record
        self.service = service
        self._engine = engine(project)
        self._start = grounds.Start(one.record.reference, one.record.platforms, service.where)
        self._form = form_of(project)
        self._parts, self.named = self._stated(one, folder)

    def _stated(self, one: Chosen, folder: Path) -> tuple[Parts, Named]:
        own, models, files = server(), tuple(_models(self._project, self.service)), tuple(_files(folder))
        labels = {
            "dev.envbuild.environment": one.record.environment,
            "dev.envbuild.version": str(one.record.version),
            "dev.envbuild.fingerprint": one.record.fingerprint,
            **{f"dev.envbuild.model.{name}": f"{carried.title} sha256:{carried.digest}" for name, carried in models},
        }
        carried = tuple(one for _, one in models)
        starting = Starting(
            _python(one), self.service.port, self.service.routes.readiness,
            self.service.init_timeout or _INIT_SECONDS, labels,
        )  # fmt: skip
        stated = [
            _FORM, self._start.digest, one.record.platforms, identity(own),
            [(model.place, model.digest) for model in carried], [_sight(node) for node in files], starting, self._form,
        ]  # fmt: skip
        content = hashlib.sha256(msgspec.json.encode(stated, order="deterministic")).hexdigest()
        whole = msgspec.structs.replace(starting, labels={**labels, CONTENT: content})
        named = Named(self._homes(one), f"serve-{content[:_DIGITS]}", content)
        return Parts(own, carried, files, whole), named

    def _homes(self, one: Chosen) -> tuple[Repository, ...]:
        """Where it goes: to the registries of its environment, if that is in one."""
        own = repositories(one.environment)
        if not self._start.is_stored or own[0].server:
            return own
        return (Repository.of(self._start.reference),)

    @property
    def builder(self) -> str:
        return self._record.builder

    @property
    def starting(self) -> Starting:
        return self._parts.starting

    def user(self) -> str:
        """Whom it runs as, by the image of its environment; nothing is root."""
        if self._start.is_stored:
            config = grounds.stored(self._start, self._project.registries)[self._start.platforms[0]].config
        elif self._start.is_shelved:
            config = grounds.shelved(self._start, self._shelf)[self._start.platforms[0]].config
        else:
            facts = self._engine.image(self._start.reference)
            config = {"config": facts.config if facts else {}}
        return str((config.get("config") or {}).get("User") or "")

    @property
    def is_stored(self) -> bool:
        return self._start.is_stored

    @property
    def _shelf(self) -> Shelf:
        found = keeper(self._project, self._record.builder)
        if not isinstance(found, Shelf):
            raise TypeError("only images that are assembled here are on a shelf")
        return found

    def found(self) -> str:
        """Its reference by what it is, where it is to be and of this content; nothing if it has to be made."""
        if self._start.is_stored:
            return placing.found_stored(self.named, self._project.registries)
        if self._start.is_shelved:
            return placing.found_shelved(self.named, self._shelf)
        return placing.found_in_engine(self.named, self._engine)

    def made(self, say: Say) -> str:
        """Put together, and where it is to be."""
        with self._project.held(), _work(self._project) as folder:
            if self._start.is_stored:
                found, without = grounds.stored(self._start, self._project.registries), frozenset[str]()
            elif self._start.is_shelved:
                found, without = grounds.shelved(self._start, self._shelf), frozenset()
            else:
                ground, without = grounds.in_engine(self._start, self._engine, folder)
                found = {self._start.platforms[0]: ground}
            layers = laid(self._parts, folder, self._form, lambda: self._project.programs.stopped, say)
            draft = made(found, layers, self._parts, self._form, self._start.where)
            if self._start.is_stored:
                near = Repository.of(self._start.reference)
                return placing.stored(draft, self.named, near, self._project.registries, say)
            if self._start.is_shelved:
                return placing.shelved(draft, self.named, self._shelf)
            return placing.brought(draft, self.named, self._engine, folder, without)


@contextmanager
def service_image(project: Project, one: Chosen, service: Service, *, debug: bool = False) -> Iterator[ServiceImage]:
    if one.record.builder == "local":
        raise no_service_image(one.record.title, one.record.title)
    _refuse_old(one, service.where)
    with service_folder(project, service, debug=debug) as folder:
        yield ServiceImage(project, one, service, folder)


def no_service_image(shown: str, title: str) -> UsageError:
    hint = f"set 'builder: oci' for it, or serve it on this machine: 'envbuild serve {title}'"
    return UsageError(f"{shown} is a prefix of this machine, and no image", hint=hint)


def _refuse_old(one: Chosen, where: Place) -> None:
    """Where it is known which Python an image has, what that cannot run is told before it is made."""
    oldest, parts = oldest_python(), one.record.python.split(".")
    known = tuple(int(part) for part in parts[:2] if part.isdecimal())
    if len(known) == len(oldest) and known < oldest:
        what = f"{one.record.title} has Python {one.record.python}, and the server needs {'.'.join(map(str, oldest))}"
        raise BuildError(what, where, "choose a newer Python for it")


def _python(one: Chosen) -> str:
    """The environment's own, else the image's."""
    lock = read_lock(one.record.manifest_path, one.record.lock) if one.record.lock else None
    if one.environment.python.managed and lock and lock.has_packages:
        return f"{one.environment.prefix}/bin/python"
    return one.environment.python.interpreter or "python3"


def _models(project: Project, service: Service) -> Iterator[tuple[str, Carried]]:
    for model in service.models:
        version, path = model_at(project, model)
        place = f"{SERVICE}/{_MODELS}/{model.name}/{version}/{path.name}"
        if model.is_registered:
            known = stated_model(project, f"{model.registered}@{version}", model.where)
            Models(project).refuse_damaged(known, model.where)
            yield model.name, Carried(known.title, place, path, known.files, known.folders, known.is_folder)
        else:
            found = Carried(model.name, place, path, *listed(path, model.where), path.is_dir())
            for one in found.files:
                refuse_secret(project, path / one.path, model.where)
            yield model.name, found


def _files(folder: Path) -> Iterator[Node]:
    data = (folder / _SERVICE_FILE).read_bytes()
    yield Node(Entry(f"{SERVICE}/{_SERVICE_FILE}", size=len(data)), data)
    yield from of_folder(folder / _APP, f"{SERVICE}/{_APP}")


def _sight(node: Node) -> tuple[str, str, int, str, str]:
    entry, found = node.entry, hashlib.sha256()
    if entry.kind == "file":
        with opened(node.source) as stream:
            found = hashlib.sha256(stream.read())
    return entry.path, entry.kind, entry.mode, entry.target, found.hexdigest()


@contextmanager
def _work(project: Project) -> Iterator[Path]:
    """What is put aside meanwhile, by whoever holds the project; what one has left that was killed is taken away."""
    import shutil
    import tempfile

    above = project.workspace.private(*_WORK).parent
    for left in above.iterdir():
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=above) as folder:
        yield Path(folder)
