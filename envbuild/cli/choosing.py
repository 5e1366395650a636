"""Which environment is meant to be run in; it is built first if that is due."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envbuild.cli.apply import first_plan, settled_plan
from envbuild.cli.options import Common, terminated
from envbuild.errors import UsageError
from envbuild.globs import is_glob
from envbuild.names import DEFAULT

if TYPE_CHECKING:
    from envbuild.builders.activation import Activation
    from envbuild.project import Planned, Project


def activated(
    project: "Project", common: Common, environment: str | None, only_one: str, options: dict[str, Any]
) -> "Activation":
    """The prefix of the environment that is asked for, else of the default one; built first if that is due."""
    name, version, _ = chosen(project, common, environment, only_one, options)
    activation = project.activation(name, version)
    if common.verbose:
        common.say(f"{name}: {activation.prefix}")
    return activation


def chosen(
    project: "Project",
    common: Common,
    environment: str | None,
    only_one: str,
    options: dict[str, Any],
    *,
    image: bool = False,
) -> "tuple[str, str, Planned | None]":
    """The one environment that is asked for, and its version if one is; without one it is built if that is due.

    The plan of an environment that stood as its manifest says.
    """
    from envbuild.project.versions import parted

    name, version = parted(environment or project.settings.default_environment)
    if not name:
        name = DEFAULT
        common.say(f"{name}: no environment is named, here or as 'default_environment' in envbuild.yaml")
    if is_several(name):
        kind = "glob" if is_glob(name) else "group"
        raise UsageError(f"'{name}' is a {kind}", hint=only_one)
    name = project.named(name) if version else project.one(name).name
    if version:
        return name, version, None
    is_local = project.one(name).builder == "local"
    if image and is_local:
        from envbuild.project.runs.containers import no_image

        raise no_image(f"'{name}'")
    if not image and not is_local:
        from envbuild.project.activating import no_prefix

        raise no_prefix(f"'{name}'")
    return name, version, make_ready(project, common, name, options)


def is_several(name: str) -> bool:
    return is_glob(name) or name.startswith("@")


def meant(command: str, prefix: Path) -> str:
    """The program of the environment that was probably meant."""
    from envbuild.shape import nearest

    try:
        programs = [path.name for path in (prefix / "bin").iterdir() if os.access(path, os.X_OK)]
    except OSError:
        programs = []
    if command in programs:
        return f"name it by its path: {prefix}/bin/{command}; its folder is not on PATH"
    close = nearest(command, programs) if "/" not in command else ""
    return close if close.startswith("did you mean") else "programs come with packages: name one in the manifest"


def make_ready(project: "Project", common: Common, name: str, options: dict[str, Any]) -> "Planned | None":
    """Build what the manifest says now, unless it stands: then its plan is given."""
    from envbuild.cli.progress import shown_progress
    from envbuild.errors import BuildError
    from envbuild.project import Selection

    selection, asked = Selection((name,)), {key: options[key] for key in ("jobs", "locked", "no_refresh")}
    planned = first_plan(common, project, selection, **asked)
    if not planned.has_work:
        return planned
    with terminated(), shown_progress(common) as shown, project.held():
        planned = settled_plan(planned, project, shown.tell, selection, **asked)
        summary = project.apply(planned, shown.tell, jobs=options["jobs"])
    if summary.failed:
        raise BuildError(f"'{name}' could not be built, so that nothing was run")
    return None


def flushed() -> None:
    """What we have said stands before what the command says."""
    sys.stdout.flush()
