"""Base images: a registry says what a tag is now and how its image starts, and the lock holds it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from envbuild.errors import BrokenError, GoneError, LoginError, RegistryError, SolveError
from envbuild.image.manifests import Manifest, content
from envbuild.lock import Base, ImageName, image_name
from envbuild.manifest import LayoutName, layout_name
from envbuild.registry import Line
from envbuild.registry.client import Registry
from envbuild.registry.copying import Source, Stored
from envbuild.registry.layouts import Layout
from envbuild.render import ARCHITECTURES, is_root, platforms_of
from envbuild.resolve import Environment
from envbuild.typed import from_json

_NUMBERS = re.compile(r"[0-9]+")
_FORM = "IMAGE@sha256:..."
_AGAIN = "choose another image, or tell who keeps this one"
T = TypeVar("T")


class _Starts(msgspec.Struct, frozen=True, rename="pascal"):
    """What a configuration says of containers, of which much may be null."""

    user: str | None = None
    env: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None

    @property
    def path(self) -> str:
        every = dict(one.partition("=")[::2] for one in self.env or ())
        return every.get("PATH", "")


class _Config(msgspec.Struct, frozen=True):
    config: _Starts | None = None


class _Platform(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""


class _Entry(msgspec.Struct, frozen=True):
    platform: _Platform = _Platform()


class _Index(msgspec.Struct, frozen=True):
    manifests: tuple[_Entry, ...] = ()


def found_base(asked: str, environment: Environment, line: Line, root: Path) -> Base | None:
    """The image that a request asks for; one that is named by its digest is known, whoever tells how it starts."""
    if layout := layout_name(asked):
        return _in_layout(layout, environment, root)
    image = image_name(asked) if asked else None
    if image is None:
        return None
    if image.digest:
        return told_base(Base(image.name, image.tag, image.digest), environment, line)
    where = environment.where("image", "base")
    try:
        with Registry(image.registry, line) as registry:
            tag = _newest(registry, image) if image.tags else image.tag
            manifest = _manifest(registry, image, tag)
            source = Stored(registry, image.repository)
            return _told(Base(image.name, tag, manifest.digest), manifest, environment, source)
    except (SolveError, RegistryError) as error:
        by_digest = f"name it by its digest, {_FORM}, which needs no answer of a registry; or {error.hint}"
        hint = by_digest if isinstance(error, LoginError) else error.hint
        raise SolveError(error.message, error.where or where, hint) from None


def project_layout(root: Path, path: str) -> Layout:
    """A folder of the project, which no link in it leads out of."""
    if not (root / path).is_dir():
        raise GoneError(f"there is no folder '{path}'", hint="check the path's spelling")
    return Layout(root / path, path, root)


def _in_layout(name: LayoutName, environment: Environment, root: Path) -> Base:
    where = environment.where("image", "base")
    try:
        layout = project_layout(root, name.path)
        manifest = layout.manifest(layout.image(name.tag))
        base = Base(str(LayoutName(name.path)), name.tag, manifest.digest)
        return _told(base, manifest, environment, layout)
    except (SolveError, RegistryError) as error:
        raise SolveError(error.message, error.where or where, error.hint) from None


def told_base(base: Base, environment: Environment, line: Line) -> Base:
    """With how it starts, if that was not known and a registry tells; it is asked once, and need not answer."""
    image = image_name(f"{base.name}:{base.tag}@{base.digest}")
    if base.user is not None or image is None or base.layout:
        return base
    try:
        with Registry(image.registry, msgspec.structs.replace(line, pauses=())) as registry:
            manifest = registry.manifest(image.repository, image.digest)
            source = Stored(registry, image.repository)
            return _told(base, manifest, environment, source) if manifest else base
    except RegistryError:
        return base


def _told(base: Base, manifest: Manifest, environment: Environment, source: Source) -> Base:
    """As it starts on the first platform that it is for: one Dockerfile is for all, so that one user is."""
    variants = _variants(source, manifest, platforms_of(environment))
    every = {platform: _starts(source, one, base) for platform, one in variants}
    users = {"root" if is_root(one.user or "") else one.user: platform for platform, one in reversed(every.items())}
    if len(users) > 1 and environment.keys.image.user is None:
        shown = " and ".join(f"'{user}' on {platform}" for user, platform in sorted(users.items(), key=str))
        hint = "say whose the image is in the end: 'user: root' under 'image'"
        raise SolveError(
            f"{':'.join(filter(None, (base.name, base.tag)))} has the user {shown}",
            environment.where("image", "base"),
            hint,
        )
    first = next(iter(every.values()), None)
    if first is None:
        return base
    return msgspec.structs.replace(
        base, user=first.user or "", path=first.path, entrypoint=tuple(first.entrypoint or ())
    )


def _variants(source: Source, manifest: Manifest, platforms: tuple[str, ...]) -> Iterator[tuple[str, Manifest]]:
    """The image of each platform; of an index the first that is named for it, as an engine takes it."""
    if not manifest.is_index:
        yield from ((platform, manifest) for platform in platforms)
        return
    entries = [one.platform for one in _decoded(manifest.data, _Index, manifest.digest).manifests]
    every = [*zip(entries, content(manifest, manifest.digest).manifests, strict=True)]
    known = {one.architecture: stated for one, stated in reversed(every) if one.os == "linux"}
    for platform in platforms:
        if stated := known.get(ARCHITECTURES[platform]):
            with suppress(GoneError):
                yield platform, source.manifest(stated)


def _starts(source: Source, manifest: Manifest, base: Base) -> _Starts:
    config = content(manifest, manifest.digest).config
    if config is None:
        raise BrokenError(f"{base.name}@{manifest.digest} is no image", hint=_AGAIN)
    return _decoded(source.small(config), _Config, config.digest).config or _Starts()


def _decoded(data: bytes, kind: type[T], what: str) -> T:
    try:
        return from_json(data, kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BrokenError(f"what describes {what} cannot be read", hint=_AGAIN) from None


def _manifest(registry: Registry, image: ImageName, reference: str) -> Manifest:
    """The very bytes that describe it, whose hash it is known by."""
    found = registry.manifest(image.repository, reference)
    if found is None:
        raise SolveError(f"there is no image {image.name}:{reference}", hint="check its name and its tag")
    return found


def _newest(registry: Registry, image: ImageName) -> str:
    """The newest of the tags that match as a whole, by the numbers in them."""
    every = registry.tags(image.repository)
    known = [tag for tag in every if re.fullmatch(image.tags, tag)]
    if not known:
        shown = ", ".join(sorted(every, key=_age)[-5:]) or "none"
        raise SolveError(f"no tag of {image.name} matches '{image.tags}'", hint=f"choose among its tags: {shown}")
    return max(known, key=_age)


def _age(tag: str) -> tuple[list[int], str]:
    return [int(number) for number in _NUMBERS.findall(tag)], tag
