"""`envbuild runs env`, `outputs`: what is kept of a run, shown or written into a folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envbuild.cli.options import Common, with_globals

if TYPE_CHECKING:
    from envbuild.project import Project
    from envbuild.record import Record


@click.command("env")
@click.argument("run", metavar="RUN")
@click.option("-o", "--output", metavar="DIR", default="", help="Write all that it takes to build it again into DIR.")
@with_globals
@click.pass_obj
def env(common: Common, /, *, run: str, output: str) -> int:
    """Show the exact environment of a run, also when its manifest has changed or is gone.

    With -o it is written as a project of its own, as by 'export manifest': 'envbuild -C DIR apply' builds the same.

    \b
    Examples:
      envbuild runs env latest
      envbuild runs env 1 -o ../run-1
    """
    from envbuild.project.runs.ran import Runs

    project = common.project()
    runs = Runs(project)
    return tell_environment(common, project, runs.record(runs.one(run)), output)


def tell_environment(common: Common, project: "Project", record: "Record", output: str) -> int:
    """Shown, or written into a folder."""
    from envbuild.project.shown import shown_record
    from envbuild.report.plans import document
    from envbuild.report.records import shown_object, shown_text

    if output:
        _write(common, project, record, output)
        return 0
    shown = shown_record(record)
    if common.json:
        common.out(document(environment={**shown_object(shown), "manifest": record.manifest, "lock": record.lock}))
    else:
        common.out(shown_text(shown, str(project.root), common.look))
    return 0


def _write(common: Common, project: "Project", record: "Record", output: str) -> None:
    from envbuild.cli.export import tell_carried
    from envbuild.cli.progress import patience
    from envbuild.interop.exports.manifest import export_record

    with patience(common, "exporting"):
        found = export_record(project, record, Path(output))
    tell_carried(common, found, output)


@click.command("outputs")
@click.argument("run", metavar="RUN")
@click.option("-o", "--output", metavar="DIR", default="", help="Write them into DIR, which must be empty or new.")
@with_globals
@click.pass_obj
def outputs(common: Common, /, *, run: str, output: str) -> int:
    """List what a run has left in outputs/ and logs/ of its folder, or write it as it was then.

    \b
    Examples:
      envbuild runs outputs latest
      envbuild runs outputs 1 -o ../outputs-1
    """
    from envbuild.project.runs.ran import Runs
    from envbuild.report.runs import outputs_json, outputs_text

    runs = Runs(common.project())
    found = runs.one(run)
    if output:
        runs.write_outputs(found, Path(output))
    common.out(outputs_json(found) if common.json else outputs_text(found, common.look))
    return 0
