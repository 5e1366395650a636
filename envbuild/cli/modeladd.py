"""`envbuild models add`, `rm`: what is kept, and what is forgotten."""

import click

from envbuild.cli.options import Common, with_globals
from envbuild.errors import UsageError


@click.command("add")
@click.argument("name", metavar="MODEL")
@click.argument("path", metavar="PATH")
@click.option("--run", metavar="RUN", default="", help="PATH is what this run has left: outputs/…, logs/….")
@click.option("-d", "--description", metavar="TEXT", default="", help="What it is, for people.")
@with_globals
@click.pass_obj
def add(common: Common, /, *, name: str, path: str, run: str, description: str) -> int:
    """Keep a file or a folder as the next version of a model.

    It is kept by its content, and once: the same file or folder again, under the same name, is the version that it has
    already. With --run it is an output of that run, and remembers the run's exact environment; what is kept of the run
    can be forgotten afterwards.

    \b
    Examples:
      envbuild models add churn model.pkl -d 'logistic regression, May'
      envbuild models add churn outputs/model.pkl --run latest
    """
    from envbuild.cli.progress import patience
    from envbuild.project.services.modelling import Asked, added
    from envbuild.report.modelled import added_text, models_json

    project = common.project()
    with patience(common, "adding"):
        found, is_new = added(project, Asked(name, path, description, run))
    common.out(models_json((found,), is_new=is_new) if common.json else added_text(found, is_new=is_new))
    return 0


@click.command("rm")
@click.argument("models", metavar="MODEL@VERSION...", nargs=-1, required=True)
@click.option("--all", "every", is_flag=True, help="Every version of the models that are named alone.")
@with_globals
@click.pass_obj
def rm(common: Common, /, *, models: tuple[str, ...], every: bool) -> int:
    """Forget versions of models, with what no other version has; their numbers are not given again.

    \b
    Examples:
      envbuild models rm churn@1
      envbuild models rm old --all
    """
    from envbuild.project.services.modelled import Models
    from envbuild.report.modelled import removed_json, removed_text

    kept = Models(common.project())
    found = {}
    for text in models:
        one = kept.one(text)
        if "@" not in text and not every:
            hint = f"name a version, such as '{one.title}', or say --all"
            raise UsageError(f"'{text}' may have several versions", hint=hint)
        for version in (one,) if "@" in text else kept.of(one.name):
            found[version.title] = version
    chosen = tuple(found.values())
    freed = kept.remove(chosen)
    common.out(removed_json(chosen, freed) if common.json else removed_text(chosen, freed))
    return 0
