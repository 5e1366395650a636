"""The image that another one starts from, for one platform: its settings and its layers, which stay where they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from envbuild.errors import BuildError, GoneError, Place, RegistryError
from envbuild.image.layers import Layer
from envbuild.image.manifests import Content, Descriptor, Manifest, content
from envbuild.lock import Base
from envbuild.registry.blobs import Blob
from envbuild.registry.client import Registries
from envbuild.registry.copying import Source, Stored
from envbuild.registry.inspecting import PACKAGES, made_by
from envbuild.render import ARCHITECTURES
from envbuild.solvers.bases import project_layout
from envbuild.typed import from_json

_ANOTHER = "choose another image, or tell who keeps this one"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_LAYERS = frozenset(
    {*(f"{_OCI_LAYER}{packed}" for packed in ("", "+gzip", "+zstd"))}
    | {*(f"{_DOCKER_LAYER}{packed}" for packed in ("", ".gzip", ".zstd"))}
)
T = TypeVar("T")


class Ground(msgspec.Struct, frozen=True):
    """What a base is for one platform: as a registry or a folder has it, or nothing, which is called scratch."""

    config: Mapping[str, Any] = {}
    layers: tuple[Layer, ...] = ()
    manifest: Manifest | None = None
    source: Source | None = None

    @property
    def env(self) -> Mapping[str, str]:
        stated = (self.config.get("config") or {}).get("Env") or ()
        return dict(one.partition("=")[::2] for one in stated)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Of its layers, lowest first."""
        if self.source is None:
            return ()
        return tuple(self.source.blob(Descriptor(one.digest, one.size, one.media_type)) for one in self.layers)


SCRATCH = Ground()


class _Platform(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


class _Entry(msgspec.Struct, frozen=True):
    platform: _Platform | None = None


class _Index(msgspec.Struct, frozen=True):
    manifests: tuple[_Entry, ...] = ()


class _Files(msgspec.Struct, frozen=True):
    diff_ids: tuple[str, ...] = ()


class _Step(msgspec.Struct, frozen=True):
    created_by: str = ""
    comment: str = ""
    empty_layer: bool = False


class _Starts(msgspec.Struct, frozen=True, rename="pascal"):
    env: tuple[str, ...] | None = None
    on_build: tuple[str, ...] | None = None


class _Config(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    rootfs: _Files | None = None
    history: tuple[_Step, ...] | None = None
    config: _Starts | None = None


class _Layer(msgspec.Struct, frozen=True):
    annotations: Mapping[str, Any] | None = None

    @property
    def kept(self) -> dict[str, str]:
        """What it holds, if it is one of ours; what others say of theirs may hang on how it is stored."""
        said = (self.annotations or {}).get(PACKAGES)
        return {PACKAGES: said} if isinstance(said, str) else {}


class _Layers(msgspec.Struct, frozen=True):
    layers: tuple[_Layer, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """A base as messages call it, and the line that asks for it."""

    name: str
    where: Place


def opened(base: Base, registries: Registries, root: Path, where: Place) -> tuple[Source, Manifest]:
    """Where the base that a lock names is, and that very one, whatever its name stands for now."""
    try:
        if base.layout:
            layout = project_layout(root, base.layout.path)
            return layout, layout.found(base.digest)
        server, _, repository = base.name.partition("/")
        found = registries.of(server).manifest(repository, base.digest)
        if found is None:
            hint = "'envbuild lock --upgrade' takes what it has now"
            raise GoneError(f"{server} does not have {repository}@{base.digest} any more", hint=hint)
        return Stored(registries.of(server), repository), found
    except RegistryError as error:
        raise BuildError(error.message, where, error.hint) from None


def base_of(source: Source, root: Manifest, platform: str, asked: Asked) -> Ground:
    """Of an image or an index, for what conda calls `linux-64`; one for another platform alone is refused."""
    wanted = _Platform("linux", ARCHITECTURES[platform])
    one = _chosen(source, root, wanted, asked) if root.is_index else root
    stated = content(one, asked.name)
    if stated.config is None:
        raise BuildError(f"{asked.name} is no image", asked.where, _ANOTHER)
    data = source.small(stated.config)
    config = _decoded(data, _Config, asked)
    if (found := _Platform(config.os, config.architecture)) != wanted:
        raise _other_platform(asked, wanted, [found])
    if config.config and config.config.on_build:
        hint = "choose another base image, or 'builder: docker'"
        raise BuildError(f"{asked.name} has ONBUILD steps, which have to be run", asked.where, hint)
    kept = [layer.kept for layer in _decoded(one.data, _Layers, asked).layers]
    every = zip(_layers(stated, config, asked), kept, strict=True)
    layers = tuple(msgspec.structs.replace(layer, annotations=said) for layer, said in every)
    return Ground(_decoded(data, dict[str, Any], asked), layers, one, source)


def _chosen(source: Source, root: Manifest, wanted: _Platform, asked: Asked) -> Manifest:
    """The first that is named for it, as an engine takes it."""
    platforms = [one.platform or _Platform() for one in _decoded(root.data, _Index, asked).manifests]
    named = content(root, asked.name).manifests
    for one, platform in zip(named, platforms, strict=True):
        if platform == wanted:
            return source.manifest(one)
    raise _other_platform(asked, wanted, [one for one in platforms if one.os != "unknown"])


def _other_platform(asked: Asked, wanted: _Platform, found: list[_Platform]) -> BuildError:
    has = ", ".join(dict.fromkeys(str(one) if one.architecture else "none that it tells" for one in found)) or "none"
    hint = "choose a base that has it, or leave that platform out of 'platforms'"
    return BuildError(f"{asked.name} is not for {wanted}, but for {has}", asked.where, hint)


def _layers(stated: Content, config: _Config, asked: Asked) -> tuple[Layer, ...]:
    ids, steps = (config.rootfs or _Files()).diff_ids, [one for one in config.history or () if not one.empty_layer]
    if len(ids) != len(stated.layers):
        what = f"{asked.name} has {len(stated.layers)} layers, and tells of {len(ids)}"
        raise BuildError(what, asked.where, _ANOTHER)
    if odd := [one for one in stated.layers if one.media_type not in _LAYERS or one.urls]:
        what = f"{asked.name} has a layer of a kind that is not known: {odd[0].media_type}"
        raise BuildError(what, asked.where, _ANOTHER)
    told = steps if len(steps) == len(ids) else [_Step()] * len(ids)
    return tuple(
        Layer(one.digest, diff_id, one.size, one.media_type, made_by(step.created_by, step.comment))
        for one, diff_id, step in zip(stated.layers, ids, told, strict=True)
    )


def _decoded(data: bytes, kind: type[T], asked: Asked) -> T:
    try:
        return from_json(data, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BuildError(f"what {asked.name} tells of itself cannot be read", asked.where, _ANOTHER) from None
