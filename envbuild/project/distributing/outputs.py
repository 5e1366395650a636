"""Images written into files, wherever they were built: for other tools, and for machines that no registry reaches."""

from collections.abc import Iterable, Sequence

from envbuild.builders import makes_images
from envbuild.builders.oci.shelf import Shelf, of_platform
from envbuild.builders.recipe import chosen
from envbuild.errors import BuildError, GoneError, UsageError
from envbuild.image.manifests import Manifest
from envbuild.project.distributing.recalled import Image, recalled
from envbuild.project.front import Project
from envbuild.project.selection import Selection
from envbuild.project.shop import keeper
from envbuild.project.wishes import Output, Written
from envbuild.registry.copying import Source, Stored
from envbuild.registry.outputs import write_docker_archive, write_layout, write_oci_archive
from envbuild.render import ARCHITECTURES, platforms_of


def images_of(project: Project, selection: Selection, asked: Sequence[Output]) -> tuple[str, ...]:
    """Which of what is selected is written; told before anything is built. A folder holds many, an archive one."""
    names = tuple(one.name for one in project.environments(selection) if makes_images(one.builder))
    if not names:
        hint = "choose what has 'builder: docker' or 'builder: oci'"
        raise UsageError(f"nothing of what is selected is an image for {asked[0]}", hint=hint)
    archive = next((one for one in asked if one.form != "oci"), None)
    if archive and len(names) > 1:
        what = f"{archive} holds one image, and {len(names)} are selected"
        raise UsageError(what, hint="name one environment, or write 'oci:DIR', which holds many")
    return names


def write(project: Project, names: Iterable[str], asked: Sequence[Output]) -> tuple[Written, ...]:
    """As they were built last."""
    images = [recalled(project, name, "latest") for name in names]
    return tuple(_written(project, image, one) for image in images for one in asked)


def _written(project: Project, image: Image, output: Output) -> Written:
    source, root = _wished(project, image)
    name = image.homes[0].tagged(image.homes[0].version_tag(image.version or 0) if image.version else "latest")
    if output.form == "oci":
        write_layout(source, root, output.path, name)
    elif output.form == "oci-archive":
        write_oci_archive(source, root, output.path, name)
    else:
        write_docker_archive(source, root, output.path, [name])
    return Written(output, name)


def _wished(project: Project, image: Image) -> tuple[Source, Manifest]:
    """All of it, or of its platforms the one that is wished for."""
    source, root = readable(project, image)
    every, wished = platforms_of(image.environment), project.wishes.platforms
    if wished and chosen(image.environment, wished) != every:
        root = of_platform(source, root, f"linux/{ARCHITECTURES[wished[0]]}")
    return source, root


def readable(project: Project, image: Image) -> tuple[Source, Manifest]:
    """Where all of an image can be read: in its registry, or on this user's shelf."""
    again = f"run 'envbuild apply {image.environment.name}'"
    if image.id:
        own = keeper(project, image.builder)
        if not isinstance(own, Shelf):
            what = f"{image.title} is in {own.called}, and nowhere else"
            raise BuildError(what, hint=f"run 'docker save {image.id}', or let a registry have it")
        found = own.find(image.id)
        if found is None:
            raise GoneError(f"{image.title} is not in {own.called} any more", hint=again)
        return found
    home = image.homes[0]
    registry = project.registries.of(home.server)
    root = registry.manifest(home.path, image.digest)
    if root is None:
        raise GoneError(f"{home.server} has no {home.at(image.digest)}, which is {image.title}", hint=again)
    return Stored(registry, home.path), root
