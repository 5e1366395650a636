"""`envbuild plan`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, locked, no_refresh, platforms, refresh, selection, with_globals

if TYPE_CHECKING:
    from envbuild.memo import Moment
    from envbuild.project import Planned, Project, Selection

CHANGES = 2


@click.command("plan")
@selection
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are changes.")
@locked
@no_refresh
@refresh
@platforms
@with_globals
@click.pass_obj
def command(
    common: Common,
    /,
    *,
    selection: "Selection",
    platforms: tuple[str, ...],
    detailed_exitcode: bool,
    **options: bool,
) -> int:
    """Say what apply would build, and which line of which file caused it. Writes nothing.

    \b
    Signs: + create, ~ rebuild, ! restore, = adopt, - forget.

    \b
    Examples:
      envbuild plan
      envbuild plan churn/train 'serving/*'
      envbuild plan base --with-dependents  all that is made from base
      envbuild plan -v                      all of it, and what is worth a note
      envbuild plan --refresh               also what registries have
      envbuild plan --json
      envbuild plan --detailed-exitcode     0 nothing to do, 2 there are changes
    """
    from envbuild.api.planning import refuse_unlocked
    from envbuild.cli.problems import show_notes
    from envbuild.cli.progress import patience
    from envbuild.project.standing import Depth
    from envbuild.project.wishes import Wishes
    from envbuild.report.plans import plan_json, plan_text

    project = common.project()
    project.wishes = Wishes(platforms=platforms)
    with patience(common, "planning"):
        planned = project.plan(selection, Depth.of(refresh=not options["no_refresh"], deep=options["refresh"]))
    if options["locked"]:
        refuse_unlocked(planned)
    common.out(
        plan_json(planned.plan) if common.json else plan_text(planned.plan, verbose=common.verbose, look=common.look)
    )
    if common.verbose and not common.json:
        show_notes(common, selection)
    if common.moment and selection.everything:
        _remember(project, planned, common.moment, refresh=not options["no_refresh"])
    return CHANGES if detailed_exitcode and planned.plan.changes else 0


def _remember(project: "Project", planned: "Planned", moment: "Moment", *, refresh: bool) -> None:
    """Where nothing is to be done, the next plan may say so at once (see `again`)."""
    if planned.plan.listed:
        return
    from envbuild.project.remembering import remember
    from envbuild.report.plans import plan_json, plan_text

    remember(project, planned, moment, (plan_text(planned.plan), plan_json(planned.plan)), refresh=refresh)
