"""`envbuild runs show`, `logs`, `compare`: what is known of runs."""

from typing import Any

import click

from envbuild.cli.options import Common, with_globals
from envbuild.errors import UsageError


@click.command("show")
@click.argument("run", metavar="RUN")
@click.option("--diff", is_flag=True, help="Show what git said that differed from the commit, instead.")
@click.option("--files", is_flag=True, help="List the files of its snapshot, instead.")
@with_globals
@click.pass_obj
def show(common: Common, /, *, run: str, diff: bool, files: bool) -> int:
    """Show all that is known of a run: its command, environment, source, outputs, and what became of it.

    \b
    Examples:
      envbuild runs show latest
      envbuild runs show 1 --json
      envbuild runs show 1 --files
    """
    import datetime as dt

    from envbuild.project.runs.ran import Runs
    from envbuild.report.plans import document
    from envbuild.report.runs import files_json, run_text, runs_json
    from envbuild.written import clean

    if diff and files:
        raise UsageError("--diff and --files say different things", hint="say one of them")
    runs = Runs(common.project())
    found = runs.one(run)
    if diff:
        text = clean(runs.content(found.diff).decode(errors="replace")) if found.diff else ""
        if common.json:
            common.out(document(runs=[{"id": found.id, "diff": text}]))
        elif text:
            common.document(text.removesuffix("\n"))
        else:
            common.say(f"Run {found.id}: git told of no difference.")
    elif files:
        entries = runs.tree(found)
        if entries is None:
            hint = f"see 'envbuild runs show {found.id}'"
            raise UsageError(f"run {found.id} has no snapshot of its source", hint=hint)
        common.out(files_json(found, entries) if common.json else "\n".join(clean(entry.path) for entry in entries))
    else:
        common.out(runs_json([found]) if common.json else run_text(found, dt.datetime.now(dt.UTC), common.look))
    return 0


@click.command("logs")
@click.argument("run", metavar="RUN")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option("--path", "only_path", is_flag=True, help="Only where the log stands, for scripts.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@with_globals
@click.pass_obj
def logs(common: Common, /, *, run: str, **options: Any) -> int:
    """Show what a run has written, standard output and errors in their order.

    \b
    Examples:
      envbuild runs logs latest
      envbuild runs logs 1 --tail 20
      envbuild runs logs latest --follow
    """
    from itertools import islice

    from envbuild.project.logs import lines_of
    from envbuild.project.runs.ran import Runs
    from envbuild.report.plans import document
    from envbuild.written import log_line

    if options["follow"] and common.json:
        raise UsageError("--json is one answer, and -f goes on", hint="leave one of them out")
    runs = Runs(common.project())
    found = runs.one(run)
    path, number = runs.log(found), str(found.id)
    if options["only_path"]:
        common.out(document(runs=[{"id": found.id, "log": str(path)}]) if common.json else str(path))
        return 0
    start = 0
    if options["tail"] is not None:
        start = max(0, sum(1 for _ in lines_of(path, lambda: True)) - options["tail"])
    is_over = (lambda: runs.one(number).status != "running") if options["follow"] else (lambda: True)
    shown = map(log_line, islice(lines_of(path, is_over), start, None))
    if common.json:
        common.out(document(runs=[{"id": found.id, "status": found.status, "text": "".join(f"{x}\n" for x in shown)}]))
        return 0
    for line in shown:
        common.out(line)
    return 0


@click.command("compare")
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@with_globals
@click.pass_obj
def compare(common: Common, /, *, first: str, second: str) -> int:
    """Say what differs between two runs: packages, source, parameters, outputs.

    \b
    Examples:
      envbuild runs compare 1 2
      envbuild runs compare 1 latest --json
    """
    from envbuild.project.runs.ran import Runs
    from envbuild.report.runs import comparison_json, comparison_text

    runs = Runs(common.project())
    found, packages = runs.compared(runs.one(first), runs.one(second))
    if common.json:
        common.out(comparison_json(found, packages))
    else:
        common.out(comparison_text(found, packages, common.look, verbose=common.verbose))
    return 0
