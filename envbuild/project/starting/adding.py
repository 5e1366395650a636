"""One more manifest for a project, at the place where its globs find it under the name that was asked for."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place, UsageError, raise_all
from envbuild.globs import expand_braces, fixed_folder, matcher
from envbuild.manifest import manifest
from envbuild.names import FILE, RESERVED, allowed_name, name_of
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.project.starting.drafting import Draft, relative
from envbuild.project.starting.judging import Judged, judge_one
from envbuild.shape import nearest

_PYTHON = "python >=3.11"


class Wanted(msgspec.Struct, frozen=True):
    name: str
    extends: tuple[str, ...] = ()
    description: str = ""
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()


class Made(msgspec.Struct, frozen=True):
    path: str
    judged: Judged
    extends: tuple[str, ...]


def new(project: Project, wanted: Wanted, start: str) -> Made:
    """`start` is the folder that requirement files are named from. Nothing that stands is written over."""
    refuse_name(wanted.name)
    refuse_lent(project, wanted.name)
    refuse_taken(project, wanted.name)
    raise_all(_missing_parents(project, wanted.extends))
    path = place_for(project, wanted.name)
    draft = _draft(project, wanted, path, start)
    _refuse_unreadable(project, wanted.name, draft)
    project.workspace.write_new(path, draft.text)
    again = Project(project.root, project.host)
    return Made(path, judge_one(again, wanted.name, path), wanted.extends)


def refuse_name(name: str) -> None:
    """A name that its file could not have is refused with the name that it would have."""
    bare = name.removesuffix(".yaml").removesuffix(".yml")
    parts = [allowed_name(part) for part in bare.strip("/").split("/")]
    if not all(parts):
        hint = "use letters and digits, with '/', '-', '_' and '.' between them"
        raise UsageError(f"'{name}' cannot name an environment", hint=hint)
    folded = name_of(f"manifests/{'/'.join(parts)}.yaml", "manifests/**")
    if folded.startswith(RESERVED):
        raise UsageError(
            f"the name '{folded}' is reserved", hint="choose another: those under curated/ are envbuild's own"
        )
    if folded != name:
        raise UsageError(f"'{name}' would be named '{folded}'", hint=f"write '{folded}'")


def refuse_lent(project: Project, name: str) -> None:
    """A catalogue has its names to itself."""
    if of := project.reader.files.names.lender(name):
        where = project.settings.place_in("catalogues", of)
        raise UsageError(f"'{of}/' begins the names of a catalogue, and of '{name}'", where, "choose another name")


def refuse_taken(project: Project, name: str) -> None:
    if path := manifest_of(project, name):
        raise UsageError(f"there is an environment '{name}' already", Place(path), "edit that, or choose another name")


def manifest_of(project: Project, name: str) -> str | None:
    """Where an environment of this name is stated, if there is one; also where it is one of several."""
    path = project.reader.files.names.paths.get(name)
    if not path and project.reader.files.may_have_cells:
        try:
            return project.environments(Selection((name,)))[0].path
        except (EnvbuildError, IndexError):
            return None
    return path


def _missing_parents(project: Project, parents: Iterable[str]) -> Iterator[EnvbuildError]:
    known = project.reader.files.names
    for parent in parents:
        if not known.path(parent):
            hint = nearest(parent, known.beside(parent))
            yield UsageError(f"there is no manifest '{parent}' to extend", hint=hint)


def place_for(project: Project, name: str) -> str:
    """By the first glob that can; a glob that names by folders gets an `environment.yaml` in a folder of that name."""
    globs = project.settings.manifests
    closed = (*project.settings.templates, "locks", ".git", ".envbuild")
    for glob in globs:
        for path in _candidates(glob, name):
            first = next((one for one in globs if matcher(one).fullmatch(path)), None)
            if first == glob and _name(path, glob) == name and not path.startswith(tuple(f"{one}/" for one in closed)):
                return path
    what = f"no glob of 'manifests' finds a file of the name '{name}'"
    hint = f"add 'manifests/**/*.{{yaml,yml}}' to 'manifests' in {FILE}"
    raise UsageError(what, project.settings.place("manifests"), hint)


def _candidates(glob: str, name: str) -> Iterator[str]:
    for one in expand_braces(glob):
        for folder in dict.fromkeys((fixed_folder(glob), fixed_folder(one))):
            inside = f"{folder}/{name}" if folder else name
            yield from (f"{inside}{ending}" for ending in (".yaml", ".yml"))
            yield from (f"{inside}/environment{ending}" for ending in (".yaml", ".yml"))


def _name(path: str, glob: str) -> str:
    try:
        return name_of(path, glob)
    except EnvbuildError:
        return ""


def _draft(project: Project, wanted: Wanted, path: str, start: str) -> Draft:
    files = [f"-r {relative(_inside(project.root, start, one), path)}" for one in wanted.requirements]
    says_packages = wanted.conda or wanted.pip or files or wanted.extends
    return Draft(
        path,
        "'envbuild schema' lists all keys that may stand here; 'envbuild explain' says what they come to.",
        wanted.extends,
        wanted.description,
        wanted.conda if says_packages else (_PYTHON,),
        (*files, *wanted.pip),
    )


def _inside(root: Path, start: str, file: str) -> str:
    """A file that the command line names, as a path of the project."""
    full = os.path.realpath(Path(start) / file)
    if not full.startswith(f"{os.path.realpath(root)}{os.sep}"):
        raise UsageError(f"'{file}' is not in the project", hint="keep a copy inside it, and name that")
    return Path(os.path.relpath(full, os.path.realpath(root))).as_posix()


def _refuse_unreadable(project: Project, name: str, draft: Draft) -> None:
    """What the command line says is judged before there is a file; where it would stand in one is no help."""
    try:
        manifest(name, parse(draft.path, draft.text.encode()), project.workspace.read)
    except EnvbuildError as error:
        own = [
            UsageError(one.message, hint=one.hint) if one.where and one.where.path == draft.path else one
            for one in error.problems
        ]
        raise_all(own)
