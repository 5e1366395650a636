"""Images in a file, as BuildKit writes them: an OCI layout in a tar, whose blobs are read where they lie."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from envbuild.errors import BrokenError
from envbuild.image.manifests import Content, Descriptor, Manifest, digest_of
from envbuild.registry.blobs import Blob, Readable
from envbuild.typed import from_json

_INDEX = "index.json"
_HINT = "build it again"


class Archive:
    """What one file holds; only manifests are read into memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with tarfile.open(path, "r:") as tar:
                self._places = {one.name: (one.offset_data, one.size) for one in tar if one.isreg()}
        except (OSError, tarfile.TarError) as error:
            raise BrokenError(f"the image's file cannot be read: {error}", hint=_HINT) from None

    @property
    def root(self) -> Descriptor:
        """The one image, or index of images, that the file is about."""
        try:
            listed = from_json(self._whole(_INDEX), Content).manifests
        except msgspec.DecodeError:
            listed = ()
        if not listed:
            raise BrokenError("the image's file names no image", hint=_HINT)
        return listed[0]

    def manifest(self, one: Descriptor) -> Manifest:
        found = Manifest(self._whole(_name(one.digest)), one.media_type)
        if found.digest != one.digest:
            raise BrokenError(f"the image's file has {found.digest} for {one.digest}", hint=_HINT)
        return found

    def blob(self, one: Descriptor) -> Blob:
        offset, size = self._place(_name(one.digest))
        return Blob(one.digest, size, partial(self._opened, offset, size))

    def small(self, one: Descriptor) -> bytes:
        """A small blob, whole."""
        data = self._whole(_name(one.digest))
        if digest_of(data) != one.digest:
            raise BrokenError(f"the image's file has another content for {one.digest}", hint=_HINT)
        return data

    def _place(self, name: str) -> tuple[int, int]:
        if name not in self._places:
            raise BrokenError(f"the image's file has no {name}", hint=_HINT)
        return self._places[name]

    def _whole(self, name: str) -> bytes:
        offset, size = self._place(name)
        with self._opened(offset, size) as stream:
            return stream.read(size)

    @contextmanager
    def _opened(self, offset: int, size: int) -> Iterator[Readable]:
        with self._path.open("rb") as stream:
            stream.seek(offset)
            left = size

            class Part:
                def read(self, most: int, /) -> bytes:
                    nonlocal left
                    piece = stream.read(min(most, left))
                    left -= len(piece)
                    return piece

            yield Part()


def _name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
