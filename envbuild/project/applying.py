"""A plan, done: each step with all that it needs, to the records that the plan was made from."""

from envbuild.apply import Event, Job, Pace, Site, Summary, Tell, apply
from envbuild.errors import RefusedError
from envbuild.plan import Step
from envbuild.project.jobs import Jobs
from envbuild.project.planned import Planned
from envbuild.project.preparing import Prepared
from envbuild.project.recorded import recorded_job
from envbuild.record import Record
from envbuild.state import State


class Applying:
    """One apply of one project, which is held meanwhile."""

    def __init__(self, jobs: Jobs, site: Site) -> None:
        self._jobs = jobs
        self._site = site

    def apply(self, planned: Planned, on_event: Tell, pace: Pace) -> Summary:
        records, by_name = planned.records, {one.environment.name: one for one in planned.prepared}
        steps = tuple(step for step in planned.plan.changes if step.environment not in records)
        refuse_overtaken(self._site.state, steps)
        for name, error in planned.failures.items():
            on_event(Event("failed", name, str(error), error=error))
        return apply(
            planned.plan,
            lambda step: self._job(step, records.get(step.environment), by_name.get(step.environment)),
            self._site,
            on_event,
            pace,
            planned.failures,
        )

    def _job(self, step: Step, record: Record | None, prepared: Prepared | None) -> Job:
        if record:
            return recorded_job(step, record)
        if prepared is None:
            raise RefusedError(f"'{step.environment}' was not prepared", hint="plan again")
        return self._jobs.job(step, prepared)


def refuse_overtaken(state: State, steps: tuple[Step, ...]) -> None:
    """A plan is done to the records that it was made from, or not at all."""
    latest = state.latest(tuple(step.environment for step in steps))
    for step in steps:
        found = latest.get(step.environment)
        known = (found.fingerprint, found.version) if found else (None, None)
        if (step.previous, step.previous_version) != known:
            what = f"the records of '{step.environment}' have moved since the plan was made"
            raise RefusedError(what, hint="plan again")
