"""Containers of images that a project has built: what is run in one, by Docker's own command."""

from collections.abc import Callable, Sequence

from envbuild.builders.pulling import pulled
from envbuild.builders.running import Container, Inside, container
from envbuild.errors import UsageError
from envbuild.project.front import Project
from envbuild.project.shop import engine, keeper
from envbuild.record import Record


def contained(
    project: Project,
    record: Record,
    command: Sequence[str],
    inside: Inside,
    say: Callable[[str], None],
    *,
    terminal: bool,
) -> Container:
    """One of what a record says was built, with a command; its image is there then."""
    if record.builder == "local":
        raise no_image(record.title)
    daemon = engine(project)
    image = pulled(record.reference, project.registries, daemon, keeper(project, record.builder), say)
    return container(image, command, inside, daemon, terminal=terminal)


def no_image(shown: str) -> UsageError:
    return UsageError(f"{shown} is a prefix of this machine, and no image", hint="leave '--image' out")
