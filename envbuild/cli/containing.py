"""`--image`, and how a container of it is run: the options that `run` and `shell` share."""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from envbuild.cli.options import Common

if TYPE_CHECKING:
    from envbuild.builders.running import Inside
    from envbuild.project import Project

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--image", is_flag=True, help="In a container of the environment's image."),
    click.option(
        "--mount", "mounts", metavar="SRC:DST[:ro]", multiple=True,
        help="Let the container see a file or folder; otherwise it sees nothing of this machine.",
    ),
    click.option(
        "-e", "--env", "variables", metavar="NAME[=VALUE]", multiple=True,
        help="Set a variable in the container; without VALUE to your own.",
    ),
    click.option("--user", metavar="USER", default="", help="Who it runs as; default: the image's user."),
    click.option(
        "--gpus", metavar="GPUS", default="auto",
        help="GPUs that the container gets: all, none, a number; auto: all, if the image is for GPUs.",
    ),
    click.option("--workdir", metavar="DIR", default="", help="The folder it runs in; default: the image's."),
)  # fmt: skip


def containing(function: F) -> F:
    """Handed on as one value, or as none without `--image`."""

    @functools.wraps(function)
    def with_inside(*args: Any, **options: Any) -> Any:
        from envbuild.builders.running import Inside, refuse_misstated

        is_image = options.pop("image")
        inside = Inside(**{name: options.pop(name) for name in Inside.__struct_fields__})
        if not is_image and inside != Inside():
            raise click.UsageError("how a container is run is said with '--image'")
        refuse_misstated(inside)
        return function(*args, inside=inside if is_image else None, **options)

    for option in reversed(_OPTIONS):
        with_inside = option(with_inside)
    return cast("F", with_inside)


def run_inside(
    common: Common, project: "Project", chosen: tuple[str, str], command: Sequence[str], inside: "Inside"
) -> int:
    """In the foreground, with our own terminal if there is one; the command's code is ours."""
    from envbuild.project.containers import contained

    name, version = chosen
    terminal = sys.stdin.isatty() and sys.stdout.isatty()

    def say(text: str) -> None:
        common.say(f"{name}: {text}")

    words = contained(project, (name, version), command, inside, say, terminal=terminal)
    sys.stdout.flush()
    hint = "install Docker's command; an engine alone cannot lend you its terminal"
    return project.programs.hand_over(words, project.host, lambda: hint)
