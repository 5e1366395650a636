"""What is said on a command line of images, for this once, and what of that cannot be had."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, cast, get_args

import msgspec

from envbuild.builders import makes_images
from envbuild.errors import UsageError, raise_all
from envbuild.manifest import Platform
from envbuild.resolve import Environment
from envbuild.shape import nearest

Form = Literal["oci", "oci-archive", "docker-archive"]


class Output(msgspec.Struct, frozen=True):
    """A folder or a file that images are written into besides."""

    form: Form
    path: Path

    def __str__(self) -> str:
        return f"{self.form}:{self.path}"


class Written(msgspec.Struct, frozen=True):
    """One image in one of them, and as what it is called there."""

    output: Output
    name: str


def output(text: str) -> Output:
    form, _, path = text.partition(":")
    if form not in get_args(Form) or not path:
        hint = "write it as oci:DIR, oci-archive:FILE or docker-archive:FILE"
        raise UsageError(f"'{text}' is no output", hint=hint)
    return Output(cast("Form", form), Path(path))


class Wishes(msgspec.Struct, frozen=True):
    """For this once: whether images are pushed, what makes them, for which platforms, and under which names.

    What `joins` builds nothing: it makes wholes of what was built for each platform elsewhere.
    """

    push: bool = True
    pushers: int = 4
    atomic: bool = False
    platforms: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    builder: str = ""
    docker_context: str = ""
    sbom: bool = False
    joins: bool = False
    outputs: tuple[Output, ...] = ()


def refuse(environments: Iterable[Environment], wishes: Wishes) -> None:
    """What is wished for and cannot be had, with every line that says so."""
    known = get_args(Platform)
    if unknown := next((one for one in wishes.platforms if one not in known), ""):
        hint = nearest(unknown, known) or f"known are: {', '.join(known)}"
        raise UsageError(f"there is no platform '{unknown}'", hint=hint)
    images = [one for one in environments if makes_images(one.builder)] if wishes.platforms else []
    if not images:
        return
    from envbuild.builders.recipe import chosen, unwishable
    from envbuild.render import platforms_of

    raise_all(problem for one in images for problem in unwishable(one, wishes.platforms))
    shares = [one for one in images if chosen(one, wishes.platforms) != platforms_of(one)]
    if shares and wishes.also and wishes.push:
        what = f"'{shares[0].name}' is built for {wishes.platforms[0]} alone, and a tag is for the whole of it"
        raise UsageError(what, hint="give '--also-tag' to 'envbuild publish'")
