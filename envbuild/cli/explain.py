"""`envbuild explain`."""

import click

from envbuild.cli.options import Common, with_globals


@click.command("explain")
@click.argument("environment", metavar="ENV")
@click.argument("field", metavar="[FIELD]", required=False, default="")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, field: str) -> int:
    """Say of every value which line of which file it came from, and what it overrode.

    FIELD is a key, a key within a key, or the name of a package.

    \b
    Examples:
      envbuild explain churn/train
      envbuild explain churn/train variables
      envbuild explain churn/train numpy
      envbuild explain churn/train image.apt --json
    """
    from envbuild.project import explained
    from envbuild.report.looking import explain_json, explain_text

    rows = explained(common.project(), environment, field)
    common.out(explain_json(rows) if common.json else explain_text(rows, common.look))
    return 0
