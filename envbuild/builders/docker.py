"""Builder `docker`: an image, made by BuildKit of a rendered Dockerfile and its context, and kept by a registry.

What is built goes into a file where the builder can write one, and is pushed from there; an engine that keeps images in
its own way pushes by itself. Without a registry images stay with the engine.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from envbuild.errors import BuildError, EnvbuildError, Place, PlanError
from envbuild.fingerprint import Fingerprint
from envbuild.lock import Pins, sound
from envbuild.registry.parts import image_tag
from envbuild.registry.repositories import Repository
from envbuild.render import ARCHITECTURES, BASE_NAME, CA_BUNDLE, DOCKERFILE, platforms_of
from envbuild.resolve import Environment
from envbuild.settings import Settings
from envbuild.settings.secrets import Secret

if TYPE_CHECKING:
    from envbuild.builders.buildx import Buildx, Built
    from envbuild.builders.daemon import Daemon
    from envbuild.builders.engine import Capabilities
    from envbuild.builders.order import Order, Output
    from envbuild.builders.target import Tools
    from envbuild.registry.client import Registries
    from envbuild.solvers.secrets import Secrets

FORMAT = "docker-1"
MAKES_IMAGES = True

# What a manifest may say that this builder cannot do yet: (key, value), where an empty value means any.
CANNOT_HONOUR = frozenset({("dependencies", "-e"), *((key, "") for key in ("run", "serve", "spark", "r"))})

_PROXIES = re.compile(r"(?:https?|all|no|ftp)_proxy", re.IGNORECASE)
_ARCHIVE = "image.tar"
ENV = "env"  # the stage of the Dockerfile that holds the environment's folder


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """One image as a plain value. `write` puts its context into a folder, or raises that it is not what was planned.

    `installs` says that it has packages, and `files` are the digests of what the project brings of them. `base` is the
    image that it starts from, where that is of another environment, and `base_is` what that contains.
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


class Draft(msgspec.Struct, frozen=True):
    """What was built, before it is shipped: a file, or an image of the engine by its id."""

    kind: Literal["file", "engine"]
    at: str


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What images are built with; `builder` is one of buildx. Without `pushes` nothing leaves the engine."""

    buildx: "Buildx"
    daemon: "Daemon"
    registries: "Registries"
    tools: "Tools"
    settings: Settings
    secrets: "Secrets"
    host: Mapping[str, str]
    pushes: bool = True
    builder: str = ""
    docker_context: str = ""
    sbom: bool = False

    @property
    def can(self) -> "Capabilities":
        return self.buildx.capabilities(self.builder, self.docker_context)


def build(recipe: Recipe, means: Means) -> Draft:
    """Everything up to an image that nobody else has."""
    from envbuild.builders.unbuilt import UnbuiltError

    context = recipe.folder / "context"
    context.mkdir(parents=True)
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(lambda: means.can)  # which takes as long as to write a context
        recipe.say("context")
        recipe.write(context)
        asked.result()
    order = _order(recipe, means, context)
    try:
        built = means.buildx.build(order, recipe.log, recipe.say)
    except UnbuiltError as error:
        raise UnbuiltError(error.unbuilt, _origin(recipe, means, order, error.unbuilt.line)) from None
    if order.output == "oci":
        return Draft("file", str(order.file))
    return Draft("engine", _id(order.tags[0], built, means))


def _origin(recipe: Recipe, means: Means, order: "Order", line: int) -> Place:
    """The line of the project that the failing one of the Dockerfile comes from."""
    from envbuild.render.blame import origin

    def read(path: str) -> str:
        return (means.tools.root / path).read_text(encoding="utf-8", errors="replace")

    return origin(recipe.environment, order.dockerfile.read_text(encoding="utf-8"), line, read)


def _id(name: str, built: "Built", means: Means) -> str:
    found = means.daemon.image(name)
    if found is None:
        what = f"{built.digest or 'the image'} was built, and the engine does not have it"
        raise BuildError(what, hint="let a registry have it: set 'registry' in envbuild.yaml")
    return found.id


def _order(recipe: Recipe, means: Means, context: Path) -> "Order":
    from envbuild.builders.order import Order

    in_file = means.pushes and bool(recipe.homes[0].server) and means.can.keeps_indexes
    output: Output = "oci" if in_file else "load"
    return Order(
        context=context,
        dockerfile=context / DOCKERFILE,
        tags=() if in_file else tuple(home.tagged(recipe.tag) for home in recipe.homes),
        platforms=tuple(f"linux/{ARCHITECTURES[one]}" for one in recipe.platforms),
        build_args={name: value for name, value in means.host.items() if _PROXIES.fullmatch(name) and value},
        secrets=_secrets(recipe, means),
        contexts=_contexts(recipe, means),
        annotations=recipe.annotations if means.can.keeps_indexes else {},
        provenance=in_file,
        sbom=means.sbom,
        source_date_epoch=recipe.source_date_epoch,
        output=output,
        file=recipe.folder / _ARCHIVE if in_file else None,
        builder=means.builder,
        docker_context=means.docker_context,
    )


def _secrets(recipe: Recipe, means: Means) -> dict[str, Secret]:
    """Those that the image names, and the certificates that it is built with."""
    found = {name: means.secrets.kept(name) for name in recipe.environment.keys.image.secrets}
    if means.settings.ca_bundle:
        found[CA_BUNDLE] = Secret(file=str(means.tools.root / means.settings.ca_bundle))
    return found


def _contexts(recipe: Recipe, means: Means) -> dict[str, str]:
    """What stands in for what the Dockerfile names."""
    return {**_staged(recipe, means), **_based(recipe, means)}


def _staged(recipe: Recipe, means: Means) -> dict[str, str]:
    """The environment's folder, made here: then nothing is solved or fetched inside of the build.

    Where an image has several platforms there is a folder for each, by its architecture.
    """
    from envbuild.builders.staging import Staging, can_stage, stage

    environment = recipe.environment
    if means.settings.install != "staged" or not recipe.installs or not can_stage(environment):
        return {}
    whole = recipe.folder / ENV
    is_one = len(platforms_of(environment)) == 1
    for platform in recipe.platforms:
        folder = whole if is_one else whole / ARCHITECTURES[platform]
        pins = sound(recipe.pins.get(platform, Pins(platform, ())), platform)
        staging = Staging(environment, platform, pins, recipe.python, recipe.log, recipe.say, recipe.files)
        stage(folder, staging, means.tools)
    return {ENV: str(whole)}


def _based(recipe: Recipe, means: Means) -> dict[str, str]:
    """The image of another environment."""
    if not recipe.base:
        return {}
    if recipe.base.startswith("sha256:") and not means.can.is_engine:
        what = f"the builder '{means.can.builder}' cannot see the image that this one starts from"
        raise BuildError(
            what, recipe.environment.where("image", "base"), "let a registry have it: set 'registry' in envbuild.yaml"
        )
    return {f"{BASE_NAME}:{image_tag(recipe.base_is)}": f"docker-image://{recipe.base}"}
