"""`envbuild import`."""

from typing import Any

import click

from envbuild.cli.options import Common, with_globals
from envbuild.cli.problems import tell
from envbuild.errors import EnvbuildError
from envbuild.interop.imports import FORMATS


@click.command("import")
@click.argument("format", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument("source", metavar="SOURCE")
@click.argument("name", metavar="[NAME]", default="")
@click.option("--requested", is_flag=True, help="Of an environment only what was asked for, not all that is in it.")
@click.option("--partial", is_flag=True, help="Write the rest where something cannot be carried.")
@click.option("--force", is_flag=True, help="Write over the manifest that has this name.")
@click.option("-n", "--dry-run", "dry", is_flag=True, help="Print the manifest, and write nothing.")
@with_globals
@click.pass_obj
def command(common: Common, /, **options: Any) -> int:
    """Write the manifest of what another tool's file or environment says. What cannot be carried over is named.

    FORMAT is conda (an environment.yml), pip (a requirements file), conda-env (an environment that conda made, by name
    or path), explicit (a list of URLs), azureml (the YAML of Azure ML) or azureml-v1 (a folder that its first SDK has
    saved). SOURCE may be '-', standard input. Without NAME the source's own name holds.

    \b
    Examples:
      envbuild import pip requirements.txt tools
      envbuild import conda environment.yml --dry-run
      envbuild import explicit spec.txt pinned --partial
      envbuild import azureml-v1 saved/churn
    """
    from envbuild.cli.progress import patience
    from envbuild.interop.imports.formats import Wanted, bring_in
    from envbuild.report.importing import imported_json, imported_text, remarks

    try:
        with patience(common, "reading what is to be imported"):
            done = bring_in(common.project(), Wanted(start=common.directory, **options))
    except EnvbuildError as error:
        tell(common, error, with_lines=False)
        return error.exit_code
    if common.json:
        common.out(imported_json(done))
    elif done.written:
        common.out(imported_text(done, common.directory, common.look))
    else:
        common.document(done.text.rstrip("\n"))
        for line in remarks(done, common.side_look):
            common.say(line)
    return 0
