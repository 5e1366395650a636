"""`envbuild apply`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import (
    Common,
    imaging,
    jobs,
    locked,
    no_refresh,
    progress,
    refresh,
    selection,
    terminated,
    with_globals,
)
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.apply import Tell
    from envbuild.memo import Moment
    from envbuild.project import Planned, Project, Selection
    from envbuild.project.standing import Depth
    from envbuild.project.wishes import Wishes
    from envbuild.report.applied import Applied


@click.command("apply")
@selection
@jobs
@click.option("--fail-fast", is_flag=True, help="Begin nothing new after the first failure.")
@click.option("--prune", is_flag=True, help="Also forget records whose manifests are gone.")
@click.option("-y", "--yes", is_flag=True, envvar="ENVBUILD_YES", help="Do not ask before forgetting.")
@locked
@no_refresh
@refresh
@imaging
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", wishes: "Wishes", **options: Any) -> int:
    """Build what changed, and remember it. Does exactly what plan says.

    What has no current lock is locked first. A failure ends nothing that does not depend on it. Images are pushed to
    the registry that envbuild.yaml names. Where it names none they stay on this machine: in Docker's engine, or in the
    user's store what builder 'oci' has made. --output writes them into files for other programs.

    \b
    Examples:
      envbuild apply
      envbuild apply 'churn/*' --exclude churn/report -j 4
      envbuild apply --locked               as CI should: locks must be committed
      envbuild apply --prune -y             also forget what has no manifest
      envbuild apply serving/web --no-push  an image for this machine alone
      envbuild apply --also-tag release-7 --atomic
      envbuild apply serving/web --output oci-archive:web.tar
    """
    from envbuild.cli.progress import shown_progress
    from envbuild.report.applied import Applied

    project = common.project()
    project.wishes = wishes
    names = _to_write(project, selection, wishes)
    planned = first_plan(common, project, selection, **options)
    prune = _may_prune(planned, yes=options["yes"]) if options["prune"] else False
    if not prune and not planned.has_work:
        if common.moment and selection.everything:
            _remember(project, planned, common.moment)
        return end(common, _written(common, project, Applied(planned), names))
    with terminated(), shown_progress(common) as shown, project.held():
        planned = settled_plan(planned, project, shown.tell, selection, **options)
        _show_plan(common, planned)
        summary = None
        if planned.plan.changes:
            summary = project.apply(planned, shown.tell, jobs=options["jobs"], fail_fast=options["fail_fast"])
        forgotten = project.forget(planned) if prune else ()
    applied = _written(common, project, Applied(planned, shown.board.ended, summary, forgotten), names)
    return end(common, applied, begun=True)


def _to_write(project: "Project", selection: "Selection", wishes: "Wishes") -> tuple[str, ...]:
    """Images that are to be written into files besides, by environment."""
    if not wishes.outputs:
        return ()
    from envbuild.project.distributing.outputs import images_of

    return images_of(project, selection, wishes.outputs)


def _written(common: Common, project: "Project", applied: "Applied", names: tuple[str, ...]) -> "Applied":
    """What was built, or stood already, is written; nothing is where anything failed."""
    if not names or applied.has_failed:
        return applied
    import msgspec

    from envbuild.cli.progress import patience
    from envbuild.project.distributing.outputs import write

    with terminated(), patience(common, "writing"):
        return msgspec.structs.replace(applied, written=write(project, names, project.wishes.outputs))


def first_plan(common: Common, project: "Project", selection: "Selection", **options: Any) -> "Planned":
    """Whether there is anything to do at all; with --locked a lock that is not current ends it here."""
    from envbuild.api import planning
    from envbuild.cli.progress import patience

    with patience(common, "planning"):
        return planning.first_plan(project, selection, _depth(**options), locked=options["locked"])


def settled_plan(
    planned: "Planned", project: "Project", tell: "Tell", selection: "Selection", **options: Any
) -> "Planned":
    """The plan that is going to be done: what has no lock is locked first, and then planned again."""
    from envbuild.api import planning

    return planning.settled_plan(project, planned, selection, tell, options["jobs"], _depth(**options))


def _depth(*, no_refresh: bool, refresh: bool = False, **_: Any) -> "Depth":
    from envbuild.project.standing import Depth

    return Depth.of(refresh=not no_refresh, deep=refresh)


def _remember(project: "Project", planned: "Planned", moment: "Moment") -> None:
    """Where nothing is to be done, the next apply may say so at once (see `again`)."""
    if planned.plan.listed:
        return
    from envbuild import memo
    from envbuild.project.remembering import remember
    from envbuild.report.applied import Applied, applied_json
    from envbuild.report.plans import plan_text

    answers = (plan_text(planned.plan), applied_json(Applied(planned)))
    remember(project, planned, moment, answers, refresh=True, name=memo.APPLY)


def _may_prune(planned: "Planned", *, yes: bool) -> bool:
    """Removing is asked for on a terminal; elsewhere it has to be said."""
    gone = [step.environment for step in planned.plan.steps if step.action == "forget"]
    if not gone:
        return False
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("--prune removes records, and there is no terminal to ask", hint="say it with -y")
    from envbuild.report.terminal import one_line

    return click.confirm(f"Forget the records of {one_line(', '.join(gone))}?", err=True)


def _show_plan(common: Common, planned: "Planned") -> None:
    from envbuild.report.plans import plan_text

    if not common.json:
        common.out(plan_text(planned.plan, verbose=common.verbose, look=common.look))


def end(common: Common, applied: "Applied", *, begun: bool = False) -> int:
    """What became of it, in the end; exit 1 when anything failed or was left."""
    from envbuild.cli.problems import annotate
    from envbuild.report.applied import applied_json, applied_text, written_lines

    if common.json:
        common.out(applied_json(applied))
    elif not begun:
        _show_plan(common, applied.planned)
        if applied.written:
            common.out("\n".join(written_lines(applied, common.look)))
    elif applied.summary or applied.forgotten or applied.written:
        common.out(applied_text(applied, common.look))
    annotate(common, applied.errors)
    return 1 if applied.has_failed else 0
