"""An index of images: one for each platform, joined from what several machines have pushed.

The same shares make the same bytes, whoever joins them, also if nobody had to; what is attested of each goes with it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from envbuild.errors import BrokenError
from envbuild.image.manifests import INDEXES, Manifest, canonical, content
from envbuild.registry.client import Registry
from envbuild.typed import from_json

_AGAIN = "build it again: 'envbuild apply --platform P'"
_MOST_CONFIG = 16 * 1024 * 1024


class Share(msgspec.Struct, frozen=True):
    """What one platform brings: the entries of an index, and what is said of all of it."""

    entries: tuple[dict[str, Any], ...]
    annotations: Mapping[str, str]


def share(registry: Registry, repository: str, digest: str, architecture: str) -> Share:
    """What is stored under the name of one platform; that it is of this one is said by its own configuration."""
    what = f"{registry.server}/{repository}@{digest}"
    found = registry.manifest(repository, digest)
    if found is None:
        raise BrokenError(f"{what} is gone", hint=_AGAIN)
    stated = _read(found, what)
    images = [one for one in stated["manifests"] if not is_attestation(one)] if found.is_index else [_entry(found)]
    if len(images) != 1:
        raise BrokenError(f"{what} holds {len(images)} images, and is to be of one platform", hint=_AGAIN)
    platform = _platform(registry, repository, images[0]["digest"], what)
    if platform["architecture"] != architecture:
        raise BrokenError(f"{what} is for {platform['architecture']}, and is called {architecture}", hint=_AGAIN)
    besides = [one for one in stated["manifests"] if is_attestation(one)] if found.is_index else []
    return Share(({**images[0], "platform": platform}, *besides), stated.get("annotations") or {})


def index(shares: Iterable[Share]) -> Manifest:
    """One image for all platforms; what all shares say of themselves is said of the whole."""
    every = sorted(shares, key=lambda one: str(one.entries[0]["platform"]["architecture"]))
    common = [{*one.annotations.items()} for one in every]
    annotations = dict(sorted(set.intersection(*common))) if common else {}
    stated = {
        "schemaVersion": 2,
        "mediaType": INDEXES[0],
        "manifests": [entry for one in every for entry in one.entries],
        **({"annotations": annotations} if annotations else {}),
    }
    return Manifest(canonical(stated), INDEXES[0])


def is_attestation(entry: Mapping[str, Any]) -> bool:
    """What is said of an image, in an index beside it, as if it were one of no platform."""
    return (entry.get("platform") or {}).get("os") == "unknown"


def _entry(manifest: Manifest) -> dict[str, Any]:
    return {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.data)}


def _platform(registry: Registry, repository: str, digest: str, what: str) -> dict[str, str]:
    image = registry.manifest(repository, digest)
    config = content(image, what).config if image else None
    if config is None:
        raise BrokenError(f"{what} names an image that is not there", hint=_AGAIN)
    told = _decoded(registry.blob(repository, config.digest, _MOST_CONFIG), what)
    return {key: str(told[key]) for key in ("architecture", "os", "variant", "os.version") if told.get(key)}


def _read(manifest: Manifest, what: str) -> dict[str, Any]:
    return _decoded(manifest.data, what)


def _decoded(data: bytes, what: str) -> dict[str, Any]:
    try:
        return from_json(data, dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BrokenError(f"what describes {what} cannot be read", hint=_AGAIN) from None
