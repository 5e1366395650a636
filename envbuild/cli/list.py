"""`envbuild list`."""

import click

from envbuild.cli.options import Common, environments, selected, tags, with_globals


@click.command("list")
@environments
@tags
@with_globals
@click.pass_obj
def command(common: Common, /, *, environments: tuple[str, ...], tags: tuple[tuple[str, str], ...]) -> int:
    """List environments: their version, what apply would do, builder, platforms, tags and file.

    \b
    Examples:
      envbuild list
      envbuild list 'churn/*'
      envbuild list --tag team=growth --tag gpu=true
      envbuild list @nightly --json
    """
    from envbuild.cli.progress import patience
    from envbuild.project import listed
    from envbuild.report.looking import list_json, list_text

    with patience(common, "reading manifests"):
        rows = listed(common.project(), selected(environments, tags))
    common.out(list_json(rows) if common.json else list_text(rows))
    return 0
