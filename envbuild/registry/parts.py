"""What an image in a registry is made of, beside it: a small artifact, which says part by part what was built.

It is believed only where its parts are the fingerprint that it is stored under.
"""

import contextlib
import io
import json

import msgspec

from envbuild.errors import BrokenError
from envbuild.fingerprint import Fingerprint, Part
from envbuild.image.manifests import MANIFEST, Manifest, content, digest_of
from envbuild.registry.blobs import Blob
from envbuild.registry.client import Registry
from envbuild.typed import from_json

_KIND = "application/vnd.envbuild.parts.v1+json"
_EMPTY_KIND = "application/vnd.oci.empty.v1+json"
_EMPTY = b"{}"
_MOST = 64 * 1024 * 1024


class Parts(msgspec.Struct, frozen=True):
    """The image that stands beside it, what it was called first, and its parts."""

    environment: str
    version: int
    image: str
    parts: tuple[Part, ...]

    @property
    def fingerprint(self) -> str:
        return Fingerprint(self.parts).text


def image_tag(fingerprint: str, architecture: str = "") -> str:
    """What an image is pushed as: its content is its name. The share of one architecture says of which it is."""
    scheme, _, digest = fingerprint.partition(":")
    return "-".join(filter(None, ("fp", scheme, digest, architecture)))


def parts_tag(fingerprint: str) -> str:
    return f"{image_tag(fingerprint)}-parts"


def put_parts(registry: Registry, repository: str, parts: Parts) -> str:
    """Gives the digest of the artifact; the same parts are the same bytes, and are not sent again."""
    layer = msgspec.json.encode(parts)
    artifact, tag = _artifact(layer), parts_tag(parts.fingerprint)
    if registry.head(repository, tag, to_write=True) == artifact.digest:
        return artifact.digest
    for data in (_EMPTY, layer):
        registry.push_blob(repository, in_memory(data))
    return registry.put(repository, tag, artifact)


def read_parts(registry: Registry, repository: str, fingerprint: str) -> Parts | None:
    """Nothing where there is none; what is not of this fingerprint is an error."""
    found = registry.manifest(repository, parts_tag(fingerprint))
    if found is None:
        return None
    what = f"{registry.server}/{repository}:{parts_tag(fingerprint)}"
    layers = content(found, what).layers
    hint = "remove this tag; 'envbuild apply' writes it again"
    if len(layers) != 1 or layers[0].media_type != _KIND:
        raise BrokenError(f"{what} holds no parts of an image", hint=hint)
    data = registry.blob(repository, layers[0].digest, _MOST)
    try:
        parts = from_json(data, Parts)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BrokenError(f"{what} holds no parts that can be read", hint=hint) from None
    if parts.fingerprint != fingerprint:
        raise BrokenError(f"{what} holds the parts of {parts.fingerprint}", hint=hint)
    return parts


def in_memory(data: bytes) -> Blob:
    return Blob(digest_of(data), len(data), lambda: contextlib.closing(io.BytesIO(data)))


def _artifact(layer: bytes) -> Manifest:
    def descriptor(kind: str, data: bytes) -> dict[str, object]:
        return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}

    stated = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": _KIND,
        "config": descriptor(_EMPTY_KIND, _EMPTY),
        "layers": [descriptor(_KIND, layer)],
    }
    return Manifest(json.dumps(stated, separators=(",", ":")).encode(), MANIFEST)
