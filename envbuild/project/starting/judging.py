"""What each environment of a project comes to, before anything is built: one that is refused hides no other."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from envbuild.errors import EnvbuildError
from envbuild.project.front import EVERYTHING, Project
from envbuild.project.reading import Selection
from envbuild.resolve import Environment

State = Literal["ready to lock", "ready to build", "refused", "unreadable", "only extended"]


class Judged(msgspec.Struct, frozen=True):
    """An environment, or the manifest of several, with what a plan of it alone would say."""

    name: str
    path: str
    state: State
    error: EnvbuildError | None = None

    @property
    def is_ready(self) -> bool:
        return self.state.startswith("ready")


def judge(project: Project) -> tuple[Judged, ...]:
    """Every manifest by itself, in the order of names; also those whose names cannot be."""
    names = project.reader.files.names
    wrong = (Judged(name, _path(error, name), "unreadable", error) for name, error in names.problems.items())
    by_path = _all_at_once(project)
    found = [
        judge_one(project, name, path) if by_path is None else _prepared(project, name, path, by_path.get(path, []))
        for name, path in names.paths.items()
    ]
    return tuple(sorted([*found, *wrong], key=lambda one: one.name))


def _all_at_once(project: Project) -> dict[str, list[Environment]] | None:
    """The environments by their manifests, where nothing is wrong with any: each by itself takes its time."""
    found: dict[str, list[Environment]] = {}
    try:
        for one in project.environments(EVERYTHING):
            found.setdefault(one.path, []).append(one)
    except EnvbuildError:
        return None
    return found


def _path(error: EnvbuildError, name: str) -> str:
    where = error.problems[0].where
    return where.path if where else name


def judge_one(project: Project, name: str, path: str) -> Judged:
    """The environments of one file, for which no other file has to be right than those it extends and needs."""
    files = project.reader.files
    files.start_over()
    files.ask(name)
    manifest = files.found.get(path)
    if manifest and manifest.abstract:
        return Judged(name, path, "only extended")
    try:
        return _prepared(project, name, path, project.environments(Selection((name,))))
    except EnvbuildError as error:
        return Judged(name, path, "unreadable", error)


def _prepared(project: Project, name: str, path: str, environments: Sequence[Environment]) -> Judged:
    """A manifest of which there is no environment is one that others extend."""
    if not environments:
        return Judged(name, path, "only extended")
    try:
        prepared = project.preparer.prepare(environments, to_build=True)
    except EnvbuildError as error:
        return Judged(name, path, "refused", error)
    return Judged(name, path, "ready to build" if all(one.locked.current for one in prepared) else "ready to lock")
