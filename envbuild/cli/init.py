"""`envbuild init`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, with_globals
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.project.starting import Begun


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("-y", "--yes", is_flag=True, envvar="ENVBUILD_YES", help="Ask nothing.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, folder: str, dry_run: bool, yes: bool) -> int:
    """Make a project of a folder, new or with files in it. Says of each file what became of it.

    Conda environment files are manifests as they are, and stay where they are. Requirement files stay where packages
    are listed, and a manifest reads them. The packages of a pyproject.toml are copied. Where there is nothing, a first
    manifest is written. No file that is there is changed, and a project stays as it is.

    \b
    Examples:
      envbuild init --dry-run
      envbuild init
      envbuild init --json
    """
    from envbuild.cli.progress import patience
    from envbuild.project.starting import begin, write_begun
    from envbuild.report.beginning import begun_json, begun_text

    shown = os.path.normpath(Path(common.directory) / folder)
    root = _root(common.directory, folder)
    with patience(common, "looking at what is there"):
        begun = begin(root, os.environ)
    asks = not (yes or dry_run or common.json) and sys.stdin.isatty() and sys.stderr.isatty()
    if asks and begun.starter:
        begun = _asked(root, begun)
    if not dry_run:
        write_begun(begun)
    if common.json:
        common.out(begun_json(begun, shown, dry=dry_run))
    else:
        common.out(begun_text(begun, shown, common.look, dry=dry_run))
    return 0


def _root(directory: str, folder: str) -> Path:
    """The folder of the project; one that lies in another project has to say that it is meant."""
    from envbuild.project.starting import enclosing_project

    if not Path(directory).is_dir():
        raise UsageError(f"'{directory}' is not a folder", hint="name a folder with -C")
    root = Path(directory) / folder
    if root.exists() and not root.is_dir():
        raise UsageError(f"'{folder}' is not a folder", hint="name a folder, new or existing")
    if around := enclosing_project(root):
        what = f"this folder lies in the project '{around}'"
        raise UsageError(what, hint="write 'envbuild new NAME' there; an empty envbuild.yaml here makes it a project")
    return root


def _asked(root: Path, begun: "Begun") -> "Begun":
    """The one thing that cannot be found out: what the first environment is to be called."""
    from envbuild.project.starting import begin, refuse_name

    def name(text: str) -> str:
        try:
            refuse_name(text)
        except UsageError as error:
            raise click.UsageError(f"{error.message}: {error.hint}") from None
        return text

    chosen = click.prompt("Name of the first environment", default=begun.starter, value_proc=name, err=True)
    return begin(root, os.environ, chosen)
