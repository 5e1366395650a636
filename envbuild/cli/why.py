"""`envbuild why`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, no_refresh, refuse_everything, selection, with_globals

if TYPE_CHECKING:
    from envbuild.project import Selection


@click.command("why")
@selection
@no_refresh
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", no_refresh: bool) -> int:
    """Say why environments would be built: every reason, with the line it comes from.

    \b
    Examples:
      envbuild why churn/train
      envbuild why base --with-dependents   what is made from base, one after the other
      envbuild why churn/train --json
    """
    from envbuild.report.plans import document, step_lines, step_object

    refuse_everything(selection)
    planned = common.project().plan(selection, refresh=not no_refresh)
    if common.json:
        common.out(document(steps=[step_object(step) for step in planned.plan.steps]))
        return 0
    for step in planned.plan.steps:
        if step.action == "keep":
            common.out(f"{step.environment} is up to date: version {step.version}, {step.fingerprint}")
        else:
            common.out("\n".join(step_lines(step, verbose=True)))
    return 0
