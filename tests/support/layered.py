"""Images of a few small layers, in memory: a source of whatever writes or pushes them."""

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

import zstandard

from envbuild.image.manifests import Descriptor, Manifest, digest_of
from envbuild.registry.blobs import Blob

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_PACKED = {"gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstandard.compress, "": bytes}


class Shelf:
    """A source; what is made here is in it."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.read: list[str] = []

    def manifest(self, one: Descriptor) -> Manifest:
        return Manifest(self.blobs[one.digest], one.media_type)

    def blob(self, one: Descriptor) -> Blob:
        self.read.append(one.digest)
        return Blob(one.digest, one.size, lambda: closing(io.BytesIO(self.blobs[one.digest])))

    def small(self, one: Descriptor) -> bytes:
        with self.blob(one).open() as stream:
            return stream.read(one.size)

    def image(
        self,
        *layers: bytes,
        compression: str = "gzip",
        architecture: str = "amd64",
        starts: Mapping[str, Any] | None = None,
        made_by: Iterable[str] = (),
    ) -> Manifest:
        """Of these tars; STARTS is what its configuration says of containers."""
        suffix = f"+{compression}" if compression else ""
        packed = [self._put(_PACKED[compression](one), f"{_LAYER}{suffix}") for one in layers]
        steps = [*made_by] or [f"layer {number}" for number in range(len(layers))]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": dict(starts or {}),
            "rootfs": {"type": "layers", "diff_ids": [digest_of(one) for one in layers]},
            "history": [{"created_by": step} for step in steps],
        }
        own = self._put(json.dumps(config).encode(), CONFIG)
        return self._described(MANIFEST, config=own, layers=packed)

    def index(self, **images: Manifest) -> Manifest:
        """Of images by architecture."""
        entries = [{**_entry(one), "platform": {"architecture": name, "os": "linux"}} for name, one in images.items()]
        return self._described(INDEX, manifests=entries)

    def _described(self, kind: str, **content: Any) -> Manifest:
        data = json.dumps({"schemaVersion": 2, "mediaType": kind, **content}).encode()
        self.blobs[digest_of(data)] = data
        return Manifest(data, kind)

    def _put(self, data: bytes, kind: str) -> dict[str, Any]:
        self.blobs[digest_of(data)] = data
        return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def _entry(one: Manifest) -> dict[str, Any]:
    return {"mediaType": one.media_type, "digest": one.digest, "size": len(one.data)}


def layer(*members: str | tarfile.TarInfo, **files: str) -> bytes:
    """A tar of folders (`bin/`), links (`bin -> usr/bin`), empty files, and what FILES say: `__` is a slash there."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for one in members:
            tar.addfile(one if isinstance(one, tarfile.TarInfo) else member(one))
        for path, text in files.items():
            info = member(path.replace("__", "/"))
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def member(text: str, *, uid: int = 0, gid: int = 0, mode: int | None = None) -> tarfile.TarInfo:
    """One path, as `layer` is told it."""
    path, _, target = text.partition(" -> ")
    info = tarfile.TarInfo(path.rstrip("/"))
    info.uid, info.gid, info.mode = uid, gid, 0o755 if path.endswith("/") else 0o644
    if target:
        info.type, info.linkname = tarfile.SYMTYPE, target
    elif path.endswith("/"):
        info.type = tarfile.DIRTYPE
    if mode is not None:
        info.mode = mode
    return info
