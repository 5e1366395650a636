"""`envbuild history`."""

import click

from envbuild.cli.options import Common, with_globals


@click.command("history")
@click.argument("environment", metavar="ENV")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str) -> int:
    """List the versions of an environment, newest first.

    \b
    Examples:
      envbuild history churn/train
      envbuild history churn/train --json
    """
    from envbuild.report.plans import document
    from envbuild.report.records import history_text, record_object

    records = common.project().history(environment)
    if common.json:
        common.out(document(records=[record_object(record) for record in records]))
    else:
        common.out(history_text(records))
    return 0
