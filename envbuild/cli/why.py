"""`envbuild why`."""

from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, no_refresh, refuse_everything, selection, with_globals

if TYPE_CHECKING:
    from envbuild.plan import Step
    from envbuild.project import Selection
    from envbuild.project.versions import Told


@click.command("why")
@selection
@no_refresh
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", no_refresh: bool) -> int:
    """Say why environments would be built, or why versions were: every reason, with the line it comes from.

    ENV is what a plan says now. With @VERSION it is told what that version replaced, when, from which commit, and
    for which reasons, with the lines as they were then.

    \b
    Examples:
      envbuild why churn/train
      envbuild why churn/train@1
      envbuild why churn/train@latest churn/report
      envbuild why base --with-dependents   all that is made from base
      envbuild why churn/train --json
    """
    from envbuild.cli.progress import patience
    from envbuild.project.standing import Depth
    from envbuild.project.versions import asked_versions

    refuse_everything(selection)
    project = common.project()
    with patience(common, "planning"):
        versions, rest = asked_versions(project, selection)
        steps = project.plan(rest, Depth.of(refresh=not no_refresh)).plan.steps if rest else ()
    _tell(common, versions, steps)
    return 0


def _tell(common: Common, versions: "list[Told]", steps: "tuple[Step, ...]") -> None:
    import datetime as dt

    from envbuild.report.plans import document, step_object
    from envbuild.report.stories import step_text, told_object, told_text

    if common.json:
        objects: list[dict[str, Any]] = [told_object(one) for one in versions]
        common.out(document(steps=[*objects, *(step_object(step) for step in steps)]))
        return
    now, look = dt.datetime.now(dt.UTC), common.look
    told = [told_text(one, now, look) for one in versions]
    common.out("\n".join([*told, *(step_text(step, look) for step in steps)]))
