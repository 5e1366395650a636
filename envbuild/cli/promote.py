"""`envbuild promote`."""

import click

from envbuild.cli.options import Common, further_tags, terminated, with_globals


@click.command("promote")
@click.argument("environment", metavar="ENV@VERSION")
@further_tags(
    "--tag", "tags", help="What the image is to be called as well; may be given several times.", required=True
)
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, tags: tuple[str, ...]) -> int:
    """Give the image of a version further tags, in each of its registries. Nothing is built or uploaded.

    A version that no record of this machine knows is looked for in the registry by its tag. An image that only this
    machine has is tagged where it is. What each tag stood for before is told first.

    \b
    Examples:
      envbuild promote serving/web@2 --tag prod
      envbuild promote serving/web@latest --tag staging --tag canary
    """
    from envbuild.cli.progress import patience
    from envbuild.errors import UsageError
    from envbuild.project.distributing.promoting import moves, promote
    from envbuild.project.distributing.recalled import recalled
    from envbuild.project.versions import parted
    from envbuild.report.images import move_lines, moves_json

    name, version = parted(environment)
    if not version:
        raise UsageError(f"'{environment}' names no version", hint=f"say '{name}@1' or '{name}@latest'")
    project = common.project()
    with patience(common, "asking the registry"):
        image = recalled(project, name, version)
        wanted = moves(project, image, tags)
    if not common.json:
        for line in move_lines(image, wanted):
            common.out(line)
    with terminated(), patience(common, "tagging"):
        promote(project, image, wanted)
    if common.json:
        common.out(moves_json(image, wanted))
    return 0
