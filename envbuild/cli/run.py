"""`envbuild run`."""

from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.apply import first_plan, settled_plan, tell
from envbuild.cli.options import Common, jobs, locked, name_and_version, no_refresh, terminated, with_globals
from envbuild.errors import UsageError
from envbuild.globs import is_glob

if TYPE_CHECKING:
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
@jobs
@locked
@no_refresh
@with_globals
@click.pass_context
def command(ctx: click.Context, /, *, environment: str | None, **options: Any) -> int:
    """Run a command in an environment, with its variables and the command's own exit code.

    An environment that is not built, or not as its manifest says now, is built first. Without ENV it is the
    default_environment of envbuild.yaml.

    \b
    Examples:
      envbuild run churn/train -- python train.py --epochs 3
      envbuild run churn/train@2 -- python -V
    """
    wanted = ctx.meta.get(_COMMAND)
    if not wanted:
        raise click.UsageError("say what to run, after '--'", ctx)
    common: Common = ctx.obj
    project = common.project()
    name, version = name_and_version(environment or project.settings.default_environment)
    if not name:
        raise UsageError("say which environment", hint="name it, or set 'default_environment' in envbuild.yaml")
    if is_glob(name) or name.startswith("@"):
        kind = "glob" if is_glob(name) else "group"
        raise UsageError(f"'{name}' is a {kind}", hint="a command runs in one environment: name it")
    if not version:
        name = project.one(name).name
        _make_ready(project, common, name, options)
    prefix, env = project.activation(name, version or "latest")
    if common.verbose:
        common.say(f"{name}: {prefix}")
    return project.programs.hand_over(wanted, env)


def _make_ready(project: "Project", common: Common, name: str, options: dict[str, Any]) -> None:
    """Build what the manifest says now, unless it stands."""
    from envbuild.errors import BuildError
    from envbuild.project import Selection

    selection = Selection((name,))
    planned = first_plan(project, selection, **options)
    if not planned.has_work:
        return
    with terminated(), project.held():
        planned = settled_plan(planned, project, common, selection, **options)
        summary = project.apply(planned, lambda event: tell(common, event), jobs=options["jobs"])
    if summary.failed:
        raise BuildError(f"'{name}' could not be built, so that nothing was run")
