"""The formats by their names, and an import from its beginning to its end."""

from collections.abc import Callable

import msgspec

from envbuild.errors import UsageError
from envbuild.interop.imports import FORMATS, azureml, azureml_v1, conda, explicit, imaged, pip, prefix
from envbuild.interop.imports.azureml_whole import Habits
from envbuild.interop.imports.brought import Brought
from envbuild.interop.imports.imaged import Ground
from envbuild.interop.imports.prefixes import find_prefix
from envbuild.interop.imports.source import Source, opened
from envbuild.project import Project
from envbuild.project.starting import Asked, Imported, place_of, take_in


class Wanted(msgspec.Struct, frozen=True):
    """What the command line says; `start` is the folder that paths are named from."""

    format: str
    source: str
    start: str
    name: str = ""
    requested: bool = False
    partial: bool = False
    force: bool = False
    dry: bool = False


def _conda(_project: Project, source: Source, _wanted: Wanted) -> Brought:
    return conda.bring(source)


def _pip(_project: Project, source: Source, _wanted: Wanted) -> Brought:
    return pip.bring(source)


def _prefix(project: Project, source: Source, wanted: Wanted) -> Brought:
    found = find_prefix(wanted.source, wanted.start, project.host)
    return prefix.bring(source, found, _default(project), requested=wanted.requested)


def _explicit(project: Project, source: Source, _wanted: Wanted) -> Brought:
    return explicit.bring(source, _default(project))


def _azureml(project: Project, source: Source, wanted: Wanted) -> Brought:
    return azureml.bring(source, _habits(project), wanted.name)


def _azureml_v1(project: Project, _source: Source, wanted: Wanted) -> Brought:
    given = azureml_v1.definition_of(wanted.source, wanted.start)
    return azureml_v1.bring(opened(given, wanted.start, project.root), _habits(project), wanted.name)


_BRINGING: dict[str, Callable[[Project, Source, Wanted], Brought]] = dict(
    zip(FORMATS, (_conda, _pip, _prefix, _explicit, _azureml, _azureml_v1), strict=True)
)


def _default(project: Project) -> tuple[str, ...]:
    """The platforms of a manifest that names none."""
    return project.settings.platforms or (project.platform,)


def _habits(project: Project) -> Habits:
    return Habits(_default(project), project.settings.builder != "local")


def bring_in(project: Project, wanted: Wanted) -> Imported:
    """Read, decide, and only then write."""
    if wanted.requested and wanted.format != "conda-env":
        raise UsageError("'--requested' is about an environment of conda", hint="leave it out, or import 'conda-env'")
    source = opened(wanted.source, wanted.start, project.root)
    return _taken_in(project, wanted, source.shown, _BRINGING[wanted.format](project, source, wanted))


def bring_ground(project: Project, wanted: Wanted, ground: Ground) -> Imported:
    """An image or a Dockerfile; `wanted` is about the packages on it, if it names a source of them."""
    packages = opened(wanted.source, wanted.start, project.root) if wanted.source else None
    beside = opened(".", wanted.start, project.root)
    brought = imaged.bring(ground, packages, wanted.format, _habits(project), beside)
    return _taken_in(project, wanted, ground.kind, brought)


def _taken_in(project: Project, wanted: Wanted, shown: str, brought: Brought) -> Imported:
    name = wanted.name or brought.name
    if not name:
        raise UsageError(f"nothing in {shown} can name the environment", hint="say a name: it comes last")
    asked = Asked(name, wanted.partial, wanted.force, wanted.dry)
    path = place_of(project, asked)
    return take_in(project, asked, path, shown, brought.carry(path))
