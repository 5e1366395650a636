"""`envbuild logs`."""

from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, with_globals
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from envbuild.project import Project
    from envbuild.project.logs import Attempt


@click.command("logs")
@click.argument("environment", metavar="ENV[@VERSION]")
@click.option("--list", "every", is_flag=True, help="List all attempts instead, newest first.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option("--path", "only_path", is_flag=True, help="Only where the log stands, for scripts.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the build ends.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, **options: Any) -> int:
    """Show the log of the latest build, also of one that failed, or with @VERSION of the build of that version.

    \b
    Examples:
      envbuild logs churn/train
      envbuild logs churn/train@1 --tail 20
      envbuild logs churn/train --list
      envbuild logs churn/train --follow
      less "$(envbuild logs churn/train --path)"
    """
    from envbuild.project.logs import attempt

    _refuse_both(common, **options)
    project = common.project()
    if options["every"]:
        _list(common, project, environment)
        return 0
    found = attempt(project, environment)
    if options["only_path"] and not common.json:
        from envbuild.report.terminal import one_line

        common.out(str(found.path) if common.look.width is None else one_line(str(found.path)))
        return 0
    _show(common, found, **options)
    return 0


def _refuse_both(common: Common, **options: Any) -> None:
    """What cannot be meant together."""
    chosen = [name for name, key in (("--list", "every"), ("--path", "only_path"), ("-f", "follow")) if options[key]]
    if len(chosen) > 1:
        raise UsageError(f"{chosen[0]} and {chosen[1]} say different things", hint="say one of them")
    if options["follow"] and common.json:
        raise UsageError("--json is one answer, and -f goes on", hint="leave one of them out")


def _list(common: Common, project: "Project", environment: str) -> None:
    import datetime as dt

    from envbuild.project.logs import attempts
    from envbuild.project.versions import parted
    from envbuild.report.logs import attempt_object, attempts_json, attempts_text

    name, version = parted(environment)
    if version:
        raise UsageError("--list shows every attempt", hint=f"run 'envbuild logs {name} --list'")
    found = attempts(project, name)
    if common.json:
        common.out(attempts_json([attempt_object(one) for one in found]))
    else:
        common.out(attempts_text(found, dt.datetime.now(dt.UTC), common.look))


def _show(common: Common, found: "Attempt", *, tail: int | None, follow: bool, only_path: bool, **_: Any) -> None:
    from itertools import islice

    from envbuild.project.logs import lines
    from envbuild.report.logs import attempt_object, attempts_json
    from envbuild.written import log_line

    start = 0 if tail is None else max(0, sum(1 for _line in lines(found)) - tail)
    shown = (log_line(line) for line in islice(lines(found, follow=follow), start, None))
    if common.json:
        text = None if only_path else "".join(f"{line}\n" for line in shown)
        common.out(attempts_json([attempt_object(found, text)]))
        return
    for line in shown:
        common.out(line)
