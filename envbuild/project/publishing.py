"""What several machines have built, each for its own platform, published as one image; nothing is built for that."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from envbuild.apply import Job, Pace, Summary, Tell, apply
from envbuild.errors import PlanError, UsageError, raise_all
from envbuild.fingerprint import Fingerprint
from envbuild.lock import read_lock
from envbuild.plan import Plan, Step
from envbuild.project.front import Project
from envbuild.project.making import site
from envbuild.project.planned import Planned
from envbuild.project.recorded import as_recorded
from envbuild.project.selection import Selection
from envbuild.project.standing import Depth
from envbuild.project.versions import Told
from envbuild.record import Reason, Record
from envbuild.registry.repositories import repositories
from envbuild.resolve import Environment

_NO_IMAGE = "choose what has 'builder: docker'"


def to_publish(project: Project, selection: Selection) -> Planned:
    """What of the selection is no whole yet in its registry; what is no image is left out, unless it is named."""
    images = [one for one in project.environments(selection) if _is_image(one, named=selection.only_names)]
    raise_all(problem for one in images if (problem := _unpublishable(one)))
    if not images:
        raise UsageError("nothing of what is selected is an image", hint=_NO_IMAGE)
    return project.plan(Selection(tuple(one.name for one in images)), Depth.WHOLE).without_copies


def _is_image(one: Environment, *, named: bool) -> bool:
    if named and one.builder != "docker":
        raise UsageError(f"'{one.name}' is no image: its builder is '{one.builder}'", hint=_NO_IMAGE)
    return one.builder == "docker"


def _unpublishable(one: Environment) -> PlanError | None:
    if repositories(one)[0].server:
        return None
    return PlanError(f"'{one.name}' has no registry", one.where("publish"), "set 'registry' in envbuild.yaml")


def recorded(versions: Sequence[Told]) -> Planned:
    """Versions that are remembered, each as a step that gives its reference anew."""
    return Planned(Plan(tuple(_step(one.record) for one in versions)), ())


def _step(record: Record) -> Step:
    if record.builder != "docker":
        what = f"{record.environment}@{record.version} is no image: its builder was '{record.builder}'"
        raise UsageError(what, hint=_NO_IMAGE)
    where = record.manifest_path
    return Step(
        environment=record.environment,
        action="restore",
        builder=record.builder,
        fingerprint=record.fingerprint,
        previous=record.fingerprint,
        version=record.version,
        after=(),
        reasons=(Reason("reference", "published as it was built", where),),
        previous_version=record.version,
    )


def publish(project: Project, versions: Planned, planned: Planned | None, on_event: Tell, jobs: int) -> Summary:
    """Versions first, which are older; then what the manifests say now."""
    sums = []
    with project.held():
        if versions.plan.steps:
            sums.append(_published(project, versions, on_event, jobs))
        if planned and planned.plan.changes:
            sums.append(project.apply(planned, on_event, jobs=jobs))
    return Summary(*(tuple(sorted({name for one in sums for name in getattr(one, key)})) for key in _ENDINGS))


_ENDINGS = Summary.__struct_fields__


def _published(project: Project, versions: Planned, on_event: Tell, jobs: int) -> Summary:
    records = {step.environment: project.record(step.environment, str(step.version)) for step in versions.plan.steps}
    pace = Pace(jobs, project.wishes.pushers, atomic=project.wishes.atomic)
    with project.tools() as uv, site(project, uv) as found:
        return apply(versions.plan, lambda step: _job(step, records[step.environment]), found, on_event, pace)


def _job(step: Step, record: Record) -> Job:
    """All that it was made from stands in its record."""

    def unwritten(_: Path) -> NoReturn:
        raise PlanError(f"{record.environment}@{record.version} is not built again", hint="build what it says now")

    return Job(
        step=step,
        environment=as_recorded(record),
        fingerprint=Fingerprint(record.parts),
        lock=read_lock(record.manifest_path, record.lock) if record.lock else None,
        lock_text=record.lock,
        python_range="",
        files={},
        render=lambda: record.artifacts,
        manifest=record.manifest,
        write=unwritten,
    )
