"""`envbuild new`."""

from typing import Any

import click

from envbuild.cli.options import Common, with_globals


@click.command("new")
@click.argument("name", metavar="NAME")
@click.argument("pip", metavar="[PACKAGE]...", nargs=-1)
@click.option("--extends", metavar="ENV", multiple=True, help="A manifest that it builds on; several in their order.")
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@click.option("--conda", metavar="SPEC", multiple=True, help="A conda package, also python: 'python =3.11'.")
@click.option("-r", "--requirements", metavar="FILE", multiple=True, help="A requirements file that it reads.")
@with_globals
@click.pass_obj
def command(common: Common, /, **options: Any) -> int:
    """Write the manifest of a new environment, where the project's globs find it under this name.

    A PACKAGE is one of PyPI, as pip writes it.

    \b
    Examples:
      envbuild new churn/eval --extends churn/train
      envbuild new tools 'rich >=13' --description "what everybody needs"
      envbuild new notebook jupyterlab --conda 'python =3.11'
    """
    from envbuild.cli.progress import patience
    from envbuild.project.starting import Wanted, new
    from envbuild.report.beginning import made_json, made_text

    with patience(common, "reading manifests"):
        made = new(common.project(), Wanted(**options), common.directory)
    common.out(made_json(made) if common.json else made_text(made, common.directory, common.look))
    return 0
