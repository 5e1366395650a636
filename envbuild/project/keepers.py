"""Who keeps what is in no registry, for each builder of images."""

from envbuild.builders.daemon import Daemon
from envbuild.builders.keeping import Keeper
from envbuild.project.place import Place

_SHELF = "images"


def engine(project: Place) -> Daemon:
    """The one that is meant on this command line."""
    return Daemon(project.host, project.programs, project.wishes.docker_context, project.wishes.builder)


def keeper(project: Place, builder: str) -> Keeper:
    if builder == "docker":
        return engine(project)
    from envbuild.builders.oci.shelf import Shelf

    return Shelf(project.store / _SHELF, lambda: engine(project))
