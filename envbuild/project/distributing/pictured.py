"""An image as `show --image` tells of it: from its registry by its digest, or from the engine that keeps it."""

import msgspec

from envbuild.builders.daemon import Daemon
from envbuild.builders.oci.shelf import Shelf
from envbuild.errors import BuildError
from envbuild.project.distributing.recalled import Image
from envbuild.project.front import Project
from envbuild.project.shop import engine, keeper
from envbuild.registry.inspecting import Conduct, Inside, Variant, as_engines_tell, inside, inside_of
from envbuild.render import DOCKERFILE


class Pictured(msgspec.Struct, frozen=True):
    """What it is made of; the Dockerfile is the one that a record has. `kept_by` is who has what no registry has."""

    image: Image
    inside: Inside
    dockerfile: str
    kept_by: str = ""


def pictured(project: Project, image: Image) -> Pictured:
    found = _kept(project, image) if image.id else _of_registry(project, image)
    dockerfile = image.record.artifacts.get(DOCKERFILE, "") if image.record else ""
    return Pictured(image, found, dockerfile, keeper(project, image.builder).called if image.id else "")


def _of_registry(project: Project, image: Image) -> Inside:
    home = image.homes[0]
    return inside(project.registries.of(home.server), home.path, image.digest)


def _kept(project: Project, image: Image) -> Inside:
    own = keeper(project, image.builder)
    found = _of_shelf(own, image.id) if isinstance(own, Shelf) else _of_engine(engine(project), image.id)
    if found is None:
        hint = f"run 'envbuild apply {image.environment.name}'"
        raise BuildError(f"{image.title} was not pushed, and is not in {own.called}", hint=hint)
    return found


def _of_shelf(shelf: Shelf, reference: str) -> Inside | None:
    found = shelf.find(reference)
    return inside_of(*found) if found else None


def _of_engine(engine: Daemon, reference: str) -> Inside | None:
    facts = engine.image(reference)
    if facts is None:
        return None
    layers = as_engines_tell(facts.layers, engine.history(reference))
    variant = Variant(facts.platform, facts.id, layers, Conduct.of(facts.config), created=facts.created)
    return Inside("", (variant,))
