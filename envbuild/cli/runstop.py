"""`envbuild runs stop`: runs that are at work are ended."""

import click

from envbuild.cli.options import Common, with_globals

_GRACE_SECONDS = 10.0


@click.command("stop")
@click.argument("texts", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "-t", "--timeout", type=click.FloatRange(0), default=_GRACE_SECONDS, metavar="SECONDS",
    help="How long each has to end by itself; default: 10.",
)  # fmt: skip
@with_globals
@click.pass_obj
def stop(common: Common, /, *, texts: tuple[str, ...], timeout: float) -> int:
    """Ask runs to end, and make them when they do not in time: with their containers, and what is of their group.

    On Linux also one whose attendant is gone without a word, as long as its command is at work.

    \b
    Examples:
      envbuild runs stop latest
      envbuild runs stop 1 2 --timeout 60
    """
    from envbuild.cli.started import refuse_no_time
    from envbuild.project.runs.ran import Runs
    from envbuild.project.runs.stopping import Stopping
    from envbuild.report.runs import runs_json, stopped_text

    refuse_no_time(timeout)
    project = common.project()
    runs = Runs(project)
    before = tuple({run.id: run for run in map(runs.one, texts)}.values())
    after = Stopping(project, runs, common.say).stop(before, timeout)
    common.out(runs_json(after) if common.json else stopped_text(before, after))
    return 0
