"""`envbuild list`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, selection, with_globals

if TYPE_CHECKING:
    from envbuild.project import Selection


@click.command("list")
@selection
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection") -> int:
    """List environments: their version, what apply would do, builder, platforms, tags and file.

    \b
    Examples:
      envbuild list
      envbuild list 'churn/*'
      envbuild list --tag team=growth --tag gpu=true
      envbuild list @nightly --json
    """
    from envbuild.project import listed
    from envbuild.report.looking import list_json, list_text

    rows = listed(common.project(), selection)
    common.out(list_json(rows) if common.json else list_text(rows))
    return 0
