"""`envbuild why`."""

import click

from envbuild.cli.options import Common, no_refresh, selected, with_globals


@click.command("why")
@click.argument("environment", metavar="ENV")
@no_refresh
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, no_refresh: bool) -> int:
    """Say why an environment would be built: every reason, with the line it comes from.

    \b
    Examples:
      envbuild why churn/train
      envbuild why churn/train --json
    """
    from envbuild.report.plans import document, step_lines, step_object

    planned = common.project().plan(selected((environment,)), refresh=not no_refresh)
    if common.json:
        common.out(document(steps=[step_object(step) for step in planned.plan.steps]))
        return 0
    for step in planned.plan.steps:
        if step.action == "keep":
            common.out(f"{step.environment} is up to date: version {step.version}, {step.fingerprint}")
        else:
            common.out("\n".join(step_lines(step, verbose=True)))
    return 0
