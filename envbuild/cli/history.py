"""`envbuild history`."""

import click

from envbuild.cli.options import Common, with_globals


@click.command("history")
@click.argument("environment", metavar="ENV")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str) -> int:
    """List the versions of an environment, newest first, and what changed from one to the next.

    Of many reasons the first are shown; -v shows all. A commit with + had changes that were not committed.

    \b
    Examples:
      envbuild history churn/train
      envbuild history churn/train -v
      envbuild history churn/train --json
    """
    import datetime as dt

    from envbuild.project.versions import history
    from envbuild.report.plans import document
    from envbuild.report.stories import history_object, history_text

    every = history(common.project(), environment)
    if common.json:
        common.out(document(records=[history_object(one) for one in every]))
    else:
        common.out(history_text(every, dt.datetime.now(dt.UTC), common.look, verbose=common.verbose))
    return 0
