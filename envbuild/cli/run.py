"""`envbuild run`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.apply import first_plan, settled_plan
from envbuild.cli.containing import containing, run_inside
from envbuild.cli.options import Common, jobs, locked, no_refresh, progress, terminated, with_globals
from envbuild.errors import UsageError
from envbuild.globs import is_glob
from envbuild.names import DEFAULT

if TYPE_CHECKING:
    from envbuild.builders.activation import Activation
    from envbuild.builders.running import Inside
    from envbuild.project import Project

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
@containing
@jobs
@locked
@no_refresh
@progress
@with_globals
@click.pass_context
def command(ctx: click.Context, /, *, environment: str | None, inside: "Inside | None", **options: Any) -> int:
    """Run a command in an environment, with its variables and the command's own exit code.

    An environment that is not built, or not as its manifest says now, is built first. Without ENV it is the
    default_environment of envbuild.yaml, else curated/minimal: Python and nothing else.

    With --image it runs in a container, which is gone afterwards, in place of what the image itself would run. Nothing
    of this machine is in it, but for what --mount names.

    \b
    Examples:
      envbuild run churn/train -- python train.py --epochs 3
      envbuild run churn/train@2 -- python -V
      envbuild run serving/web --image --mount .:/work -- ls /work
    """
    wanted = ctx.meta.get(_COMMAND)
    if not wanted:
        raise click.UsageError("say what to run, after '--'", ctx)
    common: Common = ctx.obj
    project = common.project()
    only_one = "a command runs in one environment: name it"
    if inside:
        picked = chosen(project, common, environment, only_one, options, image=True)
        return run_inside(common, project, picked, wanted, inside)
    activation = activated(project, common, environment, only_one, options)
    sys.stdout.flush()
    return project.programs.hand_over(wanted, activation.env, lambda: _meant(wanted[0], activation.prefix))


def activated(
    project: "Project", common: Common, environment: str | None, only_one: str, options: dict[str, Any]
) -> "Activation":
    """The prefix of the environment that is asked for, else of the default one; built first if that is due."""
    name, version = chosen(project, common, environment, only_one, options)
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
) -> tuple[str, str]:
    """The one environment that is asked for, and its version if one is; without one it is built if that is due."""
    from envbuild.project.versions import parted

    name, version = parted(environment or project.settings.default_environment)
    if not name:
        name = DEFAULT
        common.say(f"{name}: no environment is named, here or as 'default_environment' in envbuild.yaml")
    if is_glob(name) or name.startswith("@"):
        kind = "glob" if is_glob(name) else "group"
        raise UsageError(f"'{name}' is a {kind}", hint=only_one)
    name = project.named(name) if version else project.one(name).name
    if not version:
        if image and project.one(name).builder == "local":
            from envbuild.project.containers import no_image

            raise no_image(f"'{name}'")
        _make_ready(project, common, name, options)
    return name, version


def _meant(command: str, prefix: Path) -> str:
    """The program of the environment that was probably meant."""
    from envbuild.shape import nearest

    try:
        programs = [path.name for path in (prefix / "bin").iterdir() if os.access(path, os.X_OK)]
    except OSError:
        programs = []
    close = nearest(command, programs) if "/" not in command else ""
    return close if close.startswith("did you mean") else "programs come with packages: name one in the manifest"


def _make_ready(project: "Project", common: Common, name: str, options: dict[str, Any]) -> None:
    """Build what the manifest says now, unless it stands."""
    from envbuild.cli.progress import shown_progress
    from envbuild.errors import BuildError
    from envbuild.project import Selection

    selection = Selection((name,))
    planned = first_plan(common, project, selection, **options)
    if not planned.has_work:
        return
    with terminated(), shown_progress(common) as shown, project.held():
        planned = settled_plan(planned, project, shown.tell, selection, **options)
        summary = project.apply(planned, shown.tell, jobs=options["jobs"])
    if summary.failed:
        raise BuildError(f"'{name}' could not be built, so that nothing was run")
