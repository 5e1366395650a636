"""Tests of manifests, run again on what was built last: nothing is built or recorded."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from envbuild.builders import local
from envbuild.builders.tryimage import try_image
from envbuild.builders.trying import Subject, Tried, failures, trials
from envbuild.builders.tryprefix import try_prefix
from envbuild.errors import BuildError, EnvbuildError
from envbuild.fingerprint import is_tied
from envbuild.lock import read_lock
from envbuild.project.front import Project
from envbuild.project.making import tools_of, workshop
from envbuild.project.selection import Selection
from envbuild.record import LATEST, Record
from envbuild.resolve import Environment
from envbuild.solvers.uv import Uv


class Tested(msgspec.Struct, frozen=True):
    """How the tests of one environment went. No version where it was not built, no results where it states no test."""

    environment: str
    version: int | None = None
    results: tuple[Tried, ...] = ()
    error: EnvbuildError | None = None

    @property
    def errors(self) -> tuple[EnvbuildError, ...]:
        own = self.error.problems if self.error else ()
        return (*own, *failures(self.results, "mend it, or the line that asks for it"))


def tested(project: Project, selection: Selection, say: Callable[[str, str], None]) -> Iterator[Tested]:
    """One after the other; `say` is told, by the name of an environment, what goes on."""
    environments = project.environments(selection)
    with project.tools() as uv:
        for one in environments:
            yield _tested(project, one, uv, say) if trials(one) else Tested(one.name)


def _tested(project: Project, environment: Environment, uv: Uv, say: Callable[[str, str], None]) -> Tested:
    version = None
    try:
        record = _last(project, environment.name)
        version = record.version
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            lock = read_lock(record.manifest_path, record.lock) if record.lock else None
            subject = Subject(environment, lock, Path(folder, "log"), lambda text: say(environment.name, text))
            return Tested(environment.name, version, _tried(project, record, subject, uv))
    except EnvbuildError as error:
        return Tested(environment.name, version, error=error)


def _last(project: Project, name: str) -> Record:
    """What was built last; what was registered since is no more than a definition."""
    built = project.state.latest((name,), built=True).get(name)
    return project.built(name, str(built.version) if built else LATEST)


def _tried(project: Project, record: Record, subject: Subject, uv: Uv) -> tuple[Tried, ...]:
    tools = tools_of(project, uv)
    if record.builder != "local":
        return try_image(subject, record.reference, record.platforms, workshop(project, tools, record.builder))
    checkout = str(project.root) if is_tied(record.parts) else ""
    stray = local.strays(record.reference, record.fingerprint, checkout)
    if complaint := stray or local.complaint(record.reference):
        what = f"{record.environment}@{record.version} does not stand as it was built: {complaint}"
        raise BuildError(what, hint=f"run 'envbuild apply {record.environment}'")
    return try_prefix(subject, Path(record.reference), tools, project.platform)
