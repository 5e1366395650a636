"""`envbuild verify`."""

import click

from envbuild.cli.options import Common, terminated, with_globals


@click.command("verify")
@click.argument("environment", metavar="ENV")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str) -> int:
    """Rebuild an image from its lock, and compare: with what was recorded, and with what its registry serves.

    Every layer is made anew, in a folder that is gone afterwards; nothing is pushed or recorded. An image of builder
    'oci' is the same bytes wherever it is made, so any difference is a fault, or somebody's doing: exit code 1. Of
    builder 'docker' no two builds are equal, and it is refused.

    \b
    Examples:
      envbuild verify serving/web
      envbuild verify serving/web --json
    """
    from envbuild.cli.progress import patience
    from envbuild.project.distributing.verifying import verified
    from envbuild.report.verified import verified_json, verified_text

    project = common.project()
    with terminated(), patience(common, "rebuilding"):
        found = verified(project, environment, lambda _: None)
    common.out(verified_json(found) if common.json else verified_text(found, common.look))
    return 0 if found.holds else 1
