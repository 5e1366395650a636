"""`envbuild runs rerun`, `rm`: what is done with runs that have ended."""

from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, with_globals
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.project.runs.ran import Runs


@click.command("rerun")
@click.argument("run", metavar="RUN")
@click.option("-e", "--env", "variables", metavar="NAME=VALUE", multiple=True, help="Set what was given then.")
@click.option("--detach", is_flag=True, help="Print its number at once; it goes on by itself.")
@with_globals
@click.pass_obj
def rerun(common: Common, /, *, run: str, variables: tuple[str, ...], detach: bool) -> int:
    """Run the same command again, on the same source, in the same environment: a run of its own, with its own code.

    The source is a copy of the snapshot; outputs are kept, and the copy is gone afterwards. The environment has to
    stand: 'runs env -o' and 'apply' there build it again. Values of --env are not kept, and have to be said again.

    \b
    Examples:
      envbuild runs rerun latest
      envbuild runs rerun 1 --detach
    """
    from envbuild.cli.started import attended
    from envbuild.project.runs import rerunning
    from envbuild.project.runs.ran import Runs

    project = common.project()
    runs = Runs(project)
    found = runs.one(run)
    one, wish = rerunning.again(project, runs, found, variables)
    folder = rerunning.source(project, runs, found)
    try:
        if found.image:
            from envbuild.cli.containing import is_ours

            begun = rerunning.contained_again(
                project,
                (one, wish, found),
                folder,
                lambda text: common.say(f"{found.environment}: {text}"),
                terminal=is_ours() and not detach,
            )
        else:
            begun = rerunning.ticket(project, (one, wish, found), folder)
        return attended(common, begun, detach=detach)
    except BaseException:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
        raise


@click.command("rm")
@click.argument("numbers", metavar="[RUN]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that have ended.")
@click.option("--environment", "environments", metavar="ENV[@VERSION]", multiple=True, help="All that ran in it.")
@click.option("--experiment", metavar="NAME", default="", help="All of this experiment.")
@click.option("--status", "statuses", metavar="STATUS", multiple=True, help="All that are such.")
@with_globals
@click.pass_obj
def rm(common: Common, /, *, numbers: tuple[str, ...], every: bool, **options: Any) -> int:
    """Forget runs that have ended, with their logs, and what no other run has of snapshots and outputs.

    \b
    Examples:
      envbuild runs rm 1
      envbuild runs rm --status failed --experiment lr
    """
    from envbuild.project.runs.ran import Runs
    from envbuild.report.runs import removed_json, removed_text

    asked = bool(options["environments"] or options["experiment"] or options["statuses"])
    if bool(numbers) + every + asked != 1:
        raise UsageError("say which runs: by their numbers, by what they are, or --all", hint="say one of these")
    runs = Runs(common.project())
    found = runs.numbers(numbers) if numbers else _selected(runs, options, every=every)
    freed = runs.remove(found)
    common.out(removed_json(found, freed) if common.json else removed_text(found, freed))
    return 0


def _selected(runs: "Runs", options: dict[str, Any], *, every: bool) -> tuple[int, ...]:
    from envbuild.runs import selected

    if every:
        return runs.ended()
    environments = tuple(map(runs.numbered, options["environments"]))
    found = selected(runs.every()[0], environments, options["experiment"], options["statuses"])
    return tuple(one.id for one in found)
