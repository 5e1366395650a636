"""An image to another name: by its manifest and what that consists of, which is mounted or streamed, never kept."""

from functools import partial

from envbuild.errors import BrokenError, GoneError
from envbuild.registry.blobs import Blob
from envbuild.registry.client import Registry
from envbuild.registry.manifests import Descriptor, Manifest, content

_DEEPEST = 4


def copy(source: tuple[Registry, str, str], target: tuple[Registry, str], references: tuple[str, ...]) -> str:
    """Registry, repository and reference to registry and repository, under all of these names; gives its digest."""
    registry, repository, reference = source
    found = registry.manifest(repository, reference)
    if found is None:
        what = f"{registry.server} has no {repository}:{reference}"
        raise GoneError(what, hint="check its name, and that it is still there")
    _copy_parts((registry, repository), target, found, _DEEPEST)
    for name in references:
        target[0].put(target[1], name, found)
    return found.digest


def _copy_parts(source: tuple[Registry, str], target: tuple[Registry, str], manifest: Manifest, deep: int) -> None:
    registry, repository = source
    what = f"{registry.server}/{repository}@{manifest.digest}"
    if not deep:
        raise BrokenError(f"{what} is an index of indexes of indexes", hint="build and push it again")
    inside = content(manifest, what)
    for one in inside.manifests:
        _copy_manifest(source, target, one, deep - 1)
    for blob in inside.blobs:
        _copy_blob(source, target, blob)


def _copy_manifest(source: tuple[Registry, str], target: tuple[Registry, str], one: Descriptor, deep: int) -> None:
    registry, repository = source
    found = registry.manifest(repository, one.digest)
    if found is None:
        what = f"{registry.server} has no {repository}@{one.digest}, which an index there names"
        raise GoneError(what, hint="build and push it again")
    _copy_parts(source, target, found, deep)
    target[0].put(target[1], one.digest, found)


def _copy_blob(source: tuple[Registry, str], target: tuple[Registry, str], one: Descriptor) -> None:
    registry, repository = source
    blob = Blob(one.digest, one.size, partial(registry.stream, repository, one.digest))
    target[0].push_blob(target[1], blob, repository if registry.server == target[0].server else "")
