"""Whether an image is what its lock makes: built once more, from nothing that was made before, and held against it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from envbuild.builders import makes_images
from envbuild.builders.oci import build
from envbuild.builders.recipe import Recipe
from envbuild.errors import BuildError, RegistryError, UsageError
from envbuild.image.manifests import Manifest
from envbuild.project.assembling import afresh
from envbuild.project.distributing.outputs import readable
from envbuild.project.distributing.recalled import Image, recalled
from envbuild.project.front import Project
from envbuild.project.images import Images
from envbuild.project.looking import refuse_stale
from envbuild.project.making import tools_of
from envbuild.project.preparing import Prepared
from envbuild.registry.copying import Source
from envbuild.registry.inspecting import inside_of
from envbuild.registry.repositories import repositories
from envbuild.render import platforms_of

_OCI = "oci"


class Place(msgspec.Struct, frozen=True):
    """A name that the image is to have, and the digest that stands there; nothing where nothing does."""

    name: str
    digest: str


class Moved(msgspec.Struct, frozen=True):
    """A layer that is not as it was rebuilt, by what it holds; one that only one of the two has has no other."""

    what: str
    rebuilt: str
    there: str


class Verified(msgspec.Struct, frozen=True):
    image: Image
    rebuilt: str
    places: tuple[Place, ...]
    moved: tuple[Moved, ...] = ()

    @property
    def holds(self) -> bool:
        return all(one.digest == self.rebuilt for one in self.places)


def verified(project: Project, name: str, say: Callable[[str], None]) -> Verified:
    """As the manifest and its lock are now; nothing is recorded or pushed."""
    prepared, images = _prepared(project, name)
    image = recalled(project, name, "")
    source, there = readable(project, image)
    with tempfile.TemporaryDirectory(prefix="envbuild-") as work, project.tools() as uv:
        folder = Path(work)
        shop = afresh(project, tools_of(project, uv), folder / "layers", (source, there))
        recipe = _recipe(project, prepared, images, folder, say, _built(image))
        draft = build(recipe, shop)
        rebuilt = draft.root
        if rebuilt is None or draft.source is None:
            raise BuildError(f"'{name}' could not be rebuilt", hint="report it: this is a bug of envbuild")
        places = tuple(_places(project, image, there, recipe))
        moved = _moved((draft.source, rebuilt), (source, there)) if there.digest != rebuilt.digest else ()
        return Verified(image, rebuilt.digest, places, tuple(moved))


def _prepared(project: Project, name: str) -> tuple[Prepared, Images]:
    environment = project.one(name)
    if environment.builder != _OCI:
        why = "no two builds of builder 'docker' are equal" if makes_images(environment.builder) else "it is no image"
        raise UsageError(f"'{name}' cannot be verified: {why}", hint="name one with 'builder: oci'")
    preparer, images = project.sources()
    (prepared,) = preparer.prepare((environment,), to_build=True)
    refuse_stale(prepared)
    return prepared, images


def _built(image: Image) -> tuple[str, ...]:
    """The platforms that it has: perhaps the share of one machine alone."""
    every = platforms_of(image.environment)
    return tuple(one for one in every if image.record is None or one in image.record.platforms)


def _recipe(
    project: Project,
    one: Prepared,
    images: Images,
    folder: Path,
    say: Callable[[str], None],
    platforms: tuple[str, ...],
) -> Recipe:
    """Of what needs no package and no base there is no lock."""
    lock = project.preparer.locks.whole(one.locked.path) if one.locked.path else None
    if one.fingerprint is None:
        raise BuildError(f"'{one.environment.name}' is not locked", hint="run 'envbuild lock'")
    below = project.state.latest((one.base,), built=True).get(one.base) if one.base else None
    return Recipe(
        environment=one.environment,
        fingerprint=one.fingerprint,
        platforms=platforms,
        pins=lock.pins if lock else {},
        python=lock.head.python if lock else "",
        write=lambda place: images.context(one, place),
        installs=one.environment.python.managed and lock is not None and lock.has_packages,
        files=one.files,
        homes=repositories(one.environment),
        start=lock.head.base if lock else None,
        base=below.reference if below else "",
        log=folder / "log",
        folder=folder / "work",
        say=say,
    )


def _places(project: Project, image: Image, there: Manifest, recipe: Recipe) -> Iterator[Place]:
    """The record's own, and each name by which it is found, in every registry; of a share that of its content."""
    if image.id:
        yield Place(image.id, there.digest)
        return
    for home in image.homes:
        names = [recipe.tag, *([home.version_tag(image.version)] if image.version and recipe.is_whole else [])]
        yield Place(home.at(image.digest), project.registries.of(home.server).head(home.path, image.digest) or "")
        told = project.registries.of(home.server).ask_all((home.path, name) for name in names)
        for (_, name), answer in told.items():
            if isinstance(answer, RegistryError):
                raise answer
            yield Place(home.tagged(name), answer or "")


def _moved(rebuilt: tuple[Source, Manifest], there: tuple[Source, Manifest]) -> Iterator[Moved]:
    """By platform and by what layers hold; what describes them, where all of these are the same."""
    one, other = dict(_layers(*rebuilt)), dict(_layers(*there))
    for what in dict.fromkeys((*one, *other)):
        if one.get(what) != other.get(what):
            yield Moved(what, one.get(what, ""), other.get(what, ""))
    if one == other:
        yield Moved("how it starts, or what is said of it", rebuilt[1].digest, there[1].digest)


def _layers(source: Source, root: Manifest) -> Iterator[tuple[str, str]]:
    for variant in inside_of(source, root).variants:
        for number, layer in enumerate(variant.layers, 1):
            yield f"{variant.platform} layer {number}: {layer.made_by or 'untold'}", layer.digest
