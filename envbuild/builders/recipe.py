"""What builders of images are given: a recipe as a plain value, and what they work with."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild.builders.keeping import Keeper
from envbuild.errors import EnvbuildError, PlanError
from envbuild.fingerprint import Fingerprint
from envbuild.lock import Base, Pins
from envbuild.registry.parts import image_tag
from envbuild.registry.repositories import Repository
from envbuild.render import ARCHITECTURES, platforms_of
from envbuild.resolve import Environment
from envbuild.settings import Settings

if TYPE_CHECKING:
    from envbuild.builders.daemon import Daemon
    from envbuild.builders.target import Tools
    from envbuild.registry.client import Registries


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """One image as a plain value. `write` puts its context into a folder, or raises that it is not what was planned.

    `installs` says that it has packages, and `files` are the digests of what the project brings of them. `start` is
    the base that the lock names; `base` is the image that it starts from, where that is of another environment, and
    `base_is` what that contains.
    """

    environment: Environment
    fingerprint: Fingerprint
    platforms: tuple[str, ...]
    pins: Mapping[str, Pins]
    python: str
    write: Callable[[Path], None]
    installs: bool
    files: dict[str, str]
    homes: tuple[Repository, ...]
    start: Base | None = None
    base: str = ""
    base_is: str = ""
    annotations: Mapping[str, str] = {}
    source_date_epoch: int | None = None
    log: Path
    folder: Path
    say: Callable[[str], None]

    @property
    def share(self) -> str:
        """The architecture that is built alone, where the environment has others as well."""
        return "" if self.is_whole else ARCHITECTURES[self.platforms[0]]

    @property
    def is_whole(self) -> bool:
        return self.platforms == platforms_of(self.environment)

    @property
    def whole(self) -> "Recipe":
        return msgspec.structs.replace(self, platforms=platforms_of(self.environment))

    @property
    def tag(self) -> str:
        return image_tag(self.fingerprint.text, self.share)


class Workshop(msgspec.Struct, frozen=True, kw_only=True):
    """What all images are built with. Without `pushes` nothing leaves this machine."""

    daemon: "Daemon"
    keeper: Keeper
    registries: "Registries"
    tools: "Tools"
    settings: Settings
    pushes: bool = True


def chosen(environment: Environment, wished: tuple[str, ...]) -> tuple[str, ...]:
    """The platforms that are built now: all that it has, or the one that is wished for."""
    every = platforms_of(environment)
    return every if not wished or {*wished} == {*every} else tuple(dict.fromkeys(wished))


def unwishable(environment: Environment, wished: tuple[str, ...]) -> Iterator[EnvbuildError]:
    """What is wrong with a wish, with the line that says so."""
    every, where = platforms_of(environment), environment.where_said("platforms")
    for one in wished:
        if one not in every:
            hint = f"add it there, or choose one of: {', '.join(every)}"
            yield PlanError(f"'{environment.name}' is not for {one}", where, hint)
    if 1 < len({*wished}) < len(every):
        what = f"'{environment.name}' is for {len(every)} platforms, of which one is built at a time, or all together"
        yield PlanError(what, where, "name one with '--platform', and join them by 'envbuild publish'")
