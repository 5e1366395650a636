"""The shares of several machines, each with its own platform, made one image: nothing is built for that."""

from collections.abc import Iterable

import msgspec

from envbuild.builders.recipe import Recipe, Workshop
from envbuild.builders.shipping import found_share
from envbuild.errors import BuildError, Problems
from envbuild.registry.copying import copy
from envbuild.registry.finding import Found
from envbuild.registry.index import index, share
from envbuild.registry.parts import image_tag
from envbuild.registry.repositories import Repository
from envbuild.render import ARCHITECTURES, platforms_of


class Shares(msgspec.Struct, frozen=True):
    """Where each of them is, in the order of platforms."""

    every: tuple[Found, ...]


def gathered(recipe: Recipe, elsewhere: Iterable[Repository], means: Workshop) -> Shares:
    """All that one image is to consist of, or which platforms are missing, and what to run for them."""
    known = tuple(elsewhere)
    recipe.say(f"looking for {', '.join(recipe.platforms)}")
    found = {one: found_share(recipe, ARCHITECTURES[one], known, means) for one in platforms_of(recipe.environment)}
    missing = [_missing(recipe, platform) for platform, one in found.items() if one is None]
    if missing:
        raise missing[0] if len(missing) == 1 else Problems(missing)
    return Shares(tuple(one for one in found.values() if one))


def _missing(recipe: Recipe, platform: str) -> BuildError:
    name, where = recipe.environment.name, recipe.environment.where_said("platforms")
    hint = f"run 'envbuild apply {name} --platform {platform}' where that can be built, and publish it again"
    return BuildError(f"'{name}' as it is now was not built for {platform}", where, hint)


def join(shares: Shares, recipe: Recipe, means: Workshop) -> str:
    """One index, in every registry beside all that it names; gives its digest."""
    recipe.say(f"joining {', '.join(recipe.platforms)}")
    parts = (
        share(means.registries.of(one.server), one.repository, one.digest, one.architecture) for one in shares.every
    )
    made = index(parts)
    for home in recipe.homes:
        registry = means.registries.of(home.server)
        for one in shares.every:
            if (one.server, one.repository) != (home.server, home.path):
                tag = image_tag(recipe.fingerprint.text, one.architecture)
                copy((means.registries.of(one.server), one.repository, one.digest), (registry, home.path), (tag,))
        registry.put(home.path, recipe.tag, made)
    return made.digest
