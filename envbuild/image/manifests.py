"""What describes an image, an index of them, or an artifact: bytes, and what they name."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from envbuild.errors import BrokenError
from envbuild.typed import from_json

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MANIFESTS = (MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYERS: Mapping[str, str] = {
    "": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
OCI: Mapping[str, str] = {
    "application/vnd.docker.distribution.manifest.v2+json": MANIFEST,
    "application/vnd.docker.container.image.v1+json": CONFIG,
    "application/vnd.docker.image.rootfs.diff.tar": LAYERS[""],
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYERS["gzip"],
    "application/vnd.docker.image.rootfs.diff.tar.zstd": LAYERS["zstd"],
}
_SHA = "sha256:"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Manifest(msgspec.Struct, frozen=True):
    """What describes an image, an index of them, or an artifact: its bytes are what it is."""

    data: bytes
    media_type: str

    @property
    def digest(self) -> str:
        return digest_of(self.data)

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEXES


class Descriptor(msgspec.Struct, frozen=True):
    """How a manifest names what it consists of. What has URLs is had elsewhere, and stored nowhere."""

    digest: str
    size: int
    media_type: str = msgspec.field(name="mediaType", default="")
    urls: tuple[str, ...] = ()
    platform: Mapping[str, Any] | None = None


class Content(msgspec.Struct, frozen=True):
    """What a manifest names; an index names manifests, everything else has a config and layers."""

    manifests: tuple[Descriptor, ...] = ()
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        every = (*((self.config,) if self.config else ()), *self.layers)
        return tuple({one.digest: one for one in every if not one.urls}.values())


def digest_of(data: bytes) -> str:
    return f"{_SHA}{hashlib.sha256(data).hexdigest()}"


def canonical(data: Mapping[str, Any]) -> bytes:
    """The one way that we write JSON: the same data are the same bytes, whoever put them together."""
    return msgspec.json.encode(data, order="deterministic")


def content(manifest: Manifest, what: str) -> Content:
    try:
        return from_json(manifest.data, Content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        hint = "build and push it again"
        raise BrokenError(f"what describes {what} cannot be read", hint=hint) from None
