"""Whether an image is what it says, down to the last byte of its layers, and would be the same to every engine."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from envbuild.errors import ImageError
from envbuild.image.documents import Configuration, Described, Index, Named, Platform, document
from envbuild.image.manifests import CONFIG, INDEXES, LAYERS, MANIFEST, Manifest, digest_of
from envbuild.image.stacking import Expected, Stack
from envbuild.image.tars import members
from envbuild.image.unpacking import Counted, Readable, pieces, unpacked

_AGAIN = "build it again"
Read = Callable[[str], AbstractContextManager[Readable]]
_ANY = Expected()
_MOST = 16 * 1024 * 1024
_MOST_PORT = 65535


def validate(root: Manifest, read: Read, expected: Expected = _ANY) -> None:
    """Of all that is reachable from `root`; `read` gives what is stored under a digest, as often as it is asked."""
    if root.is_index:
        _index(root, read, expected)
    else:
        _image(root, read, expected, None)


def _index(root: Manifest, read: Read, expected: Expected) -> None:
    what = f"the index {root.digest}"
    stated = document(root.data, Index, what)
    _require(stated.media_type == root.media_type == INDEXES[0], f"{what} is of the kind '{stated.media_type}'")
    _require(bool(stated.manifests), f"{what} names no image")
    platforms = [str(one.platform) for one in stated.manifests if one.platform]
    _require(len(platforms) == len(stated.manifests), f"{what} does not say which platform an image is for")
    for one, platform in zip(stated.manifests, platforms, strict=True):
        _require(platforms.count(platform) == 1, f"{what} names two images for {platform}")
        _require(one.media_type == MANIFEST, f"{what} names an image of the kind '{one.media_type}'")
        data = _small(one, read, f"the manifest for {platform}")
        _image(Manifest(data, one.media_type), read, expected, one.platform)


def _image(manifest: Manifest, read: Read, expected: Expected, platform: Platform | None) -> None:
    what = f"the manifest {manifest.digest}"
    stated = document(manifest.data, Described, what)
    _require(stated.media_type == manifest.media_type == MANIFEST, f"{what} is of the kind '{stated.media_type}'")
    kind = stated.config.media_type
    _require(kind == CONFIG, f"{what} names a configuration of the kind '{kind}'")
    config = _config(_small(stated.config, read, "the configuration"), len(stated.layers))
    if platform is not None and platform != config.platform:
        text = f"the index has it for {_shown(platform)}, and its configuration for {_shown(config.platform)}"
        raise ImageError(f"{what} is for two platforms: {text}", hint=_AGAIN)
    stack = Stack(expected)
    for at, (one, diff_id) in enumerate(zip(stated.layers, config.rootfs.diff_ids, strict=True)):
        _layer(one, diff_id, read, stack, at < expected.base)


def _config(data: bytes, layers: int) -> Configuration:
    what = "the configuration"
    found = document(data, Configuration, what)
    ids, told = len(found.rootfs.diff_ids), sum(not one.empty_layer for one in found.history)
    _require(ids == layers, f"{what} names {ids} layers, and the manifest {layers}")
    _require(told == layers, f"the history in {what} tells of {told} layers, and there are {layers}")
    names = [one.partition("=")[0] for one in found.config.env]
    for name in names:
        _require(names.count(name) == 1, f"{what} sets the variable {name} twice")
    for port in found.config.exposed_ports:
        _require(int(port.partition("/")[0]) <= _MOST_PORT, f"{what} exposes {port}, which is no port")
    return found


def _layer(one: Named, diff_id: str, read: Read, stack: Stack, is_base: bool) -> None:  # noqa: FBT001 - read beside its like
    what = f"the layer {one.digest}"
    _require(one.media_type in LAYERS.values(), f"{what} is of the kind '{one.media_type}'")
    with _opened(one.digest, read, what) as stream:
        packed = Counted(pieces(stream))
        tar = Counted(unpacked(iter(packed), one.media_type, what))
        entries = members(iter(tar), what)
        if is_base:
            stack.put_base(entries)
        else:
            stack.put(entries, what)
    _same(one, packed.digest, packed.size, what)
    _require(tar.digest == diff_id, f"{what} unpacks to {tar.digest}, and the configuration has {diff_id}")


def _small(one: Named, read: Read, what: str) -> bytes:
    """A document, whole."""
    _require(one.size <= _MOST, f"{what} has {one.size:,} bytes, which is too much")
    with _opened(one.digest, read, what) as stream:
        data = b"".join(_bounded(stream))
    _same(one, digest_of(data), len(data), what)
    return data


def _bounded(stream: Readable) -> Iterator[bytes]:
    left = _MOST + 1
    while left > 0 and (piece := stream.read(left)):
        left -= len(piece)
        yield piece


def _same(one: Named, digest: str, size: int, what: str) -> None:
    _require(size == one.size, f"{what} is to have {one.size:,} bytes, and has {size:,}")
    _require(digest == one.digest, f"{what} is to be {one.digest}, and is {digest}")


def _opened(digest: str, read: Read, what: str) -> AbstractContextManager[Readable]:
    try:
        return read(digest)
    except LookupError:
        raise ImageError(f"{what} is not there: {digest}", hint=_AGAIN) from None


def _shown(platform: Platform) -> str:
    return " ".join(filter(None, (str(platform), platform.version, *platform.features)))


def _require(holds: bool, text: str) -> None:  # noqa: FBT001 - it is what is asked
    if not holds:
        raise ImageError(text, hint=_AGAIN)
