"""Images assembled of small layers, whole or broken in one way: whatever is changed, all that names it follows."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, closing
from typing import Any

import msgspec
import zstandard

from envbuild.image.assembling import Image, image, index
from envbuild.image.config import Base, Conduct
from envbuild.image.layers import Layer
from envbuild.image.manifests import LAYERS, Manifest, digest_of

Blobs = dict[str, bytes]
Change = Callable[[dict[str, Any]], object]
Given = tuple[tarfile.TarInfo, bytes]
KINDS = {
    "file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE,
    "device": tarfile.CHRTYPE, "pipe": tarfile.FIFOTYPE, "unheard of": b"Z", "words": tarfile.XHDTYPE,
}  # fmt: skip


def given(path: str, kind: str = "file", data: bytes = b"", **facts: Any) -> Given:
    """One entry of a tar, as we make them unless FACTS say otherwise."""
    info = tarfile.TarInfo(path)
    info.type, info.size = KINDS[kind], len(data)
    info.mode = {"folder": 0o755, "link": 0o777}.get(kind, 0o644)
    for name, value in facts.items():
        setattr(info, name, value)
    return info, data


def tarred(entries: Iterable[Given]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def packed(tar: bytes, kind: str) -> bytes:
    if kind == "gzip":
        return gzip.compress(tar, mtime=0)
    return zstandard.ZstdCompressor().compress(tar) if kind == "zstd" else tar


def layer(tar: bytes, blobs: Blobs, kind: str = "gzip", made_by: str = "numpy 1.26.4") -> Layer:
    """A layer that has this tar, put among the blobs."""
    data = packed(tar, kind)
    blobs[digest_of(data)] = data
    return Layer(digest_of(data), digest_of(tar), len(data), LAYERS[kind], made_by)


def kept(made: Image, blobs: Blobs) -> Image:
    blobs |= {made.manifest.digest: made.manifest.data, digest_of(made.config): made.config}
    return made


def reading(blobs: Mapping[str, bytes]) -> Callable[[str], AbstractContextManager[io.BytesIO]]:
    return lambda digest: closing(io.BytesIO(blobs[digest]))


SMALL = (
    given("opt", "folder"),
    given("opt/env", "folder"),
    given("opt/env/bin", "folder"),
    given("opt/env/bin/python", "link", linkname="python3.12"),
    given("opt/env/bin/python3.12", data=b"\x7fELF", mode=0o755),
    given("opt/env/lib", "folder"),
    given(f"opt/env/lib/{'x' * 120}", data=b"far too long for a header"),
)
CONDUCT = Conduct(
    env=("PATH=/opt/env/bin:/usr/bin", "CONDA_PREFIX=/opt/env"),
    user="1000",
    workdir="/work",
    entrypoint=("python",),
    command=("-V",),
    labels={"org.opencontainers.image.title": "a"},
    expose=("80", "53/udp"),
    stop_signal="SIGINT",
)


def several(
    tars: Iterable[bytes] = (tarred(SMALL),),
    kind: str = "gzip",
    config: Change | None = None,
    manifest: Change | None = None,
    index_: Change | None = None,
) -> tuple[Manifest, Blobs]:
    """An index of one image of these layers. What is changed in a document is named by the others as it then is."""
    blobs: Blobs = {}
    layers = [layer(tar, blobs, kind, f"package {at}") for at, tar in enumerate(tars)]
    made = image(Base(), layers, CONDUCT, "linux/amd64", annotations={"org.opencontainers.image.version": "1"})
    data = _changed(made.config, config)
    named = _changed(made.manifest.data, lambda stated: stated["config"].update(_names(data)), manifest)
    root = index({"linux/amd64": made})
    whole = _changed(root.data, lambda stated: stated["manifests"][0].update(_names(named)), index_)
    blobs |= {digest_of(data): data, digest_of(named): named}
    return Manifest(whole, root.media_type), blobs


def _changed(data: bytes, *changes: Change | None) -> bytes:
    stated = msgspec.json.decode(data)
    for change in changes:
        if change is not None:
            change(stated)
    return json.dumps(stated).encode()


def _names(data: bytes) -> dict[str, Any]:
    return {"digest": f"sha256:{hashlib.sha256(data).hexdigest()}", "size": len(data)}
