"""`envbuild pull`."""

import click

from envbuild.cli.options import Common, progress, terminated, with_globals


@click.command("pull")
@click.argument("environment", metavar="ENV[@VERSION]")
@click.option(
    "--platform", metavar="PLATFORM", default="", help="Of an image for several platforms this one; else the engine's."
)
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, platform: str) -> int:
    """Get an image into this machine's engine, by its digest, under the names that it was given.

    Without a version it is what the manifest says now. What no record of this machine knows is looked for in the
    registry; what builder 'oci' has kept on this machine comes from there.

    \b
    Examples:
      envbuild pull serving/web
      envbuild pull serving/web@2
    """
    from envbuild.cli.progress import shown_progress
    from envbuild.project.distributing.pulling import pull
    from envbuild.project.distributing.recalled import recalled
    from envbuild.project.versions import parted
    from envbuild.report.images import pulled_json, pulled_text

    name, version = parted(environment)
    project = common.project()
    with terminated(), shown_progress(common) as shown:
        found = pull(project, recalled(project, name, version), shown.tell, platform)
    common.out(pulled_json(found) if common.json else pulled_text(found))
    return 0
