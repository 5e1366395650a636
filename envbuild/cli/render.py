"""`envbuild render`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, selection, with_globals

if TYPE_CHECKING:
    from envbuild.project import Selection


@click.command("render")
@selection
@click.option("-o", "--output", metavar="DIR", help="Write files into DIR, each environment into a folder of its name.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", output: str | None) -> int:
    """Show or write what templates make of environments. Needs no network, and a lock that is current.

    A template in the project's templates/ stands before the built-in one of its name, and may extend that:
    {% extends "builtin/environment.yml.j2" %}. For builder docker a
    context is written, which plain 'docker build' takes.

    \b
    Examples:
      envbuild render churn/train
      envbuild render churn/train -o out  writes out/churn/train/environment.yml
      envbuild render --json
    """
    from envbuild.cli.progress import patience
    from envbuild.project import artifacts, write_artifacts
    from envbuild.report.looking import artifacts_json, artifacts_text
    from envbuild.report.terminal import plural

    with patience(common, "reading manifests"):
        project = common.project()
        found = artifacts(project, selection)
    texts = {name: one.texts for name, one in found.items()}
    if output is None:
        if common.json:
            common.out(artifacts_json(texts))
        else:
            common.document(artifacts_text(texts))
        return 0
    count = write_artifacts(project, Path(output), found)
    common.out(artifacts_json(texts) if common.json else f"{plural(count, 'file')} written to {output}")
    return 0
