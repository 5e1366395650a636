"""What catalogues have to offer: each environment with what it asks for."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from envbuild.errors import UsageError
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.resolve import Environment, manager_of
from envbuild.workspace import find_root


class Wish(msgspec.Struct, frozen=True):
    """One package that is asked for, by the environment itself or by what it extends, and the line that says so."""

    manager: str
    spec: str
    where: str


class Offered(msgspec.Struct, frozen=True):
    name: str
    description: str
    tags: dict[str, str]
    platforms: tuple[str, ...]
    file: str
    packages: tuple[Wish, ...]


def anywhere(start: str, host: Mapping[str, str]) -> Project:
    """The project that a folder is in; where there is none, one that has envbuild's own catalogue and nothing else."""
    folder = Path(start)
    try:
        return Project(find_root(folder), host)
    except UsageError:
        if not folder.is_dir():
            raise
        return Project(folder.resolve(), host)


def offered(project: Project, selection: Selection) -> tuple[Offered, ...]:
    """Of every catalogue, or what is selected of them."""
    catalogues = project.reader.files.names.catalogues
    for pattern in selection.patterns:
        if pattern.partition("/")[0] not in catalogues:
            raise UsageError(f"'{pattern}' is of no catalogue", hint=f"known are: {', '.join(catalogues)}")
    every = tuple(f"{name}/**" for name in catalogues if catalogues[name].paths)
    asked = msgspec.structs.replace(selection, patterns=selection.patterns or every)
    return tuple(_offered(one) for one in project.environments(asked))


def _offered(one: Environment) -> Offered:
    return Offered(one.name, one.description, one.tags, one.platforms, one.path, tuple(_wishes(one)))


def _wishes(one: Environment) -> Iterator[Wish]:
    for package in one.packages:
        for item in package.items:
            yield Wish(manager_of(package.key), item.shown, item.where.line_only)
