"""`envbuild shell`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.choosing import activated, chosen
from envbuild.cli.containing import containing, run_inside
from envbuild.cli.options import Common, jobs, locked, no_refresh, progress, with_globals

if TYPE_CHECKING:
    from envbuild.builders.running import Inside


@click.command("shell", options_metavar="[OPTIONS]")
@click.argument("environment", metavar="[ENV[@VERSION]]", required=False)
@click.option("--shell", "wanted", metavar="SHELL", default="", help="Bash, zsh, fish or a path; default: your own.")
@containing()
@jobs
@locked
@no_refresh
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str | None, wanted: str, inside: "Inside | None", **options: Any) -> int:
    """Open your shell in an environment; 'exit' leaves it, with the shell's own exit code.

    Your own files are read as usual, and the environment is put first on PATH after them. An environment that is not
    built, or not as its manifest says now, is built first. Without ENV it is the default_environment of envbuild.yaml,
    else curated/minimal: Python and nothing else. In a shell of another environment nothing of that one is seen, until
    you leave.

    With --image it is a shell in a container, which is gone afterwards; default: Bash if the image has it, else sh.

    \b
    Examples:
      envbuild shell churn/train
      envbuild shell churn/train@2 --shell zsh
      envbuild shell serving/web --image --user 0
      echo 'python -V' | envbuild shell churn/train
    """
    from envbuild.project.entering.shells import Opening, find_shell, is_followed, start

    project = common.project()
    only_one = "a shell is of one environment: name it"
    if inside:
        from envbuild.builders.running import SHELL

        name, version, _ = chosen(project, common, environment, only_one, options, image=True)
        return run_inside(common, project, (name, version), [wanted] if wanted else SHELL, inside)
    shell = find_shell(wanted, project.host)
    activation = activated(project, common, environment, only_one, options)
    if not is_followed(shell):
        common.say(f"{shell}: its own files are read after the environment is entered, and may change what that states")
    begun = start(Opening(shell, activation, sys.stdin.isatty() and sys.stderr.isatty()))
    sys.stdout.flush()
    return project.programs.hand_over(begun.command, begun.env)
