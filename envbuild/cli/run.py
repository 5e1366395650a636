"""`envbuild run`."""

from typing import Any

import click

from envbuild.cli.containing import containing
from envbuild.cli.options import Common, jobs, locked, no_refresh, progress, with_globals
from envbuild.cli.started import Started

_COMMAND = "envbuild.run.command"


class RunCommand(click.Command):
    """What stands after `--` belongs to the command and is not looked into."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_COMMAND] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)


@click.command("run", cls=RunCommand, options_metavar="[OPTIONS]")
@click.argument("environment", metavar="[ENV[@VERSION]] -- CMD [ARG]...", required=False)
@click.option("--script", metavar="FILE", default="", help="Run this Python script; what follows '--' is for it.")
@click.option("--source", metavar="DIR", default="", help="The folder it runs in, and of which a snapshot is kept.")
@click.option("--with", "companions", metavar="SPEC", multiple=True, help="No ENV, but one of just these packages.")
@click.option("--experiment", metavar="NAME", default="", help="What it is a run of, to find it by.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="End it after that time.")
@click.option("--detach", is_flag=True, help="Print its number at once; it goes on by itself.")
@click.option("--no-history", is_flag=True, help="Remember nothing of it.")
@click.option("--no-snapshot", is_flag=True, help="Keep no snapshot of its source folder.")
@containing(loose=True)
@jobs
@locked
@no_refresh
@progress
@with_globals
@click.pass_context
def command(ctx: click.Context, /, *, environment: str | None, **options: Any) -> int:
    """Run a command in an environment, with its variables and the command's own exit code; 'runs' tells of it later.

    An environment that is not built, or not as its manifest says now, is built first. Without ENV it is the
    default_environment of envbuild.yaml, else curated/minimal: Python and nothing else. Without CMD it is what 'run:'
    of the manifest says.

    Remembered are the command, the exact environment, git's commit and what differs from it, a snapshot of the folder
    it runs in, its log, and what it writes into outputs/ and logs/.

    With --image it runs in a container, which is gone afterwards, in place of what the image itself would run. Nothing
    of this machine is in it, but for what --mount names.

    \b
    Examples:
      envbuild run churn/train -- python train.py --epochs 3
      envbuild run churn/train@2 -- python -V
      envbuild run churn/train --script train.py --experiment lr -- --epochs 3
      envbuild run churn/train --detach --timeout 3600 -- python train.py
      envbuild run --with pip/numpy -- python -c 'import numpy'
      envbuild run serving/web --image --mount .:/work -- ls /work
    """
    common: Common = ctx.obj
    return Started(common, common.project(), ctx.meta.get(_COMMAND) or [], options).run(environment)
