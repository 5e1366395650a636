"""Images put together: a configuration, and the manifest that names it and the layers; an index of several of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from envbuild.errors import ImageError
from envbuild.image.config import EPOCH, Base, Conduct, config
from envbuild.image.layers import Layer
from envbuild.image.manifests import CONFIG, INDEXES, LAYERS, MANIFEST, OCI, Manifest, canonical, digest_of

_OF_PLATFORMS = ("architecture", "os", "os.features", "os.version", "variant")


class Image(msgspec.Struct, frozen=True):
    """An image of one platform, whole but for the bytes of its layers, of which the base's come first."""

    manifest: Manifest
    config: bytes
    layers: tuple[Layer, ...]

    @property
    def platform(self) -> Mapping[str, Any]:
        """As an index says it."""
        stated = msgspec.json.decode(self.config)
        return {key: stated[key] for key in _OF_PLATFORMS if key in stated}


def image(
    base: Base,
    layers: Sequence[Layer],
    conduct: Conduct,
    platform: str,
    created: str = EPOCH,
    annotations: Mapping[str, str] = {},
) -> Image:
    """Of one platform; whoever says the same gets the same bytes."""
    written = config(base, layers, conduct, platform, created)
    every = tuple(_as_oci(one) for one in (*base.layers, *layers))
    stated = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(written), "size": len(written)},
        "layers": [_named(one) for one in every],
        **({"annotations": annotations} if annotations else {}),
    }
    return Image(Manifest(canonical(stated), MANIFEST), written, every)


def index(images: Mapping[str, Image], annotations: Mapping[str, str] = {}) -> Manifest:
    """One name for the images of several platforms, in the order of these, not of their making."""
    stated = {
        "schemaVersion": 2,
        "mediaType": INDEXES[0],
        "manifests": [_entry(one) for _, one in sorted(images.items())],
        **({"annotations": annotations} if annotations else {}),
    }
    return Manifest(canonical(stated), INDEXES[0])


def _as_oci(layer: Layer) -> Layer:
    """Docker's names of kinds are other words for the same bytes."""
    media_type = OCI.get(layer.media_type, layer.media_type)
    if media_type not in LAYERS.values():
        hint = "choose another base image"
        raise ImageError(f"{layer.digest} is a layer of an unknown kind, '{layer.media_type}'", hint=hint)
    return msgspec.structs.replace(layer, media_type=media_type)


def _named(layer: Layer) -> dict[str, Any]:
    stated: dict[str, Any] = {"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size}
    return {**stated, "annotations": layer.annotations} if layer.annotations else stated


def _entry(image: Image) -> dict[str, Any]:
    manifest = image.manifest
    named = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.data)}
    return {**named, "platform": image.platform}
