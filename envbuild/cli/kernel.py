"""`envbuild kernel`."""

from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.options import Common, jobs, locked, no_refresh, progress, with_globals
from envbuild.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from envbuild.project.entering.kernels import Kernel


@click.command("kernel", options_metavar="[OPTIONS]")
@click.argument("environment", metavar="[ENV[@VERSION]]", required=False)
@click.option("--list", "lists", is_flag=True, help="List those of all projects, and what each would start.")
@click.option("--remove", is_flag=True, help="Remove those of ENV, or the one of that name.")
@click.option("--name", metavar="NAME", default="", help="What Jupyter calls it.")
@click.option("--display-name", metavar="TEXT", default="", help="What people choose it by.")
@click.option("--language", type=click.Choice(["python", "r"]), help="Which of its kernels; Python's by default.")
@click.option("--prefix", metavar="DIR", default="", help="For the Jupyter of the environment in DIR.")
@click.option("--dir", "folder", metavar="DIR", default="", help="In this folder of kernels.")
@click.option("--start", "connection", metavar="FILE", default="", hidden=True, help="What Jupyter calls.")
@jobs
@locked
@no_refresh
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str | None, lists: bool, remove: bool, **options: Any) -> int:
    """Install a kernel for Jupyter that always starts an environment's current version.

    The environment is built first if that is due, and needs ipykernel, or IRkernel for R. A notebook gets what was
    built last, of ENV@VERSION that version: after 'envbuild apply' it is enough to restart the kernel. Nothing is built
    when a notebook is opened; where the manifest has changed since, its log says so.

    It is put where Jupyter looks for the user's own kernels; JUPYTER_DATA_DIR is honoured.

    \b
    Examples:
      envbuild kernel notebooks/lab
      envbuild kernel notebooks/lab@1 --display-name May --prefix .venv
      envbuild kernel --list
      envbuild kernel --remove envbuild-project-notebooks-lab
    """
    if lists + remove + bool(options["connection"]) > 1 or (lists and environment):
        raise UsageError("one of installing, --list and --remove is meant", hint="say one of them")
    if options["prefix"] and options["folder"]:
        raise UsageError("--prefix and --dir name two places", hint="leave one of them out")
    if options["connection"]:
        return _start(common, environment or "", options)
    if lists:
        return _list(common, options)
    return _remove(common, environment, options) if remove else _install(common, environment, options)


def _start(common: Common, environment: str, options: dict[str, Any]) -> int:
    """It takes our place, so that whoever ends or interrupts us reaches the kernel itself."""
    from envbuild.cli.atonce import take_over
    from envbuild.process import not_run
    from envbuild.project.entering.kernels import begin

    found = begin(common.project(), environment, options["language"] or "", options["connection"])
    for note in found.notes:
        common.warn(f"envbuild: {note}")
    try:
        return take_over(found.words[0], found.words, found.env)
    except OSError as error:
        raise not_run(found.words, error, found.env) from None


def _place(options: dict[str, Any]) -> "Path":
    from envbuild.process import given_environment
    from envbuild.project.entering.kernels import folder_of

    return folder_of(given_environment(), options["prefix"], options["folder"])


def _install(common: Common, environment: str | None, options: dict[str, Any]) -> int:
    from envbuild.cli.choosing import chosen
    from envbuild.project.entering.kernels import install, language_of, planned
    from envbuild.project.runs.running import chosen as chosen_one
    from envbuild.report.kernels import installed_text, kernels_json

    project = common.project()
    name, version, _ = chosen(project, common, environment, "a kernel is of one environment: name it", options)
    project.activation(name, version)
    one = chosen_one(project, name, version)
    language = language_of(one, options["language"] or "")
    text = f"{name}@{version}" if version else name
    kernel = planned(project, text, language, _place(options), options["name"], options["display_name"])
    install(kernel, one.prefix, project.host)
    state = f"version {one.record.version}"
    common.out(kernels_json([(kernel, state)]) if common.json else installed_text(kernel, state))
    return 0


def _list(common: Common, options: dict[str, Any]) -> int:
    from envbuild.process import given_environment
    from envbuild.project.entering.kernels import installed, state_of
    from envbuild.report.kernels import kernels_json, kernels_text

    found = [(one, state_of(one, given_environment())) for one in installed(_place(options))]
    common.out(kernels_json(found) if common.json else kernels_text(found, common.look))
    return 0


def _remove(common: Common, environment: str | None, options: dict[str, Any]) -> int:
    from envbuild.project.entering.kernels import installed, remove
    from envbuild.report.kernels import kernels_json, removed_text

    if not environment:
        raise UsageError("no kernel is named", hint="name its environment, or the kernel itself as '--list' has it")
    every = installed(_place(options))
    found = [one for one in every if one.name == environment] or _of_project(common, environment, every)
    if not found:
        raise UsageError(f"there is no kernel of '{environment}'", hint="list what there is: 'envbuild kernel --list'")
    for one in found:
        remove(one)
    common.out(kernels_json([(one, "removed") for one in found]) if common.json else removed_text(found))
    return 0


def _of_project(common: Common, environment: str, every: "tuple[Kernel, ...]") -> "list[Kernel]":
    """Its kernels of every language; the environment itself may be gone."""
    from pathlib import Path

    from envbuild.workspace import find_root

    root = str(find_root(Path(common.directory)).resolve())
    return [one for one in every if one.root == root and one.environment == environment]
