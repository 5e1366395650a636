"""An image to where it is to be: by its manifest and what that names, which is mounted or streamed, never kept."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from functools import partial
from io import BytesIO
from typing import Protocol

from envbuild.errors import BrokenError, GoneError
from envbuild.image.manifests import Descriptor, Manifest, content
from envbuild.registry.blobs import Blob, Readable
from envbuild.registry.client import Registry

_AT_ONCE = 5
_DEEPEST = 4
MOST_SMALL = 16 * 1024 * 1024
_AGAIN = "build and push it again"


class Source(Protocol):
    """Where an image is: in a file, or in a registry."""

    def manifest(self, one: Descriptor) -> Manifest: ...

    def blob(self, one: Descriptor) -> Blob: ...

    def small(self, one: Descriptor) -> bytes:
        """A blob that describes something, whole; nobody sees what does not have its hash."""
        ...


class Stored:
    """A repository of a registry, as a source."""

    def __init__(self, registry: Registry, repository: str) -> None:
        self._registry = registry
        self._repository = repository

    def manifest(self, one: Descriptor) -> Manifest:
        found = self._registry.manifest(self._repository, one.digest)
        if found is None:
            what = f"{self._registry.server} has no {self._repository}@{one.digest}, which an index there names"
            raise GoneError(what, hint=_AGAIN)
        return found

    def blob(self, one: Descriptor) -> Blob:
        return Blob(one.digest, one.size, partial(self._registry.stream, self._repository, one.digest))

    def small(self, one: Descriptor) -> bytes:
        return self._registry.blob(self._repository, one.digest, MOST_SMALL)


class Target:
    """Where it goes; blobs that another repository of the same registry may have, `near`, are mounted from there."""

    def __init__(self, registry: Registry, repository: str, near: str = "") -> None:
        self.registry = registry
        self.repository = repository
        self.near = near


def copy(source: tuple[Registry, str, str], target: tuple[Registry, str], references: tuple[str, ...]) -> str:
    """Registry, repository and reference to registry and repository, under all of these names; gives its digest."""
    registry, repository, reference = source
    found = registry.manifest(repository, reference)
    if found is None:
        what = f"{registry.server} has no {repository}:{reference}"
        raise GoneError(what, hint="check its name, and that it is still there")
    near = repository if registry.server == target[0].server else ""
    return push(Stored(registry, repository), found, Target(*target, near), references)


def push(source: Source, manifest: Manifest, target: Target, references: tuple[str, ...]) -> str:
    """All that it consists of first, so that whoever sees the name can have the whole."""
    for one in reached(source, manifest):
        _push_blobs(source, content(one, one.digest).blobs, target)
        if one is not manifest:
            target.registry.put(target.repository, one.digest, one)
    for name in references:
        target.registry.put(target.repository, name, manifest)
    return manifest.digest


def _push_blobs(source: Source, every: Iterable[Descriptor], target: Target) -> None:
    """Some at once: most of the time is spent in waiting for answers. The first that fails ends it."""

    def one(blob: Descriptor) -> None:
        target.registry.push_blob(target.repository, source.blob(blob), target.near)

    with ThreadPoolExecutor(_AT_ONCE, "push") as pool:
        futures = [pool.submit(one, blob) for blob in every]
        try:
            for future in futures:
                future.result()
        finally:
            for future in futures:
                future.cancel()


def reached(source: Source, manifest: Manifest, deep: int = _DEEPEST) -> Iterator[Manifest]:
    """It, and before it all that it names, as an index does."""
    if not deep:
        raise BrokenError(f"{manifest.digest} is an index of indexes of indexes", hint=_AGAIN)
    for one in content(manifest, manifest.digest).manifests:
        yield from reached(source, source.manifest(one), deep - 1)
    yield manifest


def parts(source: Source, manifest: Manifest, without: Iterable[str] = ()) -> Iterator[Blob]:
    """All that an image consists of, each once, what describes it after what it describes; `without` some of it."""
    seen = {*without}
    for one in reached(source, manifest):
        blobs = (source.blob(blob) for blob in content(one, one.digest).blobs if blob.digest not in seen)
        for blob in (*blobs, Blob(one.digest, len(one.data), partial(_opened, one.data))):
            if blob.digest not in seen:
                yield blob
            seen.add(blob.digest)


def _opened(data: bytes) -> AbstractContextManager[Readable]:
    return closing(BytesIO(data))
