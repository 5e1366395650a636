"""OCI layouts: folders of images by name, whose blobs are read where they lie."""

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from envbuild.errors import BrokenError, DigestError, GoneError, RegistryError
from envbuild.image.manifests import DIGEST, Descriptor, Manifest
from envbuild.registry.blobs import Blob, Readable
from envbuild.registry.checking import Checked
from envbuild.registry.copying import MOST_SMALL
from envbuild.typed import from_json

INDEX, MARK = "index.json", "oci-layout"
REF_NAME = "org.opencontainers.image.ref.name"
_AGAIN = "write it again"
_OTHER = "'envbuild lock --upgrade' takes what it has now"
T = TypeVar("T")


class _Entry(msgspec.Struct, frozen=True):
    digest: str
    size: int
    media_type: str = msgspec.field(name="mediaType", default="")
    annotations: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return (self.annotations or {}).get(REF_NAME, "")

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(self.digest, self.size, self.media_type)


class _Index(msgspec.Struct, frozen=True):
    manifests: tuple[_Entry, ...] = ()


class _Typed(msgspec.Struct, frozen=True):
    media_type: str = msgspec.field(name="mediaType")


class _Mark(msgspec.Struct, frozen=True):
    version: str = msgspec.field(name="imageLayoutVersion")


class Layout:
    """A folder, which messages call SHOWN. Only what describes images is read into memory; all is held to its hash."""

    def __init__(self, folder: Path, shown: str = "", within: Path | None = None) -> None:
        """Links do not lead out of WITHIN, if that is given."""
        self._folder = folder
        self._shown = shown or str(folder)
        self._within = within

    def image(self, name: str = "") -> Descriptor:
        """The image of this name; without one, the only image that is there."""
        every = self._entries()
        found = [one for one in every if one.name == name] if name else every
        if len(found) == 1:
            return found[0].descriptor
        names = sorted({one.name for one in every if one.name})
        hint = f"name one that it has: {', '.join(names)}" if names else _AGAIN
        if not found:
            raise GoneError(f"{self._shown} has no image{f' {name!r}' if name else ''}", hint=hint)
        what = f"{len(found)} images of the name {name!r}" if name else f"{len(found)} images"
        raise RegistryError(f"{self._shown} has {what}", hint=_AGAIN if name else hint)

    @property
    def is_known(self) -> bool:
        """Whether it is of the version that there is."""
        return self._read(MARK, _Mark).version == "1.0.0"

    @property
    def images(self) -> dict[str, Descriptor]:
        """All that it names, by digest."""
        return {one.digest: one.descriptor for one in self._entries()}

    def found(self, digest: str) -> Manifest:
        """An image of this digest, be its name still there or not."""
        named = [one for one in self._entries() if one.digest == digest]
        if named:
            return self.manifest(named[0].descriptor)
        path = self._folder / _path(digest, self._shown)
        if not path.exists():
            raise GoneError(f"{self._shown} does not have {digest} any more", hint=_OTHER)
        data = self.small(Descriptor(digest, path.stat().st_size))
        return Manifest(data, _decoded(data, _Typed, f"{self._shown}/{digest}").media_type)

    def manifest(self, one: Descriptor) -> Manifest:
        return Manifest(self.small(one), one.media_type)

    def blob(self, one: Descriptor) -> Blob:
        return Blob(one.digest, one.size, partial(self._checked, one))

    def small(self, one: Descriptor) -> bytes:
        """What describes an image, whole."""
        if one.size > MOST_SMALL:
            raise BrokenError(f"{one.digest} of {self._shown} is too large to describe an image", hint=_AGAIN)
        with self._checked(one) as stream:
            return stream.read(one.size)

    def _entries(self) -> tuple[_Entry, ...]:
        if not self.is_known:
            raise BrokenError(f"{self._shown} is an OCI layout of a version that is not known", hint=_AGAIN)
        return self._read(INDEX, _Index).manifests

    def _read(self, name: str, kind: type[T]) -> T:
        with self._opened(name) as stream:
            return _decoded(stream.read(MOST_SMALL), kind, f"{self._shown}/{name}")

    @contextmanager
    def _checked(self, one: Descriptor) -> Iterator[Readable]:
        with self._opened(_path(one.digest, self._shown)) as stream:
            yield Checked(stream, one.digest, one.size, self._shown, _AGAIN)

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        """A plain file: nothing else is waited for."""
        path = self._folder / name
        if self._within and not path.resolve().is_relative_to(self._within.resolve()):
            raise BrokenError(f"{self._shown}/{name} leads out of the project", hint="keep a copy inside it")
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise BrokenError(f"{self._shown}/{name} is no file", hint=_AGAIN)
            stream = path.open("rb")
        except OSError as error:
            if name == MARK:
                hint = "name a folder that 'skopeo copy ... oci:FOLDER' or 'envbuild apply --output oci:FOLDER' made"
                raise GoneError(f"{self._shown} is no OCI layout: it has no '{MARK}'", hint=hint) from None
            raise BrokenError(f"{self._shown}/{name} cannot be read: {error.strerror}", hint=_AGAIN) from None
        with stream:
            yield stream


def _path(digest: str, shown: str) -> str:
    """What is no digest becomes no path."""
    if not DIGEST.fullmatch(digest):
        raise DigestError(f"{shown} names '{digest}', which is no digest that is known", hint=_AGAIN)
    return f"blobs/{digest.replace(':', '/')}"


def _decoded(data: bytes, kind: type[T], what: str) -> T:
    try:
        return from_json(data, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BrokenError(f"{what} cannot be read", hint=_AGAIN) from None
