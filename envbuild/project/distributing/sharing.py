"""What the images of a project have in common: which layers are in how many of them, and what that saves."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from envbuild.builders import makes_images
from envbuild.errors import EnvbuildError
from envbuild.project.distributing.outputs import readable
from envbuild.project.distributing.recalled import recalled
from envbuild.project.front import Project
from envbuild.project.selection import Selection
from envbuild.record import Version
from envbuild.registry.client import AT_ONCE
from envbuild.registry.inspecting import inside_of

Layers = Mapping[str, int]
"""The size of each by its digest."""


class Fleet(msgspec.Struct, frozen=True):
    """`holders` are the environments whose latest image has a layer; sizes are in bytes.

    `untold` are those whose image could not be looked at.
    """

    images: int
    stored: int
    unshared: int
    holders: Mapping[str, int]
    untold: tuple[str, ...] = ()


def fleet(project: Project) -> Fleet:
    """Of all that was built last, each looked at once."""
    names = [one.name for one in project.environments(Selection()) if makes_images(one.builder)]
    latest = project.state.latest(tuple(names), built=True)
    built = sorted(latest)
    with ThreadPoolExecutor(AT_ONCE, "registry") as pool:
        found = dict(zip(built, pool.map(lambda name: _layers(project, latest[name]), built), strict=True))
    return _summed({name: one for name, one in found.items() if one is not None}, set(built))


def _layers(project: Project, one: Version) -> Layers | None:
    try:
        inside = inside_of(*readable(project, recalled(project, one.environment, str(one.version))))
    except EnvbuildError:
        return None
    return {layer.digest: layer.size for one in inside.variants for layer in one.layers}


def _summed(found: Mapping[str, Layers], built: Iterable[str]) -> Fleet:
    sizes = {digest: size for one in found.values() for digest, size in one.items()}
    holders = Counter(digest for one in found.values() for digest in one)
    unshared = sum(sizes[digest] * count for digest, count in holders.items())
    return Fleet(len(found), sum(sizes.values()), unshared, holders, tuple(sorted({*built} - found.keys())))
