"""`envbuild runs`: what was run, and all that is kept of it."""

from typing import Any

import click

from envbuild.cli.nested import Nested
from envbuild.cli.options import Common, with_globals

SUBCOMMANDS = {
    "show": "Show all that is known of a run.",
    "logs": "Show what a run has written.",
    "env": "Show the exact environment of a run, or write it.",
    "outputs": "Get what a run has left in outputs/ and logs/.",
    "rerun": "Run the same again.",
    "compare": "Say what differs between two runs.",
    "stop": "End runs that are at work.",
    "rm": "Forget runs, and what is kept of them.",
}
_HOME = {
    "show": "runlook", "logs": "runlook", "compare": "runlook", "env": "runkept", "outputs": "runkept",
    "rerun": "runagain", "stop": "runstop", "rm": "runagain",
}  # fmt: skip


def _is_run(word: str) -> bool:
    return word.isdecimal() or word == "latest"


@click.group("runs", cls=Nested, subcommands=SUBCOMMANDS, home=_HOME, is_one=_is_run, invoke_without_command=True)
@click.option("--environment", "environments", metavar="ENV[@VERSION]", multiple=True, help="Only what ran in it.")
@click.option("--experiment", metavar="NAME", default="", help="Only those of this experiment.")
@click.option(
    "--status", "statuses", metavar="STATUS", multiple=True,
    help="Only such: running, done, failed, interrupted, killed, 'timed out', lost.",
)  # fmt: skip
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Only the newest N.")
@with_globals
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int | None:
    """List what was run, newest first; a run is named by its number, or as 'latest'.

    One that ended without a word, as by kill -9 or a loss of power, is lost.

    \b
    Examples:
      envbuild runs
      envbuild runs --environment churn/train --status failed
      envbuild runs --experiment lr -n 10
      envbuild runs --json
    """
    if ctx.invoked_subcommand:
        return None
    import datetime as dt

    from envbuild.cli.problems import tell
    from envbuild.errors import Problems
    from envbuild.project.runs.ran import Runs
    from envbuild.report.runs import runs_json, runs_text
    from envbuild.runs import selected

    common: Common = ctx.obj
    runs = Runs(common.project())
    every, errors = runs.every()
    environments = tuple(map(runs.numbered, options["environments"]))
    found = selected(every, environments, options["experiment"], options["statuses"])[: options["limit"]]
    common.out(runs_json(found, errors) if common.json else runs_text(found, dt.datetime.now(dt.UTC), common.look))
    if errors and not common.json:
        tell(common, Problems(errors))
    return 1 if errors else 0
