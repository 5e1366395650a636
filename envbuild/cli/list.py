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
    """List environments: their state, version, age, builder, platforms, tags and file.

    States: up to date; changed (apply would build it anew); missing (recorded, but gone from this machine);
    not built; not locked; refused (plan says why). --json also has the plan's action.

    \b
    Examples:
      envbuild list
      envbuild list 'churn/*'
      envbuild list --tag team=growth --tag gpu=true
      envbuild list @nightly --json
    """
    import datetime as dt

    from envbuild.cli.progress import patience
    from envbuild.project import listed
    from envbuild.report.looking import list_json, list_text

    with patience(common, "reading manifests"):
        rows = listed(common.project(), selection)
    common.out(list_json(rows) if common.json else list_text(rows, dt.datetime.now(dt.UTC), common.look))
    return 0
