"""`envbuild register`."""

from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.apply import first_plan, settled_plan
from envbuild.cli.options import (
    Common,
    jobs,
    locked,
    no_refresh,
    progress,
    refuse_everything,
    selection,
    terminated,
    with_globals,
)
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envbuild.project import Planned, Project, Selection
    from envbuild.project.registering import Registered


@click.command("register")
@selection
@click.option("--label", metavar="LABEL", default="", help="A word that stands for this version from now on.")
@click.option("--version", "number", metavar="N", type=click.IntRange(1), help="Refuse to make it any other version.")
@jobs
@locked
@no_refresh
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, selection: "Selection", label: str, number: int | None, **options: Any) -> int:
    """Record what manifests say as versions, and build nothing. A later apply builds that version.

    What has no current lock is locked first. What is the latest version already takes no number. --version insists on
    a number: where it is another content's, the difference is told, and nothing is recorded.

    \b
    Examples:
      envbuild register churn/train
      envbuild register churn/train --label staging
      envbuild register 'churn/*' --locked
      envbuild register churn/train --version 3 --json
    """
    from envbuild.record import checked_label
    from envbuild.report.versions import registered_json, registered_text

    refuse_everything(selection)
    if label:
        checked_label(label)
    project = common.project()
    names = tuple(one.name for one in project.environments(selection))
    if number and len(names) != 1:
        raise UsageError(f"--version is one environment's, and {len(names)} are selected", hint="name one environment")
    found = _registered(common, project, selection, names, label, number or 0, **options)
    common.out(registered_json(found) if common.json else registered_text(found))
    return 0


def _registered(
    common: Common,
    project: "Project",
    selection: "Selection",
    names: tuple[str, ...],
    label: str,
    number: int,
    **options: Any,
) -> "Sequence[Registered]":
    from envbuild.api.registering import Insisted, registered

    with terminated(), project.held():
        planned = _planned(common, project, selection, **options)
        return registered(project, planned, names, label, Insisted(number) if number else None)


def _planned(common: Common, project: "Project", selection: "Selection", **options: Any) -> "Planned":
    """Locked, if that is due."""
    from envbuild.cli.progress import shown_progress

    options = {**options, "refresh": False}
    planned = first_plan(common, project, selection, **options)
    if not planned.to_lock:
        return planned
    with shown_progress(common) as shown:
        return settled_plan(planned, project, shown.tell, selection, **options)
