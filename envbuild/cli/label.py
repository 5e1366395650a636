"""`envbuild label`."""

import click

from envbuild.cli.options import Common, with_globals
from envbuild.errors import UsageError


@click.command("label")
@click.argument("environment", metavar="ENV[@VERSION]")
@click.argument("label", metavar="[LABEL]", required=False, default="")
@click.option("--remove", is_flag=True, help="Let LABEL stand for nothing any more.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, label: str, remove: bool) -> int:
    """Let a word stand for a version: ENV@LABEL is that version wherever ENV@3 is. ENV alone lists its labels.

    A label stands for one version of one environment, and may be moved; what it stood for before is told. It is kept
    with the records, and gives no image a name: 'envbuild promote' does that.

    \b
    Examples:
      envbuild label churn/train@3 prod
      envbuild label churn/train@latest staging
      envbuild label churn/train
      envbuild label --remove churn/train canary
    """
    from envbuild.project.labelling import labelled, removed, standing
    from envbuild.project.versions import asked, parted
    from envbuild.report.versions import label_json, label_text, labels_json, labels_text

    project = common.project()
    _, at = parted(environment)
    if remove:
        _refuse_odd(environment, label, at)
        moved = removed(project, *asked(project, environment), label)
        common.out(label_json(moved) if common.json else label_text(moved))
    elif label:
        if not at:
            raise UsageError(
                f"'{environment}' names no version", hint=f"say '{environment}@1' or '{environment}@latest'"
            )
        moved = labelled(project, *asked(project, environment), label)
        common.out(label_json(moved) if common.json else label_text(moved))
    else:
        name, found = standing(project, *asked(project, environment))
        common.out(labels_json(name, found) if common.json else labels_text(name, found))
    return 0


def _refuse_odd(environment: str, label: str, version: str) -> None:
    if not label:
        raise UsageError("say which label is to be removed", hint=f"run 'envbuild label {environment}' to see them")
    if version:
        raise UsageError("a label is removed from an environment", hint=f"leave '@{version}' out")
