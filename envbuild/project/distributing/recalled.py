"""Which image is meant by ENV or ENV@VERSION, and where it is: as records say, else as its registry does."""

import msgspec

from envbuild.builders import makes_images
from envbuild.errors import BuildError, UsageError
from envbuild.project.front import Project
from envbuild.project.looking import refuse_stale
from envbuild.project.numbered import number, refuse_unbuilt
from envbuild.project.recorded import as_recorded
from envbuild.record import LATEST, Record
from envbuild.registry.client import Registry
from envbuild.registry.finding import find
from envbuild.registry.parts import read_parts
from envbuild.registry.repositories import Repository, repositories
from envbuild.render import platforms_of
from envbuild.resolve import Environment


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image that was built, in every repository that it is to be in; `id` is of one that only this machine has.

    `names` are those that it was given, in full. No record knows what only a registry does.
    """

    environment: Environment
    version: int | None
    digest: str = ""
    id: str = ""
    names: tuple[str, ...] = ()
    record: Record | None = None

    @property
    def title(self) -> str:
        name = self.environment.name
        return f"{name}@{self.version}" if self.version else name

    @property
    def homes(self) -> tuple[Repository, ...]:
        return repositories(self.environment)

    @property
    def reference(self) -> str:
        return self.id or self.homes[0].at(self.digest)

    @property
    def builder(self) -> str:
        return self.record.builder if self.record else self.environment.builder

    @property
    def lacking(self) -> tuple[str, ...]:
        """Platforms that it should have and was not built for, as far as a record says."""
        built = self.record.platforms if self.record else platforms_of(self.environment)
        return tuple(one for one in platforms_of(self.environment) if one not in built)


def recalled(project: Project, name: str, version: str) -> Image:
    """A version; without one what the manifest says now, if that was built."""
    record = _record(project, name, version) if version else None
    if record:
        return _remembered(record)
    environment = project.one(name)
    _check_image(environment.name, environment.builder)
    return _numbered(project, environment, version) if version else _now(project, environment)


def _record(project: Project, name: str, version: str) -> Record | None:
    """Of what no record knows a registry may know, by its number."""
    version = number(project, name, version)
    history = project.state.history(name)
    if version == LATEST:
        record = project.record(name, version) if history else None
    else:
        record = next((record for record in history if record.version == int(version)), None)
    if record:
        refuse_unbuilt(project, record)
    return record


def _remembered(record: Record) -> Image:
    _check_image(record.environment, record.builder)
    return Image(
        environment=as_recorded(record),
        version=record.version,
        digest="" if record.machine else record.reference.rpartition("@")[2],
        id=record.reference if record.machine else "",
        names=record.tags,
        record=record,
    )


def _check_image(name: str, builder: str) -> None:
    if not makes_images(builder):
        hint = "name one with 'builder: docker' or 'builder: oci'"
        raise UsageError(f"'{name}' is no image: its builder is '{builder}'", hint=hint)


def _numbered(project: Project, environment: Environment, version: str) -> Image:
    """By the tag of its number, which is never another's."""
    home, registry = _home(project, environment, version)
    numbers = sorted(filter(None, map(home.numbered, registry.tags(home.path))))
    number = int(version) if version != LATEST else numbers[-1] if numbers else 0
    digest = registry.head(home.path, home.version_tag(number)) if number in numbers else None
    if digest is None:
        known = f"known are: {', '.join(map(str, numbers))}" if numbers else "run 'envbuild apply'"
        what = f"'{environment.name}' has no version '{version}', neither in the records nor in {home.name}"
        raise UsageError(what, hint=known)
    return _stored(environment, number, digest)


def _stored(environment: Environment, number: int | None, digest: str) -> Image:
    names = tuple(home.tagged(home.version_tag(number)) for home in repositories(environment)) if number else ()
    return Image(environment=environment, version=number, digest=digest, names=names)


def _home(project: Project, environment: Environment, version: str = "") -> tuple[Repository, Registry]:
    home = repositories(environment)[0]
    if not home.server:
        shown = f"{environment.name}@{version}" if version else environment.name
        what = f"'{shown}' is not in the records, and no registry is named where it could be"
        raise UsageError(what, environment.where("publish"), "run 'envbuild apply', or set 'registry' in envbuild.yaml")
    return home, project.registries.of(home.server)


def _now(project: Project, environment: Environment) -> Image:
    """By its content, under whatever number."""
    (prepared,) = project.preparer.prepare((environment,), to_build=True)
    refuse_stale(prepared)
    content = prepared.fingerprint.text if prepared.fingerprint else ""
    latest = project.state.latest((environment.name,)).get(environment.name)
    record = project.state.whole(latest.environment, latest.version) if latest else None
    if record and record.is_built and record.fingerprint == content:
        return _remembered(record)
    if not repositories(environment)[0].server:
        raise _unbuilt(environment)
    home, registry = _home(project, environment)
    found = find(registry, [home.path], content)
    if found is None:
        raise _unbuilt(environment)
    parts = read_parts(registry, home.path, content)
    own = parts.version if parts and parts.environment == environment.name else None
    return _stored(environment, own, found.digest)


def _unbuilt(environment: Environment) -> BuildError:
    what = f"'{environment.name}' was not built as it is now"
    return BuildError(what, environment.where_itself, f"run 'envbuild apply {environment.name}', or name a version")
