"""What an image consists of, as its manifests and configurations say: platforms, layers, how it starts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from envbuild.errors import BrokenError, GoneError
from envbuild.image.manifests import Content, Manifest, content
from envbuild.registry.client import Registry
from envbuild.registry.copying import Source, Stored
from envbuild.registry.index import is_attestation
from envbuild.typed import from_json

_NOISE = re.compile(r"^/bin/sh -c #\(nop\)\s*| # buildkit$")
# Instructions that make no layer.
_IDLE = frozenset(
    {
        *("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD"),
        *("SHELL", "STOPSIGNAL", "USER", "VOLUME"),
    }
)
_AGAIN = "build and push it again"
PACKAGES = "dev.envbuild.packages"  # of a layer: what it holds, one on a line
T = TypeVar("T")


class Layer(msgspec.Struct, frozen=True):
    """One layer; `made_by` is the step that made it, where that is known, `packages` what it says that it holds."""

    digest: str
    size: int
    made_by: str = ""
    packages: tuple[str, ...] = ()


class Conduct(msgspec.Struct, frozen=True):
    """How a container of an image starts, and what is said of it."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    workdir: str = ""
    env: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Conduct":
        return cls(
            tuple(config.get("Entrypoint") or ()),
            tuple(config.get("Cmd") or ()),
            str(config.get("User") or ""),
            str(config.get("WorkingDir") or ""),
            tuple(config.get("Env") or ()),
            dict(sorted((config.get("Labels") or {}).items())),
        )


class Variant(msgspec.Struct, frozen=True):
    """An image of one platform."""

    platform: str
    digest: str
    layers: tuple[Layer, ...]
    conduct: Conduct
    annotations: Mapping[str, str] = {}
    created: str = ""

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.layers)


class Inside(msgspec.Struct, frozen=True):
    """All that one digest stands for."""

    media_type: str
    variants: tuple[Variant, ...]
    annotations: Mapping[str, str] = {}

    @property
    def size(self) -> int:
        """What is stored: a layer that several platforms share is one."""
        return sum({layer.digest: layer.size for one in self.variants for layer in one.layers}.values())


class _Stated(msgspec.Struct, frozen=True):
    annotations: Mapping[str, str] = {}


class _Annotated(msgspec.Struct, frozen=True):
    annotations: Mapping[str, str] | None = None


class _Named(msgspec.Struct, frozen=True):
    layers: tuple[_Annotated, ...] = ()


class _Step(msgspec.Struct, frozen=True):
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False


class _Config(msgspec.Struct, frozen=True):
    architecture: str = ""
    os: str = ""
    variant: str = ""
    created: str = ""
    config: Mapping[str, Any] | None = None
    history: tuple[_Step, ...] = ()


def inside(registry: Registry, repository: str, digest: str) -> Inside:
    return inside_of(Stored(registry, repository), _manifest(registry, repository, digest))


def inside_of(source: Source, root: Manifest) -> Inside:
    """Of one platform or of several; what is attested of them is left out."""
    stated = _decoded(root.data, _Stated, root.digest)
    if not root.is_index:
        return Inside(root.media_type, (_variant(source, root),), stated.annotations)
    named = content(root, root.digest).manifests
    images = [one for one in named if not is_attestation({"platform": one.platform})]
    every = tuple(_variant(source, source.manifest(one)) for one in images)
    return Inside(root.media_type, every, stated.annotations)


def weight(registry: Registry, repository: str, digest: str) -> int:
    """How much is stored of it: what several platforms share is counted once."""
    found = _manifest(registry, repository, digest)
    named = content(found, digest)
    every = {blob.digest: blob.size for blob in named.blobs}
    for one in named.manifests:
        below = content(_manifest(registry, repository, one.digest), one.digest)
        every |= {blob.digest: blob.size for blob in below.blobs}
    return sum(every.values())


def _manifest(registry: Registry, repository: str, digest: str) -> Manifest:
    found = registry.manifest(repository, digest)
    if found is None:
        raise GoneError(f"{registry.server} has no {repository}@{digest}", hint=_AGAIN)
    return found


def _variant(source: Source, manifest: Manifest) -> Variant:
    named = content(manifest, manifest.digest)
    if named.config is None:
        raise BrokenError(f"{manifest.digest} is no image", hint=_AGAIN)
    config = _decoded(source.small(named.config), _Config, named.config.digest)
    return Variant(
        "/".join(filter(None, (config.os, config.architecture, config.variant))),
        manifest.digest,
        _layers(named, config.history, _decoded(manifest.data, _Named, manifest.digest)),
        Conduct.of(config.config or {}),
        _decoded(manifest.data, _Stated, manifest.digest).annotations,
        config.created,
    )


def _layers(named: Content, history: Sequence[_Step], said: _Named) -> tuple[Layer, ...]:
    steps = [made_by(one.created_by, one.comment) for one in history if not one.empty_layer]
    told = steps if len(steps) == len(named.layers) else [""] * len(named.layers)
    held = [tuple(filter(None, (one.annotations or {}).get(PACKAGES, "").split("\n"))) for one in said.layers]
    every = zip(named.layers, told, held, strict=True)
    return tuple(Layer(one.digest, one.size, step, packages) for one, step, packages in every)


def made_by(step: str, comment: str) -> str:
    """A step as its Dockerfile had it."""
    return _NOISE.sub("", step).strip() or comment


def as_engines_tell(diff_ids: Iterable[str], history: Iterable[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """An engine has its steps newest first, and does not say which of them made a layer: their instructions do."""
    ids = tuple(diff_ids)
    steps = [(_step(one), int(one.get("Size") or 0)) for one in reversed([*history])]
    for idle in (_IDLE, _IDLE | {"WORKDIR"}):  # which makes a folder, where there is none
        made = [(step, size) for step, size in steps if size or step.partition(" ")[0] not in idle]
        if len(made) == len(ids):
            return tuple(Layer(one, size, step) for one, (step, size) in zip(ids, made, strict=True))
    return tuple(Layer(one, 0) for one in ids)


def _step(told: Mapping[str, Any]) -> str:
    return made_by(str(told.get("CreatedBy") or ""), str(told.get("Comment") or ""))


def _decoded(data: bytes, kind: type[T], what: str) -> T:
    try:
        return from_json(data, kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BrokenError(f"what describes {what} cannot be read", hint=_AGAIN) from None
