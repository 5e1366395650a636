"""Environments and versions as they are looked at, when the manifest is there and when it is long gone."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild.errors import EnvbuildError, RefusedError, UsageError
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.record import Record
from envbuild.render import render
from envbuild.resolve import Explained, explain, rows_of
from envbuild.shape import nearest
from envbuild.workspace import write_whole

if TYPE_CHECKING:
    from envbuild.project.facts import Prepared


class Listed(msgspec.Struct, frozen=True):
    """One environment in a list; no action where it cannot be planned, and no version before it is built."""

    name: str
    builder: str
    platforms: tuple[str, ...]
    tags: dict[str, str]
    file: str
    version: int | None
    action: str | None


def listed(project: Project, selection: Selection) -> tuple[Listed, ...]:
    """What is selected, with its latest version and what apply would do; an environment that has no plan has a row."""
    environments = project.environments(selection)
    facts = project.facts()
    prepared: list[Prepared] = []
    for environment in environments:
        try:
            prepared += facts.prepare([environment], to_build=True)
        except EnvbuildError:
            continue  # `plan` says why
    plan = facts.plan(tuple(prepared), None, refresh=False)
    actions = {step.environment: step.action for step in plan.steps}
    latest = project.state.latest(tuple(environment.name for environment in environments))
    return tuple(
        Listed(
            name=one.name,
            builder=one.builder,
            platforms=one.platforms,
            tags=one.tags,
            file=one.path,
            version=latest[one.name].version if one.name in latest else None,
            action=actions.get(one.name),
        )
        for one in environments
    )


def histories(project: Project, selection: Selection) -> dict[str, list[Record]]:
    """Every version of what is selected, newest first; what is given by name may be long gone, and is not read."""
    names = selection.patterns
    if not selection.only_names or not all(map(project.state.history, names)):
        read = [name for name in names if not (selection.only_names and project.state.history(name))]
        found = project.environments(msgspec.structs.replace(selection, patterns=tuple(read)))
        if len(names) == 1 and len(found) == 1:
            return {found[0].name: project.history(found[0].name)}
        names = (*(name for name in names if name not in read), *(one.name for one in found))
    histories = {name: project.state.history(name) for name in sorted(set(names))}
    if not any(histories.values()):
        raise UsageError("none of what is selected was ever built", hint="run 'envbuild apply'")
    return histories


def explained(project: Project, name: str, field: str) -> tuple[Explained, ...]:
    """Where the values of one environment came from; all of them, or those of one field."""
    rows = explain(project.one(name), project.settings)
    if not field:
        return rows
    if found := rows_of(rows, field):
        return found
    parts = [row.field.partition(".") for row in rows]
    packages = {
        name.rpartition("/")[2] for key, _, name in parts if key in {"dependencies", "constraints", "overrides"}
    }
    known = {row.field for row in rows} | {key for key, _, _ in parts} | packages
    raise UsageError(f"'{name}' says nothing of '{field}'", hint=nearest(field, known))


def artifacts(project: Project, selection: Selection) -> dict[str, dict[str, str]]:
    """What templates make of each environment, by its name; offline, from the lock that stands."""
    found = {}
    for one in project.facts().prepare(project.environments(selection), to_build=False):
        if not one.locked.current:
            change = one.locked.changes[0]
            hint = f"run 'envbuild lock {one.environment.name}'"
            raise RefusedError(
                f"the lock of '{one.environment.name}' is not current: {change.text}", change.where, hint
            )
        python = one.locked.head.python if one.locked.head else ""
        found[one.environment.name] = render(one.environment, project.templates, python)
    return found


def write_artifacts(folder: Path, artifacts: dict[str, dict[str, str]]) -> int:
    """Each environment's into a folder of its name; every file whole or not at all."""
    count = 0
    for name, files in artifacts.items():
        for file, text in files.items():
            write_whole(folder / name / file, text)
            count += 1
    return count
