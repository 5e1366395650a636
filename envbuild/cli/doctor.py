"""`envbuild doctor`."""

import os

import click

from envbuild.cli.options import Common, with_globals


@click.command("doctor")
@click.option("--offline", is_flag=True, help="Ask no package index and no registry.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, offline: bool) -> int:
    """Check what envbuild needs of this machine and of the project: what works, what does not, how to mend it.

    It works outside a project as well, writes nothing, and exits with 1 only when something that is needed has failed.

    \b
    Examples:
      envbuild doctor
      envbuild doctor --offline --json
    """
    from envbuild.cli.progress import patience
    from envbuild.project.health.health import examine
    from envbuild.report.health import health_json, health_text

    with patience(common, "looking at this machine"):
        checks = examine(common.directory, os.environ, offline=offline)
    common.out(health_json(checks) if common.json else health_text(checks, common.look))
    return int(any(check.state == "failed" for check in checks))
