"""`envbuild models`: named and versioned models, which are served as NAME@VERSION."""

from typing import Any

import click

from envbuild.cli.nested import Nested
from envbuild.cli.options import Common, with_globals

SUBCOMMANDS = {
    "add": "Keep a file or a folder, or what a run has left, as a model.",
    "show": "Show what is known of a model, and which exact environment it came from.",
    "get": "Write a model's file or folder.",
    "env": "Show the exact environment that a model came from, or write it.",
    "rm": "Forget versions of models, and what no other has.",
}
_HOME = {"add": "modeladd", "show": "modellook", "get": "modellook", "env": "modellook", "rm": "modeladd"}


def _is_model(word: str) -> bool:
    return "@" in word


@click.group("models", cls=Nested, subcommands=SUBCOMMANDS, home=_HOME, is_one=_is_model, invoke_without_command=True)
@click.option("--name", "names", metavar="MODEL", multiple=True, help="Only these: a name, or a glob.")
@click.option("--run", metavar="RUN", default="", help="Only what came from this run.")
@click.option("--environment", "environments", metavar="ENV[@VERSION]", multiple=True, help="Only what came from it.")
@click.option("--latest", is_flag=True, help="Only the newest version of each.")
@with_globals
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int | None:
    """List models, each with its versions, newest first; a version is named NAME@VERSION, or NAME@latest.

    \b
    Examples:
      envbuild models
      envbuild models --name 'churn*' --latest
      envbuild models --environment churn/train
      envbuild models --json
    """
    if ctx.invoked_subcommand:
        return None
    import datetime as dt

    from envbuild.model import selected
    from envbuild.project.runs.ran import Runs
    from envbuild.project.services.modelled import Models
    from envbuild.report.modelled import models_json, models_text

    common: Common = ctx.obj
    project = common.project()
    every = Models(project).every()
    if options["latest"]:
        every = tuple({one.name: one for one in reversed(every)}.values())
    text = options["run"]
    run = int(text) if text.isdecimal() else Runs(project).one(text).id if text else None
    found = selected(every, options["names"], run, options["environments"])
    common.out(models_json(found) if common.json else models_text(found, dt.datetime.now(dt.UTC), common.look))
    return 0
