"""`envbuild export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, with_globals
from envbuild.cli.problems import tell_notes
from envbuild.errors import UsageError
from envbuild.interop.exports import FILES, FORMATS, PROJECT, SERVICES, USES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from envbuild.errors import Note
    from envbuild.interop.exports.manifest import Carried
    from envbuild.report.exports import Told

SHELLS = ("bash", "zsh", "sh", "fish")
_WRITTEN = {"output", "platform"}
_TAKEN = {
    **{name: own | _WRITTEN | ({"folder"} if name in FILES else set()) for name, (_, own) in FORMATS.items()},
    **{name: own | {"output"} for name, (_, own) in {**SERVICES, **USES}.items()},
    PROJECT: frozenset({"folder"}),
}


@click.command("export")
@click.argument("format", metavar="FORMAT", type=click.Choice(sorted({*FORMATS, *SERVICES, PROJECT, *USES})))
@click.argument("environment", metavar="ENV[@VERSION]", default="")
@click.argument("folder", metavar="[DIR]", default="")
@click.option("-o", "--output", metavar="FILE", default="", help="Write FILE, whole, instead of standard output.")
@click.option("--platform", metavar="PLATFORM", default="", help="Which of its platforms; this machine's by default.")
@click.option("--requested", is_flag=True, help="Conda: what the manifest asks for, not what is locked.")
@click.option("--sha256", is_flag=True, help="Explicit: SHA-256 instead of MD5, for tools that read it.")
@click.option("--no-hashes", is_flag=True, help="Pip: no hashes, as repositories and folders need it.")
@click.option("--exact", is_flag=True, help="Pixi, Azure ML: the versions that are locked, not what is asked for.")
@click.option("--shell", type=click.Choice(SHELLS), help="Script: for which shell; your own by default.")
@click.option("--force", is_flag=True, help="Write over files that are there, or over other settings in them.")
@click.option("--replicas", type=click.IntRange(1), metavar="N", help="Kubernetes: how many of it; default: 1.")
@click.option(
    "--pull-secret", metavar="NAME", default="", help="Kubernetes: the cluster's secret to pull its image by."
)
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str, output: str, **options: Any) -> int:
    """Write an environment or one of its versions in another tool's format, or as a project of its own.

    FORMAT is conda (environment.yml), explicit (the URLs of conda packages), pip (requirements.txt with hashes),
    pixi (pixi.toml), azureml (the YAML of Azure ML) or azureml-v1 (the folder DIR that its first SDK loads). The lock
    has to be current, but for Azure ML without --exact. What a format cannot hold is said on standard error.

    With script it is what a shell sources to enter an environment that is built, until 'envbuild_leave'; with
    devcontainer the devcontainer.json that uses its image; with vscode the settings by which VS Code knows manifests,
    and ENV's Python if one is named: they are added to what FILE has.

    With manifest it is the folder DIR, which must be empty or new: a project with the settings that count, the manifest
    after inheritance, its lock, templates and files, from which the same content is built. What is no longer known of
    a version is told by its name, and then nothing is written.

    compose and kubernetes deploy what an environment serves, by the digest of its service image, which has to be there:
    'envbuild serve ENV --image --build' makes it.

    \b
    Examples:
      envbuild export conda churn/train -o environment.yml
      envbuild export pip churn/train@2
      envbuild export pixi churn/train@latest --exact --json
      envbuild export manifest churn/train@2 ../train-2
      envbuild export azureml-v1 churn/train azure/churn
      envbuild export script churn/train --shell zsh -o activate
      envbuild export vscode churn/train@2 -o .vscode/settings.json
      envbuild export devcontainer serving/web -o .devcontainer/devcontainer.json
      envbuild export kubernetes churn/score --replicas 3 -o churn.yaml
    """
    form, output = options["format"], "-" if output == "/dev/stdout" else output
    _refuse_others(form, {**options, "output": output})
    if form in USES:
        from envbuild.cli.exportuse import leave

        return leave(common, environment, output, options)
    if not environment:
        raise UsageError("no environment is named", hint=f"name it: 'envbuild export {form} ENV'")
    if form in SERVICES:
        from envbuild.cli.exportservice import export_service

        return export_service(common, environment, output, options)
    if form == PROJECT:
        return _project(common, environment, options["folder"])
    return _tell(common, *_exported(common, environment, output, options))


def _refuse_others(form: str, options: dict[str, Any]) -> None:
    """What is another format's to do."""
    for name, stated in options.items():
        takers = [one for one in _TAKEN if name in _TAKEN[one]]
        if stated and name != "format" and form not in takers:
            shown = "folder" if name == "folder" else f"--{name.replace('_', '-')}"
            raise UsageError(f"'export {form}' takes no {shown}", hint=f"use it with: {', '.join(takers)}")


def _tell(common: Common, told: "Told", notes: "Sequence[Note]") -> int:
    from envbuild.report.exports import exported_json, written_text
    from envbuild.written import clean

    tell_notes(common, notes)
    if common.json:
        common.out(exported_json(told, notes))
    elif told.file not in {"", "-"}:
        common.out(written_text(told, FORMATS[told.format][0]))
    else:
        common.document(clean(told.text).removesuffix("\n"))
    return 0


def _project(common: Common, environment: str, folder: str) -> int:
    from envbuild.cli.progress import patience
    from envbuild.interop.exports.manifest import export

    if not folder:
        hint = f"say 'envbuild export {PROJECT} {environment} DIR'"
        raise UsageError(f"'export {PROJECT}' writes a folder, and none is named", hint=hint)
    with patience(common, "exporting"):
        found = export(common.project(), environment, Path(folder))
    tell_carried(common, found, folder)
    return 0


def tell_carried(common: Common, found: "Carried", folder: str) -> None:
    """That it stands there now."""
    from envbuild.report.exports import carried_json, carried_text

    tell_notes(common, found.notes)
    title = f"{found.name}@{found.version}" if found.version else found.name
    if common.json:
        common.out(carried_json(title, found.fingerprint, folder, found.files, found.notes))
    else:
        common.out(carried_text(title, folder, found.files))


def _exported(common: Common, environment: str, output: str, options: dict[str, Any]) -> "tuple[Told, Sequence[Note]]":
    """Written where it is to be, and told."""
    from envbuild.api.leaving import exported, write
    from envbuild.cli.progress import patience
    from envbuild.interop.exports.subject import Wish
    from envbuild.report.exports import Told
    from envbuild.workspace import write_whole

    file_format, folder = options["format"], options["folder"]
    target = _target(file_format, folder, output)
    locked = file_format not in FILES or options["exact"]
    wish = Wish(**{name: options[name] for name in Wish.__struct_fields__ if name in options})
    with patience(common, "reading manifests"):
        subject, found = exported(common.project(), file_format, environment, target, wish, locked=locked)
    if folder:
        write(file_format, folder, found, force=options["force"])
    elif target:
        write_whole(target, found.text)
    version = subject.outgoing.version
    name, place = subject.outgoing.name, output or folder
    told = Told(name, version, file_format, found.platforms, found.text, place, found.files)
    return told, found.notes


def _target(file_format: str, folder: str, output: str) -> Path | None:
    """The file that paths in it are seen from."""
    if file_format == "azureml-v1" and not folder:
        what = "'export azureml-v1' writes several files"
        raise UsageError(what, hint="name a folder for them: it comes last, without '-o'")
    if folder and output:
        raise UsageError("a folder and a file are named", hint="leave out '-o'")
    return Path(folder, FILES[file_format][0]) if folder else Path(output) if output not in {"", "-"} else None
