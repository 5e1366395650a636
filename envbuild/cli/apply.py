"""`envbuild apply`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, jobs, locked, no_refresh, selection, terminated, with_globals
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.apply import Event, Summary
    from envbuild.project import Planned, Project, Selection


@click.command("apply")
@selection
@jobs
@click.option("--fail-fast", is_flag=True, help="Begin nothing new after the first failure.")
@click.option("--prune", is_flag=True, help="Also forget records whose manifests are gone.")
@click.option("-y", "--yes", is_flag=True, envvar="ENVBUILD_YES", help="Do not ask before forgetting.")
@locked
@no_refresh
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", **options: Any) -> int:
    """Build what changed, and remember it. Does exactly what plan says.

    What has no current lock is locked first. A failure ends nothing that does not depend on it.

    \b
    Examples:
      envbuild apply
      envbuild apply 'churn/*' --exclude churn/report -j 4
      envbuild apply --locked               as CI should: locks must be committed
      envbuild apply --prune -y             also forget what has no manifest any more
    """
    project = common.project()
    planned = first_plan(project, selection, **options)
    prune = _may_prune(planned, yes=options["yes"]) if options["prune"] else False
    told = _Telling(common)
    if not prune and not planned.has_work:
        return told.end(planned, ())
    with terminated(), project.held():
        planned = settled_plan(planned, project, common, selection, **options)
        told.begin(planned)
        if planned.plan.changes:
            told.summary = project.apply(planned, told.event, jobs=options["jobs"], fail_fast=options["fail_fast"])
        return told.end(planned, project.forget(planned) if prune else ())


def first_plan(project: "Project", selection: "Selection", **options: Any) -> "Planned":
    """Whether there is anything to do at all; with --locked a lock that is not current ends it here."""
    from envbuild.cli.refusals import refuse_unlocked

    planned = project.plan(selection, refresh=not options["no_refresh"])
    if options["locked"]:
        refuse_unlocked(planned)
    return planned.without_copies if options["locked"] else planned


def settled_plan(
    planned: "Planned", project: "Project", common: Common, selection: "Selection", **options: Any
) -> "Planned":
    """The plan that is going to be done: what has no lock is locked first, and then planned again."""
    if not planned.to_lock:
        return planned
    return project.lock_and_plan(
        planned,
        selection,
        lambda name, text: common.say(f"{name}: {text}"),
        options["jobs"],
        refresh=not options["no_refresh"],
    )


def _may_prune(planned: "Planned", *, yes: bool) -> bool:
    """Removing is asked for on a terminal; elsewhere it has to be said."""
    gone = [step.environment for step in planned.plan.steps if step.action == "forget"]
    if not gone:
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("--prune removes records, and there is no terminal to ask", hint="say it with -y")
    return click.confirm(f"Forget the records of {', '.join(gone)}?", err=True)


def tell(common: Common, event: "Event") -> None:
    from envbuild.report.records import event_lines

    say = common.warn if event.kind in {"failed", "skipped"} else common.say
    say("\n".join(event_lines(event)))


class _Telling:
    """What an apply says while it works and when it has ended."""

    def __init__(self, common: Common) -> None:
        self.common = common
        self.summary: Summary | None = None
        self.ended: dict[str, Event] = {}
        self.begun = False

    def begin(self, planned: "Planned") -> None:
        from envbuild.report.plans import plan_text

        if not self.common.json:
            self.common.out(plan_text(planned.plan, verbose=self.common.verbose))
        self.begun = True

    def event(self, event: "Event") -> None:
        if event.kind in {"done", "failed", "skipped"}:
            self.ended[event.environment] = event
        tell(self.common, event)

    def end(self, planned: "Planned", forgotten: tuple[str, ...]) -> int:
        if not self.begun:
            self.begin(planned)
        failed = bool(self.summary and (self.summary.failed or self.summary.skipped))
        if self.common.json:
            self._json(planned)
        elif self.summary or forgotten:
            self.common.out(self._sum(forgotten))
        return 1 if failed else 0

    def _json(self, planned: "Planned") -> None:
        from envbuild.report.plans import document, error_object, step_object

        steps = []
        failures = [event.error for event in self.ended.values() if event.error]
        for step in planned.plan.listed:
            ended = self.ended.get(step.environment)
            result = ended.kind if ended else "none"
            reference = ended.text if ended and result == "done" else None
            error = (ended.error.message if ended.error else ended.text) if ended and result != "done" else None
            log = ended.log or None if ended else None
            steps.append({**step_object(step), "result": result, "reference": reference, "error": error, "log": log})
        errors = [error_object(problem) for error in failures for problem in error.problems]
        told = {"errors": errors} if errors else {}
        self.common.out(document(summary=planned.plan.summary, steps=steps, **told))

    def _sum(self, forgotten: tuple[str, ...]) -> str:
        summary = self.summary
        counted = (
            (len(summary.done) if summary else 0, "done"),
            (len(summary.failed) if summary else 0, "failed"),
            (len(summary.skipped) if summary else 0, "skipped"),
            (len(forgotten), "forgotten"),
        )
        return f"Apply: {', '.join(f'{count:,} {word}' for count, word in counted if count)}."
