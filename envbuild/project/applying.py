"""A plan, done: each step with all that it needs, to the records that the plan was made from."""

from envbuild.apply import Event, Job, Pace, Site, Summary, Tell, apply
from envbuild.builders import makes_images
from envbuild.errors import Place, RefusedError
from envbuild.plan import Step
from envbuild.project.images import Images
from envbuild.project.locks import Locks, python_range
from envbuild.project.planned import Planned
from envbuild.project.preparing import Prepared
from envbuild.project.recorded import recorded_job
from envbuild.record import Record
from envbuild.render import Templates, render
from envbuild.resolve import resolved_text
from envbuild.workspace import Workspace


class Applying:
    """One apply of one project, which is held meanwhile."""

    def __init__(self, workspace: Workspace, locks: Locks, templates: Templates, images: Images, site: Site) -> None:
        self._workspace = workspace
        self._locks = locks
        self._templates = templates
        self._images = images
        self._site = site

    def apply(self, planned: Planned, on_event: Tell, pace: Pace) -> Summary:
        records, by_name = planned.records, {one.environment.name: one for one in planned.prepared}
        self._refuse_overtaken(tuple(step for step in planned.plan.changes if step.environment not in records))
        for name, error in planned.failures.items():
            on_event(Event("failed", name, str(error), error=error))
        return apply(
            planned.plan,
            lambda step: self._job(step, records.get(step.environment) or by_name[step.environment]),
            self._site,
            on_event,
            pace,
            planned.failures,
        )

    def _refuse_overtaken(self, steps: tuple[Step, ...]) -> None:
        """A plan is done to the records that it was made from, or not at all."""
        latest = self._site.state.latest(tuple(step.environment for step in steps))
        for step in steps:
            found = latest.get(step.environment)
            known = (found.fingerprint, found.version) if found else (None, None)
            if (step.previous, step.previous_version) != known:
                what = f"the records of '{step.environment}' have moved since the plan was made"
                raise RefusedError(what, hint="plan again")

    def _job(self, step: Step, one: Prepared | Record) -> Job:
        if isinstance(one, Record):
            return recorded_job(step, one)
        if one.fingerprint is None:
            what = f"'{step.environment}' is not locked"
            raise RefusedError(what, Place(one.environment.path), "run 'envbuild lock'")
        path = one.locked.path
        text = self._workspace.text(path) if path else None
        lock = self._locks.whole(path) if path else None
        if (lock.head if lock else None) != one.locked.head:
            what = "the lock was changed since the plan was made"
            raise RefusedError(what, Place(path), "run 'envbuild apply' again")
        return Job(
            step=step,
            environment=one.environment,
            fingerprint=one.fingerprint,
            lock=lock,
            lock_text=text or "",
            python_range=python_range(lock, one.locked.requests),
            files=one.files,
            render=lambda: self._rendered(one),
            base=one.base,
            write=lambda folder: self._images.context(one, folder),
            manifest=resolved_text(one.environment),
        )

    def _rendered(self, one: Prepared) -> dict[str, str]:
        if makes_images(one.environment.builder):
            return self._images.rendered(one).texts
        return render(one.environment, self._templates, one.locked.head.python if one.locked.head else "")
