"""`envbuild clone`."""

import click

from envbuild.cli.options import Common, with_globals


@click.command("clone")
@click.argument("environment", metavar="ENV[@VERSION]")
@click.argument("name", metavar="NEW")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, name: str) -> int:
    """Write the manifest of an environment like another one, where the project's globs find it under this name.

    The file of ENV is copied with its comments; paths in it are made right for its new place, and what it extends stays
    extended. ENV may be one of a catalogue. With @VERSION it is what that version was built from, whole, and its lock
    beside it, so that nothing has to be built again; where that is not so, it is said why.

    \b
    Examples:
      envbuild clone churn/train churn/trial
      envbuild clone churn/train@2 churn/before
      envbuild clone curated/sklearn-cpu tables
    """
    from envbuild.cli.progress import patience
    from envbuild.project.starting import clone
    from envbuild.report.cloning import cloned_json, cloned_text

    with patience(common, "reading manifests"):
        cloned = clone(common.project(), environment, name)
    common.out(cloned_json(cloned) if common.json else cloned_text(cloned, common.directory, common.look))
    return 0
