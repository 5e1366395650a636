"""What all builders of images work with in a project, and who keeps what is in no registry."""

from envbuild.builders.daemon import Daemon
from envbuild.builders.keeping import Keeper
from envbuild.builders.recipe import Workshop
from envbuild.builders.target import Tools
from envbuild.project.place import Place

SHELF = "images"


def engine(project: Place) -> Daemon:
    """The one that is meant on this command line."""
    return Daemon(project.host, project.programs, project.wishes.docker_context, project.wishes.builder)


def keeper(project: Place, builder: str) -> Keeper:
    if builder == "docker":
        return engine(project)
    from envbuild.builders.oci.shelf import Shelf

    return Shelf(project.store / SHELF, lambda: engine(project))


def shop_of(project: Place, tools: Tools, builder: str) -> Workshop:
    return Workshop(
        daemon=engine(project),
        keeper=keeper(project, builder),
        registries=project.registries,
        tools=tools,
        settings=project.settings,
        pushes=project.wishes.push,
    )
