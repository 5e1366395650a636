"""Base images: a registry says what a tag is now, and the lock holds it."""

import re

from envbuild.errors import LoginError, RegistryError, SolveError
from envbuild.lock import Base, ImageName, image_name
from envbuild.registry import Line
from envbuild.registry.client import Registry
from envbuild.resolve import Environment

_NUMBERS = re.compile(r"[0-9]+")
_NO_LOGIN = "name it by its digest: IMAGE@sha256:..., which asks no registry"


def found_base(asked: str, environment: Environment, line: Line) -> Base | None:
    """The image that a request asks for; one that is named by its digest is known already."""
    image = image_name(asked) if asked else None
    if image is None:
        return None
    if image.digest:
        return Base(image.name, image.tag, image.digest)
    where = environment.where("image", "base")
    try:
        with Registry(image.registry, line) as registry:
            tag = _newest(registry, image) if image.tags else image.tag
            return Base(image.name, tag, _digest(registry, image, tag))
    except (SolveError, RegistryError) as error:
        hint = _NO_LOGIN if isinstance(error, LoginError) else error.hint
        raise SolveError(error.message, where, hint) from None


def _digest(registry: Registry, image: ImageName, tag: str) -> str:
    """The hash of the very bytes that describe it."""
    found = registry.manifest(image.repository, tag)
    if found is None:
        raise SolveError(f"there is no image {image.name}:{tag}", hint="check its name and its tag")
    return found.digest


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
