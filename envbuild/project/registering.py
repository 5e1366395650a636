"""Definitions recorded as versions, without building them."""

import datetime as dt
from collections.abc import Iterable, Sequence

import msgspec

from envbuild.builders import makes_images
from envbuild.difference import Difference
from envbuild.errors import RefusedError, UsageError, raise_all
from envbuild.plan import Step
from envbuild.project.applying import refuse_overtaken
from envbuild.project.commit import checked_out
from envbuild.project.comparing import compared
from envbuild.project.front import Project
from envbuild.project.planned import Planned
from envbuild.project.preparing import Prepared
from envbuild.record import Reason, Record
from envbuild.render import platforms_of
from envbuild.version import __version__


class Registered(msgspec.Struct, frozen=True):
    """A version, whether it `is_new`, and what its label stood for before."""

    record: Record
    is_new: bool
    label: str = ""
    before: int | None = None


class Definition(msgspec.Struct, frozen=True):
    """What is to be registered: a step of a plan, and the version that has its content already, if one has."""

    step: Step
    prepared: Prepared
    known: Record | None

    @property
    def version(self) -> int:
        number = self.known.version if self.known else self.step.version
        if number is None:
            raise RefusedError(f"'{self.step.environment}' is not locked", hint="run 'envbuild lock'")
        return number


def definitions(project: Project, planned: Planned, names: Iterable[str], number: int = 0) -> tuple[Definition, ...]:
    """In the order of their names; with a `number` that there is, the one that is of it."""
    raise_all(planned.failures.values())
    steps = {step.environment: step for step in planned.plan.steps}
    prepared = {one.environment.name: one for one in planned.prepared}
    return tuple(
        Definition(steps[name], prepared[name], _known(project, steps[name], number)) for name in sorted(names)
    )


def _known(project: Project, step: Step, number: int) -> Record | None:
    """The latest version, or the one that is insisted on, where it has this content."""
    wanted = project.state.whole(step.environment, number) if number else None
    latest = step.previous_version if step.previous and step.previous == step.fingerprint else None
    if wanted and wanted.fingerprint == step.fingerprint:
        return wanted
    return project.state.whole(step.environment, latest) if latest else None


def conflict(project: Project, one: Definition, number: int) -> Difference | None:
    """What a version that is insisted on has otherwise, where it is another one's."""
    name = one.step.environment
    stands = project.state.whole(name, number)
    if stands is None or stands.fingerprint == one.step.fingerprint:
        return None
    return compared(project, f"{name}@{number}")


def refuse_number(one: Definition, number: int, right: str) -> None:
    """A number is the next one, or that of this very content; `right` says how that is asked for."""
    name = one.step.environment
    if number == one.version:
        return
    hint = f"say '{right}', or leave it out"
    if one.known:
        raise RefusedError(f"'{name}' is {one.known.title} already, and not version {number}", hint=hint)
    raise RefusedError(f"the next version of '{name}' is {one.version}, and not {number}", hint=hint)


def register(project: Project, wanted: Sequence[Definition], label: str = "") -> tuple[Registered, ...]:
    """All of it or nothing, with the label; what has its content on record already takes no number."""
    if not wanted:
        raise UsageError("nothing is selected that could be registered", hint="name an environment")
    with project.held():
        refuse_overtaken(project.state, tuple(one.step for one in wanted))
        records = [one.known or _recorded(project, one) for one in wanted]
        labels = [(one.environment, label, one.version) for one in records if label]
        fresh = [record for record, one in zip(records, wanted, strict=True) if not one.known]
        before = project.state.register(fresh, labels) if fresh or labels else {}
    return tuple(Registered(one, one in fresh, label, before.get(one.environment)) for one in records)


def _recorded(project: Project, one: Definition) -> Record:
    """All that a build would remember, but for what comes of building."""
    step, environment = one.step, one.prepared.environment
    job = project.jobs().job(step, one.prepared)
    source = checked_out(project.root, project.programs, project.host)
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    is_image = makes_images(environment.builder)
    record = Record(
        environment=step.environment,
        version=one.version,
        fingerprint=job.fingerprint.text,
        builder=environment.builder,
        platform=",".join(platforms_of(environment)) if is_image else project.platform,
        machine="" if is_image else project.machine,
        reference="",
        started=now,
        manifest_path=environment.path,
        parts=job.whole_parts,
        manifest=job.manifest,
        lock=job.lock_text,
        artifacts=job.render(),
        python="",
        commit=source.commit,
        dirty=source.dirty,
        seconds=0.0,
        tool=__version__,
        log="",
        reasons=_reasons(step),
        registered=now,
        sources=job.sources,
    )
    _refuse_moved(project, one)
    return record


def _reasons(step: Step) -> tuple[Reason, ...]:
    """Why there is such a version; where its content stands besides is the business of who builds it."""
    own = tuple(reason for reason in step.reasons if reason.part != "content")
    return own or (Reason("record", "not built yet", step.reasons[0].where if step.reasons else ""),)


def _refuse_moved(project: Project, one: Definition) -> None:
    """Files may change at any moment, also while they are read."""
    (again,) = project.preparer.prepare((one.prepared.environment,), to_build=True)
    if again.fingerprint != one.prepared.fingerprint:
        what = f"files of '{one.step.environment}' were changed while it was registered"
        raise RefusedError(what, hint="run 'envbuild register' again")
