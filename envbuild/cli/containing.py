"""`--image`, and how a container of it is run: the options that `run` and `shell` share."""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from envbuild.cli.options import Common

if TYPE_CHECKING:
    from envbuild.builders.running import Container, Inside
    from envbuild.project import Project
    from envbuild.project.runs.running import Chosen, Wish

F = TypeVar("F", bound=Callable[..., Any])

HINT_DOCKER = "install Docker's command; an engine alone cannot lend you its terminal"
_OPTIONS = (
    click.option("--image", is_flag=True, help="In a container of the environment's image."),
    click.option(
        "--mount", "mounts", metavar="SRC:DST[:ro]", multiple=True,
        help="Let the container see a file or folder; otherwise it sees nothing of this machine.",
    ),
    click.option(
        "-e", "--env", "variables", metavar="NAME[=VALUE]", multiple=True,
        help="Set a variable in it; without VALUE to your own.",
    ),
    click.option("--user", metavar="USER", default="", help="Who it runs as; default: the image's user."),
    click.option(
        "--gpus", metavar="GPUS", default="auto",
        help="GPUs that it gets: all, none, a number; auto: all, if the image is for GPUs.",
    ),
    click.option("--workdir", metavar="DIR", default="", help="The folder it runs in; default: the image's."),
    click.option("--shm-size", metavar="SIZE", default="", help="How much shared memory the container has: 2g."),
)  # fmt: skip


def containing(*, loose: bool = False) -> Callable[[F], F]:
    """Handed on as one value, or as none without `--image`; a `loose` command has a use for some of it without."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def with_inside(*args: Any, **options: Any) -> Any:
            from envbuild.builders.running import Inside, refuse_misstated

            is_image = options.pop("image")
            inside = Inside(**{name: options.pop(name) for name in Inside.__struct_fields__})
            outside = Inside(variables=inside.variables, gpus=inside.gpus) if loose else Inside()
            if not is_image and inside != outside:
                raise click.UsageError("how a container is run is said with '--image'")
            refuse_misstated(inside)
            if loose:
                return function(*args, inside=inside, image=is_image, **options)
            return function(*args, inside=inside if is_image else None, **options)

        for option in reversed(_OPTIONS):
            with_inside = option(with_inside)
        return cast("F", with_inside)

    return decorate


def run_inside(
    common: Common, project: "Project", chosen: tuple[str, str], command: Sequence[str], inside: "Inside"
) -> int:
    """In the foreground, with our own terminal if there is one; the command's code is ours."""
    from envbuild.project.runs.containers import contained

    name, version = chosen
    record = project.built(name, version or "latest")
    made = contained(project, record, command, inside, lambda text: common.say(f"{name}: {text}"), terminal=is_ours())
    sys.stdout.flush()
    return project.programs.hand_over(made.started, project.host, lambda: HINT_DOCKER)


def in_container(
    common: Common, project: "Project", one: "Chosen", wish: "Wish", inside: "Inside", *, terminal: bool
) -> "tuple[Container, Inside]":
    """One, and how it is run: as is said on the command line, and besides as `run:` of the manifest says."""
    import msgspec

    from envbuild.project.runs.containers import contained
    from envbuild.project.runs.running import SOURCE, mounts_of, source_of, stated_variables, words

    run, prefix = one.environment.keys.run, one.environment.prefix
    stated = tuple(f"{name}={value}" for name, value in stated_variables(one, prefix).items())
    mounts = (*mounts_of(project, one.environment), *inside.mounts)
    workdir = inside.workdir
    if wish.script or wish.source:
        mounts, workdir = (*mounts, f"{source_of(project, wish) or '.'}:{SOURCE}"), workdir or SOURCE
    whole = msgspec.structs.replace(
        inside,
        mounts=mounts,
        variables=(*stated, *inside.variables),
        workdir=workdir,
        shm_size=inside.shm_size or run.shm_size or "",
    )
    name = one.record.environment
    say = lambda text: common.say(f"{name}: {text}")  # noqa: E731 - as short as it can be
    return contained(project, one.record, words(one, wish, prefix), whole, say, terminal=terminal), whole


def is_ours() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
