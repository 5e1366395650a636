"""`envbuild why`."""

from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, no_refresh, selected, with_globals

if TYPE_CHECKING:
    from envbuild.plan import Step
    from envbuild.project.versions import Told


@click.command("why")
@click.argument("environments", metavar="ENV[@VERSION]...", nargs=-1, required=True)
@no_refresh
@with_globals
@click.pass_obj
def command(common: Common, /, *, environments: tuple[str, ...], no_refresh: bool) -> int:
    """Say why an environment would be built, or why a version was: every reason, with the line it comes from.

    ENV is what a plan says now. With @VERSION it is told what that version replaced, when, from which commit, and
    for which reasons, with the lines as they were then.

    \b
    Examples:
      envbuild why churn/train
      envbuild why churn/train@1
      envbuild why churn/train@latest churn/report
      envbuild why churn/train --json
    """
    from envbuild.project.versions import parted, told

    asked = [parted(text) for text in environments]
    project = common.project()
    versions = [told(project, name, version) for name, version in asked if version]
    names = tuple(name for name, version in asked if not version)
    steps = project.plan(selected(names), refresh=not no_refresh).plan.steps if names else ()
    _tell(common, versions, steps)
    return 0


def _tell(common: Common, versions: "list[Told]", steps: "tuple[Step, ...]") -> None:
    import datetime as dt

    from envbuild.report.plans import document, step_object
    from envbuild.report.stories import step_text, told_object, told_text

    if common.json:
        objects: list[dict[str, Any]] = [told_object(one) for one in versions]
        common.out(document(steps=[*objects, *(step_object(step) for step in steps)]))
        return
    now, look = dt.datetime.now(dt.UTC), common.look
    told = [told_text(one, now, look) for one in versions]
    common.out("\n".join([*told, *(step_text(step, look) for step in steps)]))
