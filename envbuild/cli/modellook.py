"""`envbuild models show`, `get`, `env`: what is known of a model, its files, and what it came out of."""

from pathlib import Path

import click

from envbuild.cli.options import Common, with_globals


@click.command("show")
@click.argument("model", metavar="MODEL[@VERSION]")
@click.option("--check", is_flag=True, help="Read all of it, and exit with 1 if it is not what was added.")
@with_globals
@click.pass_obj
def show(common: Common, /, *, model: str, check: bool) -> int:
    """Show what is known of a model: its files, and which run and exact environment it came from.

    \b
    Examples:
      envbuild models show churn
      envbuild models show churn@1 --check
      envbuild models show churn --json
    """
    import datetime as dt

    from envbuild.project.services.modelled import Models
    from envbuild.report.modelled import model_text, models_json

    models = Models(common.project())
    found = models.one(model)
    complaint = models.complaint(found, wholly=check)
    if common.json:
        common.out(models_json((found,), complaint=complaint))
    else:
        common.out(model_text(found, complaint, dt.datetime.now(dt.UTC), common.look))
    return 1 if complaint else 0


@click.command("get")
@click.argument("model", metavar="MODEL[@VERSION]")
@click.option("-o", "--output", metavar="DIR", default=".", help="Write it into DIR, called as it was; default: here.")
@with_globals
@click.pass_obj
def get(common: Common, /, *, model: str, output: str) -> int:
    """Write a model's file or folder, as it was added.

    \b
    Examples:
      envbuild models get churn -o fetched
      envbuild models get churn@1 -o fetched
    """
    from envbuild.cli.progress import patience
    from envbuild.project.services.modelled import Models
    from envbuild.report.modelled import got_text, models_json

    models = Models(common.project())
    found = models.one(model)
    with patience(common, "writing"):
        path = models.fetched(found, Path(output))
    common.out(models_json((found,), path=str(path)) if common.json else got_text(found, str(path)))
    return 0


@click.command("env")
@click.argument("model", metavar="MODEL[@VERSION]")
@click.option("-o", "--output", metavar="DIR", default="", help="Write all that it takes to build it again into DIR.")
@with_globals
@click.pass_obj
def env(common: Common, /, *, model: str, output: str) -> int:
    """Show the exact environment that a model came from, also when its run was forgotten, as 'runs env' does.

    \b
    Examples:
      envbuild models env churn
      envbuild models env churn -o ../churn-1
    """
    from envbuild.cli.runkept import tell_environment
    from envbuild.project.services.modelled import Models

    project = common.project()
    models = Models(project)
    return tell_environment(common, project, models.record(models.one(model)), output)
