"""`envbuild list`."""

from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, selection, with_globals

if TYPE_CHECKING:
    from envbuild.project import Selection


@click.command("list")
@selection
@click.option("--curated", is_flag=True, help="List what catalogues have: envbuild's own, and those of envbuild.yaml.")
@click.option("--packages", is_flag=True, help="With --curated: also what each asks for, inherited wishes among it.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", curated: bool, packages: bool) -> int:
    """List environments: their state, version, age, builder, platforms, tags and file.

    States: up to date; changed (apply would build it anew); missing (recorded, but gone from this machine);
    not built; not locked; refused (plan says why). --json also has the plan's action.

    \b
    Examples:
      envbuild list
      envbuild list 'churn/*'
      envbuild list --tag team=growth --tag gpu=true
      envbuild list @nightly --json
      envbuild list --curated --packages
    """
    import datetime as dt

    from envbuild.cli.progress import patience
    from envbuild.errors import UsageError
    from envbuild.project import listed
    from envbuild.report.looking import list_json, list_text

    if packages and not curated:
        raise UsageError("'--packages' are those of catalogues", hint="say '--curated --packages'")
    if curated:
        return _curated(common, selection, packages=packages)
    with patience(common, "reading manifests"):
        rows = listed(common.project(), selection)
    common.out(list_json(rows) if common.json else list_text(rows, dt.datetime.now(dt.UTC), common.look))
    return 0


def _curated(common: Common, selection: "Selection", *, packages: bool) -> int:
    from envbuild.cli.progress import patience
    from envbuild.process import given_environment
    from envbuild.project.curated import anywhere, offered
    from envbuild.report.curated import curated_json, curated_text

    with patience(common, "reading catalogues"):
        rows = offered(anywhere(common.directory, given_environment()), selection)
    told = curated_json(rows, packages=packages) if common.json else curated_text(rows, common.look, packages=packages)
    common.out(told)
    return 0
