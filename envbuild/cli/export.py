"""`envbuild export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, with_globals
from envbuild.interop.exports import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envbuild.errors import Note


@click.command("export")
@click.argument("format", metavar="FORMAT", type=click.Choice(sorted(FORMATS)))
@click.argument("environment", metavar="ENV[@VERSION]")
@click.option("-o", "--output", metavar="FILE", default="", help="Write FILE, whole, instead of standard output.")
@click.option("--platform", metavar="PLATFORM", default="", help="Which of its platforms; this machine's by default.")
@click.option("--requested", is_flag=True, help="Conda: what the manifest asks for, not what is locked.")
@click.option("--sha256", is_flag=True, help="Explicit: SHA-256 instead of MD5, for tools that read it.")
@click.option("--no-hashes", is_flag=True, help="Pip: no hashes, as repositories and folders need it.")
@click.option("--exact", is_flag=True, help="Pixi: the versions that are locked, not what the manifest asks for.")
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, output: str, **options: Any) -> int:
    """Write an environment or one of its versions in another tool's format.

    FORMAT is conda (environment.yml), explicit (the URLs of conda packages), pip (requirements.txt with hashes) or
    pixi (pixi.toml). The lock has to be current. What a format cannot hold is said on standard error.

    \b
    Examples:
      envbuild export conda churn/train -o environment.yml
      envbuild export pip churn/train@2
      envbuild export pixi churn/train@latest --exact --json
    """
    from envbuild.cli.progress import patience
    from envbuild.interop.exports import exporter
    from envbuild.interop.exports.subject import Subject, Wish
    from envbuild.project.exporting import outgoing
    from envbuild.report.exports import Told, exported_json, written_text
    from envbuild.workspace import write_whole
    from envbuild.written import clean

    file_format = options.pop("format")
    _refuse_others(file_format, options)
    target = Path(output) if output not in {"", "-"} else None
    with patience(common, "reading manifests"):
        subject = Subject(outgoing(common.project(), environment, target), Wish(**options))
        found = exporter(file_format)(subject)
    if target:
        write_whole(target, found.text)
    notes = sorted(found.notes, key=lambda note: note.where)
    _tell_notes(common, notes)
    told = Told(subject.outgoing.name, subject.outgoing.version, file_format, found.platforms, found.text, output)
    if common.json:
        common.out(exported_json(told, notes))
    elif target:
        common.out(written_text(told, FORMATS[file_format][0]))
    else:
        common.document(clean(found.text).removesuffix("\n"))
    return 0


def _refuse_others(file_format: str, options: dict[str, Any]) -> None:
    """What is another format's to do."""
    from envbuild.errors import UsageError

    for name, stated in options.items():
        takers = [one for one, (_, own) in FORMATS.items() if name in own]
        if stated and name != "platform" and file_format not in takers:
            shown = f"--{name.replace('_', '-')}"
            raise UsageError(f"'export {file_format}' takes no {shown}", hint=f"use it with: {', '.join(takers)}")


def _tell_notes(common: Common, notes: "Sequence[Note]") -> None:
    """What the file cannot hold; with --json it stands in the answer."""
    from envbuild.cli.problems import annotate, source
    from envbuild.report.errors import notes_text

    if notes and not common.json:
        common.warn(notes_text(notes, common.side_look, source(common)))
    annotate(common, notes=[note for note in notes if note.where.line])
