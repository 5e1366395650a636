"""`envbuild run`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.apply import first_plan, settled_plan
from envbuild.cli.containing import containing
from envbuild.cli.options import Common, jobs, locked, no_refresh, progress, terminated, with_globals
from envbuild.errors import UsageError
from envbuild.globs import is_glob
from envbuild.names import DEFAULT

if TYPE_CHECKING:
    from envbuild.builders.activation import Activation
    from envbuild.project import Planned, Project

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
      envbuild run churn/train --script train.py --source . --experiment lr -- --epochs 3
      envbuild run churn/train --detach --timeout 3600 -- python train.py
      envbuild run --with pip/numpy -- python -c 'import numpy'
      envbuild run serving/web --image --mount .:/work -- ls /work
    """
    from envbuild.cli.started import Started

    common: Common = ctx.obj
    return Started(common, common.project(), ctx.meta.get(_COMMAND) or [], options).run(environment)


def activated(
    project: "Project", common: Common, environment: str | None, only_one: str, options: dict[str, Any]
) -> "Activation":
    """The prefix of the environment that is asked for, else of the default one; built first if that is due."""
    name, version, _ = chosen(project, common, environment, only_one, options)
    activation = project.activation(name, version)
    if common.verbose:
        common.say(f"{name}: {activation.prefix}")
    return activation


def chosen(
    project: "Project",
    common: Common,
    environment: str | None,
    only_one: str,
    options: dict[str, Any],
    *,
    image: bool = False,
) -> "tuple[str, str, Planned | None]":
    """The one environment that is asked for, and its version if one is; without one it is built if that is due.

    The plan of an environment that stood as its manifest says.
    """
    from envbuild.project.versions import parted

    name, version = parted(environment or project.settings.default_environment)
    if not name:
        name = DEFAULT
        common.say(f"{name}: no environment is named, here or as 'default_environment' in envbuild.yaml")
    if is_glob(name) or name.startswith("@"):
        kind = "glob" if is_glob(name) else "group"
        raise UsageError(f"'{name}' is a {kind}", hint=only_one)
    name = project.named(name) if version else project.one(name).name
    if version:
        return name, version, None
    if image and project.one(name).builder == "local":
        from envbuild.project.containers import no_image

        raise no_image(f"'{name}'")
    return name, version, make_ready(project, common, name, options)


def meant(command: str, prefix: Path) -> str:
    """The program of the environment that was probably meant."""
    from envbuild.shape import nearest

    try:
        programs = [path.name for path in (prefix / "bin").iterdir() if os.access(path, os.X_OK)]
    except OSError:
        programs = []
    close = nearest(command, programs) if "/" not in command else ""
    return close if close.startswith("did you mean") else "programs come with packages: name one in the manifest"


def make_ready(project: "Project", common: Common, name: str, options: dict[str, Any]) -> "Planned | None":
    """Build what the manifest says now, unless it stands: then its plan is given."""
    from envbuild.cli.progress import shown_progress
    from envbuild.errors import BuildError
    from envbuild.project import Selection

    selection, asked = Selection((name,)), {key: options[key] for key in ("jobs", "locked", "no_refresh")}
    planned = first_plan(common, project, selection, **asked)
    if not planned.has_work:
        return planned
    with terminated(), shown_progress(common) as shown, project.held():
        planned = settled_plan(planned, project, shown.tell, selection, **asked)
        summary = project.apply(planned, shown.tell, jobs=options["jobs"])
    if summary.failed:
        raise BuildError(f"'{name}' could not be built, so that nothing was run")
    return None


def flushed() -> None:
    """What we have said stands before what the command says."""
    sys.stdout.flush()
