"""Further names for the image of a version, by nothing but a manifest that is put once more."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec

from envbuild.errors import BuildError, EnvbuildError, GoneError, raise_all
from envbuild.project.distributing.recalled import Image
from envbuild.project.front import Project
from envbuild.project.shop import keeper
from envbuild.registry.client import AT_ONCE
from envbuild.registry.repositories import Repository

_NEWEST = 50  # versions that are asked whether a tag stands for them; of older ones the digest is told


class Move(msgspec.Struct, frozen=True):
    """One name in one place: what it stands for now, and whether that is known by its number."""

    home: Repository
    tag: str
    digest: str
    before: str = ""
    before_version: int | None = None

    @property
    def name(self) -> str:
        return self.home.tagged(self.tag)

    @property
    def stands(self) -> bool:
        return self.before == self.digest


def moves(project: Project, image: Image, tags: Iterable[str]) -> tuple[Move, ...]:
    """What is going to be, everywhere; that nothing is in the way is known before anything is moved."""
    if image.lacking:
        what = f"{image.title} was built for {image.record.platform if image.record else ''} alone"
        raise BuildError(what, hint=f"run 'envbuild publish {image.title}' first")
    asked = [(home, tag) for home in image.homes for tag in tags]
    if image.id:
        return tuple(_here(project, image, asked))
    raise_all(_absences(project, image))
    with ThreadPoolExecutor(AT_ONCE, "registry") as pool:
        return tuple(pool.map(lambda one: _there(project, image, *one), asked))


def _absences(project: Project, image: Image) -> Iterator[EnvbuildError]:
    for home in image.homes:
        if project.registries.of(home.server).head(home.path, image.digest) is None:
            hint = f"run 'envbuild apply {image.environment.name}' to put it there"
            yield GoneError(f"{home.server} has no {home.at(image.digest)}, which is {image.title}", hint=hint)


def _there(project: Project, image: Image, home: Repository, tag: str) -> Move:
    registry = project.registries.of(home.server)
    before = registry.head(home.path, tag) or ""
    known = _version(project, image, home, before) if before not in {"", image.digest} else image.version
    return Move(home, tag, image.digest, before, known if before else None)


def _version(project: Project, image: Image, home: Repository, digest: str) -> int | None:
    """Which one a digest is: the records know, or the registry by its tags."""
    for record in project.state.history(image.environment.name):
        if record.reference.endswith(f"@{digest}"):
            return record.version
    registry = project.registries.of(home.server)
    numbers = sorted(filter(None, map(home.numbered, registry.tags(home.path))), reverse=True)[:_NEWEST]
    found = registry.ask_all((home.path, home.version_tag(number)) for number in numbers)
    return next((one for one in numbers if found[home.path, home.version_tag(one)] == digest), None)


def _here(project: Project, image: Image, asked: Iterable[tuple[Repository, str]]) -> Iterator[Move]:
    """On this machine, which alone has it."""
    own = keeper(project, image.builder)
    if own.image(image.id) is None:
        hint = f"run 'envbuild apply {image.environment.name}'"
        raise BuildError(f"{image.title} is not in {own.called}, where it was built", hint=hint)
    ids = {record.reference: record.version for record in project.state.history(image.environment.name)}
    for home, tag in asked:
        found = own.image(home.tagged(tag))
        yield Move(home, tag, image.id, found.id if found else "", ids.get(found.id) if found else None)


def promote(project: Project, image: Image, wanted: Iterable[Move]) -> None:
    """Let each name stand for it; what stands so already is left alone."""
    for one in wanted:
        if one.stands:
            continue
        if image.id:
            keeper(project, image.builder).tag(image.id, one.home.name, one.tag)
        else:
            project.registries.of(one.home.server).tag(one.home.path, image.digest, [one.tag])
