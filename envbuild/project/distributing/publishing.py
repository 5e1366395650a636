"""What several machines have built, each for its own platform, published as one image; nothing is built for that."""

from collections.abc import Sequence

import msgspec

from envbuild.builders import makes_images
from envbuild.errors import PlanError, UsageError, raise_all
from envbuild.plan import Plan, Step
from envbuild.project.front import Project
from envbuild.project.numbered import refuse_unbuilt
from envbuild.project.planned import Planned
from envbuild.project.selection import Selection
from envbuild.project.standing import Depth
from envbuild.project.versions import Told
from envbuild.record import Reason, Record
from envbuild.registry.repositories import repositories
from envbuild.resolve import Environment

_NO_IMAGE = "choose what has 'builder: docker' or 'builder: oci'"


def to_publish(project: Project, selection: Selection) -> Planned:
    """What of the selection is no whole yet in its registry; what is no image is left out, unless it is named."""
    images = [one for one in project.environments(selection) if _is_image(one, named=selection.only_names)]
    raise_all(problem for one in images if (problem := _unpublishable(one)))
    if not images:
        raise UsageError("nothing of what is selected is an image", hint=_NO_IMAGE)
    return project.plan(Selection(tuple(one.name for one in images)), Depth.WHOLE).without_copies


def _is_image(one: Environment, *, named: bool) -> bool:
    is_image = makes_images(one.builder)
    if named and not is_image:
        raise UsageError(f"'{one.name}' is no image: its builder is '{one.builder}'", hint=_NO_IMAGE)
    return is_image


def _unpublishable(one: Environment) -> PlanError | None:
    if repositories(one)[0].server:
        return None
    return PlanError(f"'{one.name}' has no registry", one.where("publish"), "set 'registry' in envbuild.yaml")


def recorded(project: Project, versions: Sequence[Told]) -> Planned:
    """Versions that are remembered, each as a step that gives its reference anew."""
    records = {one.record.environment: one.record for one in versions}
    for record in records.values():
        refuse_unbuilt(project, record)
    return Planned(Plan(tuple(_step(one.record) for one in versions)), (), records=records)


def _step(record: Record) -> Step:
    if not makes_images(record.builder):
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


def joint(versions: Planned, planned: Planned | None) -> Planned:
    """Versions first, which are older; then what the manifests say now: all of it is one apply."""
    plan = Plan((*versions.plan.steps, *(planned.plan.steps if planned else ())))
    if len({step.environment for step in plan.steps}) < len(plan.steps):
        raise UsageError("one environment is named twice", hint="name it once, with a version or without")
    return msgspec.structs.replace(planned or versions, plan=plan, records=versions.records)
