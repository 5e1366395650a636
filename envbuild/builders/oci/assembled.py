"""A recipe -> an image that can be read: layers of its base, those of packages from the cache, what is copied."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from envbuild.builders.draft import Draft
from envbuild.builders.oci.conducts import conduct
from envbuild.builders.oci.grounds import ground_of
from envbuild.builders.oci.layering import Layering
from envbuild.builders.oci.workshop import OciWorkshop
from envbuild.builders.recipe import Recipe
from envbuild.image.assembling import Image, image, index
from envbuild.image.config import EPOCH, Base
from envbuild.image.manifests import Descriptor, Manifest
from envbuild.registry.blobs import Blob
from envbuild.registry.parts import in_memory
from envbuild.render import ARCHITECTURES, ASSEMBLY, Assembly, read_assembly

_FINGERPRINT = "dev.envbuild.fingerprint"
_BASE = "org.opencontainers.image.base.digest"


class Assembled:
    """All that an image consists of; its blobs are files of the cache, or where a base is."""

    def __init__(self, manifests: Mapping[str, Manifest], blobs: Mapping[str, Blob]) -> None:
        self._manifests = manifests
        self._blobs = blobs

    def manifest(self, one: Descriptor) -> Manifest:
        return self._manifests[one.digest]

    def blob(self, one: Descriptor) -> Blob:
        return self._blobs[one.digest]

    def small(self, one: Descriptor) -> bytes:
        with self._blobs[one.digest].open() as stream:
            return stream.read(one.size)


def assembled(recipe: Recipe, shop: OciWorkshop) -> Draft:
    context = recipe.folder / "context"
    context.mkdir(parents=True)
    recipe.write(context)
    sketch = read_assembly((context / ASSEMBLY).read_bytes())
    blobs: dict[str, Blob] = {}
    images = {ARCHITECTURES[one]: _image(recipe, shop, sketch, context, one, blobs) for one in recipe.platforms}
    manifests = {one.manifest.digest: one.manifest for one in images.values()}
    is_alone = len(images) == 1
    root = next(iter(manifests.values())) if is_alone else index(images, _annotations(recipe, shop, sketch))
    return Draft(source=Assembled(manifests, blobs), root=root)


def _image(
    recipe: Recipe, shop: OciWorkshop, sketch: Assembly, context: Path, platform: str, blobs: dict[str, Blob]
) -> Image:
    """Of one platform; adds what it consists of to the blobs."""
    ground = ground_of(recipe, shop, platform)
    layering = Layering(recipe, shop, sketch, platform, ground)
    layers = layering.layers(context)
    made = image(
        Base(ground.layers, ground.config),
        [one.layer for one in layers],
        conduct(sketch, ground),
        f"linux/{ARCHITECTURES[platform]}",
        created(shop.form.seconds),
        _annotations(recipe, shop, sketch),
    )
    config = in_memory(made.config)
    every = (*ground.blobs, *(one.blob for one in layers), config)
    blobs.update({one.digest: one for one in every})
    return made


def _annotations(recipe: Recipe, shop: OciWorkshop, sketch: Assembly) -> dict[str, str]:
    """Nothing of when, from which commit or under which number it was built: the same content is the same image."""
    told = recipe.environment.keys.publish.annotations if shop.stated is None else shop.stated
    known = {_FINGERPRINT: recipe.fingerprint.text, _BASE: sketch.base.partition("@")[2]}
    return {key: value for key, value in {**told, **known}.items() if value}


def created(seconds: int) -> str:
    if not seconds:
        return EPOCH
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
