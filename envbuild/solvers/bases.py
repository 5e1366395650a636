"""Base images: a registry says what a tag is now and how its image starts, and the lock holds it."""

import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from envbuild.errors import BrokenError, LoginError, RegistryError, SolveError
from envbuild.image.manifests import Manifest, content
from envbuild.lock import Base, ImageName, image_name
from envbuild.registry import Line
from envbuild.registry.client import Registry
from envbuild.render import ARCHITECTURES, is_root, platforms_of
from envbuild.resolve import Environment

_NUMBERS = re.compile(r"[0-9]+")
_NO_LOGIN = "name it by its digest: IMAGE@sha256:..., which needs no answer of a registry"
_AGAIN = "choose another image, or tell who keeps this one"
_MOST_CONFIG = 16 * 1024 * 1024
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
    digest: str
    platform: _Platform = _Platform()


class _Index(msgspec.Struct, frozen=True):
    manifests: tuple[_Entry, ...] = ()


def found_base(asked: str, environment: Environment, line: Line) -> Base | None:
    """The image that a request asks for; one that is named by its digest is known, whoever tells how it starts."""
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
            return _told(Base(image.name, tag, manifest.digest), manifest, environment, registry)
    except (SolveError, RegistryError) as error:
        hint = _NO_LOGIN if isinstance(error, LoginError) else error.hint
        raise SolveError(error.message, error.where or where, hint) from None


def told_base(base: Base, environment: Environment, line: Line) -> Base:
    """With how it starts, if that was not known and a registry tells; it is asked once, and need not answer."""
    image = image_name(f"{base.name}:{base.tag}@{base.digest}")
    if base.user is not None or image is None:
        return base
    try:
        with Registry(image.registry, msgspec.structs.replace(line, pauses=())) as registry:
            manifest = registry.manifest(image.repository, image.digest)
            return _told(base, manifest, environment, registry) if manifest else base
    except RegistryError:
        return base


def _told(base: Base, manifest: Manifest, environment: Environment, registry: Registry) -> Base:
    """As it starts on the first platform that it is for: one Dockerfile is for all, so that one user is."""
    repository = base.name.partition("/")[2]
    every = {
        platform: _starts(registry, repository, one)
        for platform, one in _variants(registry, repository, manifest, platforms_of(environment))
    }
    users = {"root" if is_root(one.user or "") else one.user: platform for platform, one in reversed(every.items())}
    if len(users) > 1 and environment.keys.image.user is None:
        shown = " and ".join(f"'{user}' on {platform}" for user, platform in sorted(users.items(), key=str))
        hint = "say whose the image is in the end: 'user: root' under 'image'"
        raise SolveError(f"{base.name}:{base.tag} has the user {shown}", environment.where("image", "base"), hint)
    first = next(iter(every.values()), None)
    if first is None:
        return base
    return msgspec.structs.replace(
        base, user=first.user or "", path=first.path, entrypoint=tuple(first.entrypoint or ())
    )


def _variants(
    registry: Registry, repository: str, manifest: Manifest, platforms: tuple[str, ...]
) -> Iterator[tuple[str, Manifest]]:
    """The image of each platform; of an index the first that is named for it, as an engine takes it."""
    if not manifest.is_index:
        yield from ((platform, manifest) for platform in platforms)
        return
    entries = reversed(_decoded(manifest.data, _Index, manifest.digest).manifests)
    known = {one.platform.architecture: one.digest for one in entries if one.platform.os == "linux"}
    for platform in platforms:
        digest = known.get(ARCHITECTURES[platform], "")
        if digest and (found := registry.manifest(repository, digest)):
            yield platform, found


def _starts(registry: Registry, repository: str, manifest: Manifest) -> _Starts:
    config = content(manifest, manifest.digest).config
    if config is None:
        raise BrokenError(f"{repository}@{manifest.digest} is no image", hint=_AGAIN)
    data = registry.blob(repository, config.digest, _MOST_CONFIG)
    return _decoded(data, _Config, config.digest).config or _Starts()


def _decoded(data: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
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
