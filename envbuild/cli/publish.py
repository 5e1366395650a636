"""`envbuild publish`."""

import click

from envbuild.cli.options import Common, further_tags, jobs, progress, terminated, with_globals


@click.command("publish")
@click.argument("environments", metavar="ENV[@VERSION]...", nargs=-1, required=True)
@jobs
@further_tags("--also-tag", "also", help="A further tag for every image.")
@click.option("--atomic", is_flag=True, help="Name and record nothing unless everything was made.")
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, environments: tuple[str, ...], jobs: int, also: tuple[str, ...], atomic: bool) -> int:
    """Make one image of what 'apply --platform P' has pushed on several machines.

    What each machine has built is found by its content, so this one needs the same checkout and a registry, and no
    records. The whole gets its version, its tags and a record; nothing is built, and no layer is sent again.

    \b
    Examples:
      envbuild publish serving/web
      envbuild publish '**'                 every image of the project
      envbuild publish serving/web@latest --also-tag stable
    """
    from envbuild.api.planning import refuse_unlocked
    from envbuild.cli.apply import end
    from envbuild.cli.progress import patience, shown_progress
    from envbuild.project import Selection
    from envbuild.project.distributing.publishing import joint, recorded, to_publish
    from envbuild.project.versions import asked_versions
    from envbuild.project.wishes import Wishes
    from envbuild.report.applied import Applied

    project = common.project()
    project.wishes = Wishes(joins=True, also=also, atomic=atomic)
    with patience(common, "planning"):
        told, rest = asked_versions(project, Selection(environments))
        versions = recorded(project, told)
        planned = to_publish(project, rest) if rest else None
    if planned:
        refuse_unlocked(planned)
    whole = joint(versions, planned)
    if not whole.plan.changes:
        return end(common, Applied(whole, command="publish"))
    with terminated(), shown_progress(common) as shown, project.held():
        summary = project.apply(whole, shown.tell, jobs=jobs)
    return end(common, Applied(whole, shown.board.ended, summary, command="publish"), begun=True)
