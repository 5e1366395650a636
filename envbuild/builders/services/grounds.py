"""What a service image starts from: the image of its environment, where that is, by what it is and not by a name."""

from pathlib import Path

import msgspec

from envbuild.builders.daemon import Daemon
from envbuild.builders.oci.bases import Asked, Ground, base_of
from envbuild.builders.oci.shelf import OF_SHELF, Shelf
from envbuild.errors import BuildError, Place
from envbuild.image.layers import Layer
from envbuild.image.manifests import LAYERS, Manifest
from envbuild.registry.archive import Archive
from envbuild.registry.client import Registries
from envbuild.registry.copying import Source, Stored
from envbuild.registry.repositories import Repository
from envbuild.render import ARCHITECTURES

_AGAIN = "run 'envbuild apply' again"


class Start(msgspec.Struct, frozen=True):
    """The image of an environment: its reference, the platforms that it was built for, who asks for it."""

    reference: str
    platforms: tuple[str, ...]
    where: Place

    @property
    def is_stored(self) -> bool:
        """In a registry, and not on this machine alone."""
        return "/" in self.reference

    @property
    def is_shelved(self) -> bool:
        return self.reference.startswith(OF_SHELF)

    @property
    def digest(self) -> str:
        return self.reference.rpartition("@")[2]


def stored(start: Start, registries: Registries) -> dict[str, Ground]:
    """By platform; its layers stay where they are."""
    place = Repository.of(start.reference)
    registry = registries.of(place.server)
    root = registry.manifest(place.path, start.digest)
    if root is None:
        raise BuildError(f"{place.server} does not have {start.reference} any more", start.where, _AGAIN)
    return _grounds(Stored(registry, place.path), root, start)


def shelved(start: Start, shelf: Shelf) -> dict[str, Ground]:
    found = shelf.find(start.reference)
    if found is None:
        raise BuildError(f"{start.reference} is not in {shelf.called} any more", start.where, _AGAIN)
    return _grounds(*found, start)


def _grounds(source: Source, root: Manifest, start: Start) -> dict[str, Ground]:
    asked = Asked(start.reference, start.where)
    return {one: base_of(source, root, one, asked) for one in start.platforms}


def in_engine(start: Start, engine: Daemon, folder: Path) -> tuple[Ground, frozenset[str]]:
    """Of the one platform that it has there, and those of its layers that need not be given to it again."""
    facts = engine.image(start.reference)
    if facts is None:
        raise BuildError(f"{start.reference} is not in {engine.called} any more", start.where, _AGAIN)
    if engine.keeps_manifests:
        file = folder / "base.tar"
        engine.save(facts.id, file)
        archive = Archive(file)
        root = archive.manifest(archive.root)
        return base_of(archive, root, start.platforms[0], Asked(start.reference, start.where)), frozenset()
    layers = tuple(Layer(one, one, 0, LAYERS[""]) for one in facts.layers)
    system, _, architecture = facts.platform.partition("/")
    if facts.platform != (wanted := f"linux/{ARCHITECTURES[start.platforms[0]]}"):
        raise BuildError(f"{start.reference} is for {facts.platform}, not for {wanted}", start.where, _AGAIN)
    config = {"os": system, "architecture": architecture, "config": facts.config}
    return Ground(config, layers), frozenset(facts.layers)
