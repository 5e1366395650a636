"""Environments and versions as they are looked at, when the manifest is there and when it is long gone."""

from typing import TYPE_CHECKING, Literal

import msgspec

from envbuild.builders import local
from envbuild.errors import EnvbuildError, RefusedError, UsageError
from envbuild.plan import Step
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.project.standing import Depth
from envbuild.record import Version
from envbuild.resolve import Environment, Explained, explain, rows_of
from envbuild.shape import nearest

if TYPE_CHECKING:
    from envbuild.project.preparing import Prepared


State = Literal["up to date", "changed", "missing", "registered", "not built", "not locked", "refused"]


class Listed(msgspec.Struct, frozen=True):
    """One environment in a list; no action where it cannot be planned, and no version before it is built or registered.

    `missing` is what is up to date by its record, and gone from where it stood.
    """

    name: str
    builder: str
    platforms: tuple[str, ...]
    tags: dict[str, str]
    file: str
    version: int | None
    action: str | None
    state: State
    built: str | None
    labels: dict[str, int] = {}


def listed(project: Project, selection: Selection) -> tuple[Listed, ...]:
    """What is selected, with its latest version and what apply would do; an environment that has no plan has a row."""
    environments = project.environments(selection)
    prepared: list[Prepared] = []
    for environment in environments:
        try:
            prepared += project.preparer.prepare([environment], to_build=True)
        except EnvbuildError:
            continue  # `plan` says why
    plan = project.facts(Depth.RECORDS).plan(tuple(prepared), None, explain=False)
    steps = {step.environment: step for step in plan.steps}
    names = tuple(environment.name for environment in environments)
    latest, labels = project.state.latest(names), project.state.labels.of_all(names)
    found = (_listed(one, steps.get(one.name), latest.get(one.name)) for one in environments)
    return tuple(msgspec.structs.replace(one, labels=labels.get(one.name, {})) for one in found)


def _listed(one: Environment, step: Step | None, latest: Version | None) -> Listed:
    return Listed(
        name=one.name,
        builder=one.builder,
        platforms=one.platforms,
        tags=one.tags,
        file=one.path,
        version=latest.version if latest else None,
        action=step.action if step else None,
        state=_state(step, latest),
        built=latest.started if latest and latest.is_built else None,
    )


def _state(step: Step | None, latest: Version | None) -> State:
    """In the words of people; a lock that fell behind a built environment is a change like any other."""
    if step is None:
        return "refused"
    if latest is None:
        return "not locked" if step.fingerprint is None else "not built"
    if step.registered:
        return "registered"
    if step.action != "keep":
        return "changed" if latest.is_built or step.action == "rebuild" else "not built"
    is_here = latest.builder != "local" or local.stands(latest.reference)
    return "up to date" if is_here else "missing"


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


def refuse_stale(one: "Prepared") -> None:
    """What is made of a lock is made of one that is current."""
    if not one.locked.current:
        name, change = one.environment.name, one.locked.changes[0]
        what = f"the lock of '{name}' is not current: {change.text}"
        raise RefusedError(what, change.where, f"run 'envbuild lock {name}'")
