"""Base images: a registry says what a tag is now, and the lock holds it."""

import re

import msgspec

from envbuild.errors import SolveError
from envbuild.lock import Base, ImageName, image_name
from envbuild.registry import Line, Registry
from envbuild.resolve import Environment

_NUMBERS = re.compile(r"[0-9]+")


def found_base(asked: str, environment: Environment, line: Line) -> Base | None:
    """The image that a request asks for; one that is named by its digest is known already."""
    image = image_name(asked) if asked else None
    if image is None:
        return None
    if image.digest:
        return Base(image.name, image.tag, image.digest)
    registry, where = Registry(image.registry, line), environment.where("image", "base")
    try:
        tag = _newest(registry, image) if image.tags else image.tag
        return Base(image.name, tag, registry.digest(msgspec.structs.replace(image, tag=tag)))
    except SolveError as error:
        raise SolveError(error.message, where, error.hint) from None


def _newest(registry: Registry, image: ImageName) -> str:
    """The newest of the tags that match as a whole, by the numbers in them."""
    every = registry.tags(image)
    known = [tag for tag in every if re.fullmatch(image.tags, tag)]
    if not known:
        shown = ", ".join(sorted(every, key=_age)[-5:]) or "none"
        raise SolveError(f"no tag of {image.name} matches '{image.tags}'", hint=f"choose among its tags: {shown}")
    return max(known, key=_age)


def _age(tag: str) -> tuple[list[int], str]:
    return [int(number) for number in _NUMBERS.findall(tag)], tag
