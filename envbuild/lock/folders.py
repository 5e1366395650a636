"""What the build files of a folder say of its package, as far as that can be known without running anything."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from envbuild.errors import EnvbuildError, Place, WorkspaceError
from envbuild.lock.request import canonical
from envbuild.manifest import normalise

if TYPE_CHECKING:
    from configparser import RawConfigParser

PYPROJECT, SETUP_PY, SETUP_CFG = BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_DEPENDENCIES = {"dependencies", "optional-dependencies"}
_OF_SETUP_CFG = ("install_requires", "options.extras_require")


class Stated(msgspec.Struct, frozen=True):
    """A package by its folder's word. `project` is all that a solver needs, where that stands there in full.

    The version is empty, and the project empty, where only a build can tell.
    """

    name: str = ""
    version: str = ""
    project: str = ""
    needs: tuple[str, ...] = ()


def stated(files: Mapping[str, bytes], where: Place) -> Stated:
    """`where` is the folder; what is wrong with its files is told at their lines."""
    project = _project(files, where)
    name, version = project.get("name"), project.get("version")
    if not isinstance(name, str):
        return Stated()
    if not _NAME.fullmatch(name):
        what = f"'{name}' cannot be the name of a package"
        raise WorkspaceError(what, where, "use letters, digits, '-', '_' and '.'")
    known = version if isinstance(version, str) else ""
    if _is_dynamic(project):
        return Stated(normalise(name), known)
    return Stated(normalise(name), known, _solvable(project, known), tuple(_needed(project)))


def further_files(files: Mapping[str, bytes], where: Place) -> Iterator[str]:
    """The files beside the build files that say what a package needs: named by these, or read by a program.

    A file that says no more than a version is code: a package may be worked on without being locked each time.
    """
    content = _parsed(files, where)
    tools = _table(content, "tool")
    dynamic = _table(_table(tools, "setuptools"), "dynamic")
    yield from _texts(_table(dynamic, "dependencies").get("file"))
    for extra in _table(dynamic, "optional-dependencies").values():
        yield from _texts(extra.get("file") if isinstance(extra, dict) else None)
    hooks = _table(_table(_table(tools, "hatch"), "metadata"), "hooks")
    listed = _table(hooks, "requirements_txt")
    yield from _texts([*_texts(listed.get("files")), *_texts(listed.get("filename"))])
    for extra in _table(listed, "optional-dependencies").values():
        yield from _texts(extra)
    yield from _of_cfg(files)
    yield from _backend(content)


def reads_requirements(files: Mapping[str, bytes]) -> bool:
    """Whether a program decides, which likes to read lists of requirements."""
    return SETUP_PY in files


def _parsed(files: Mapping[str, bytes], where: Place) -> dict[str, Any]:
    import tomllib  # few projects have folders that are built

    try:
        return tomllib.loads(files.get(PYPROJECT, b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(where, str(error)) from None


def _broken(where: Place, why: str) -> EnvbuildError:
    """TOML's reader tells the line in words."""
    what, _, at = why.partition(" (at line ")
    line, _, column = at.rstrip(")").partition(", column ")
    place = Place(where.path, int(line), int(column)) if line.isdecimal() and column.isdecimal() else where
    return WorkspaceError(f"it cannot be read: {what}", place, "mend it")


def _project(files: Mapping[str, bytes], where: Place) -> dict[str, Any]:
    return _table(_parsed(files, where), "project")


def _table(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key)
    return found if isinstance(found, dict) else {}


def _texts(value: object) -> list[str]:
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str)]


def _is_dynamic(project: Mapping[str, Any]) -> bool:
    """Whether a build decides what is needed; also what cannot be read is left to it."""
    from packaging.requirements import InvalidRequirement, Requirement

    if _DEPENDENCIES & set(_texts(project.get("dynamic"))):
        return True
    try:
        for text in _needed(project):
            Requirement(text)
    except (InvalidRequirement, TypeError):
        return True
    return False


def _needed(project: Mapping[str, Any]) -> Iterator[str]:
    extras = project.get("optional-dependencies", {})
    for listed in (project.get("dependencies", []), *(extras.values() if isinstance(extras, dict) else [None])):
        if not isinstance(listed, list):
            raise TypeError
        yield from listed


def _solvable(project: Mapping[str, Any], version: str) -> str:
    """The same package as a solver needs it: JSON lists and texts are TOML as well."""
    fields = {"name": project["name"], "version": version or "0", "dependencies": project.get("dependencies", [])}
    if isinstance(project.get("requires-python"), str):
        fields["requires-python"] = project["requires-python"]
    lines = ["[project]", *(f"{key} = {_toml(value)}" for key, value in fields.items())]
    extras = _table(project, "optional-dependencies")
    more = ["[project.optional-dependencies]", *(f"{_toml(key)} = {_toml(value)}" for key, value in extras.items())]
    return "\n".join([*lines, *more, ""])


def _toml(value: object) -> str:
    return canonical(value).decode().replace("\x7f", "\\u007f")


def _cfg(files: Mapping[str, bytes]) -> "RawConfigParser":
    import configparser  # as above

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(files.get(SETUP_CFG, b"").decode())
    except (configparser.Error, UnicodeDecodeError):
        return configparser.RawConfigParser()
    return parser


def _of_cfg(files: Mapping[str, bytes]) -> Iterator[str]:
    parser = _cfg(files)
    values = [parser.get("options", _OF_SETUP_CFG[0], fallback="")]
    if parser.has_section(_OF_SETUP_CFG[1]):
        values += [value for _, value in parser.items(_OF_SETUP_CFG[1])]
    for value in values:
        if value.strip().startswith("file:"):
            yield from (one.strip() for one in value.strip().removeprefix("file:").split(",") if one.strip())


def _backend(content: Mapping[str, Any]) -> Iterator[str]:
    """A build backend that the folder brings itself."""
    system = _table(content, "build-system")
    name = str(system.get("build-backend", "")).partition(":")[0].partition(".")[0]
    for folder in _texts(system.get("backend-path", [])):
        yield f"{folder}/{name}.py"
