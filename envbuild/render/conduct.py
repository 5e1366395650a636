"""What an image holds and does beside its packages, as its manifest says it: what is copied, how a container starts."""

from collections.abc import Iterator

import msgspec

from envbuild.errors import Place
from envbuild.render.given import FILES, Given, copies_of, is_grown, item_places, paths_of, placed
from envbuild.resolve import Environment

_RUN_SHELL = ("/bin/sh", "-c")


class Copied(msgspec.Struct, frozen=True):
    """Files and folders of a context, and where they go: of several, or to what ends in '/', into a folder."""

    sources: tuple[str, ...]
    to: str
    mode: str = ""
    owner: str = ""


def copied(environment: Environment, done: frozenset[Place] = frozenset()) -> Iterator[Copied]:
    """Without those of lines that are `done`."""
    for copy, where in copies_of(environment):
        if where in done:
            continue
        sources = tuple(f"{FILES}/{path}" for path in paths_of(copy))
        to = placed(copy.to, environment)
        if len(sources) > 1 and not to.endswith("/"):
            to = f"{to}/"
        yield Copied(sources, to, copy.mode or "", copy.owner or "")


def command(stated: str | tuple[str, ...] | None, environment: Environment) -> list[str]:
    """What is one text is run by a shell, as in Docker; that there is none is said by an empty list."""
    if stated is None:
        return []
    words = (*(environment.keys.image.shell or _RUN_SHELL), stated) if isinstance(stated, str) else stated
    return [placed(word, environment) for word in words]


def labels(environment: Environment) -> dict[str, str]:
    stated = environment.keys.image.labels.items()
    return {key: placed(value, environment) for key, value in stated if value is not None}


def inherited(environment: Environment, given: Given, *keys: str) -> frozenset[Place]:
    """The lines of items that the base has done already, where it is grown."""
    if given.parent is None or not is_grown(environment, given):
        return frozenset()
    return frozenset(item_places(given.parent.environment, *keys))
