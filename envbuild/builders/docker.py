"""Builder `docker`: an image, made by BuildKit of a rendered Dockerfile and its context, and kept by a registry.

What is built goes into a file where the builder can write one, and is pushed from there; an engine that keeps images in
its own way pushes by itself. Without a registry images stay with the engine.
"""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.builders.draft import Draft
from envbuild.builders.recipe import Recipe, Workshop
from envbuild.errors import BuildError, Place
from envbuild.lock import Pins, sound
from envbuild.registry import Login
from envbuild.registry.parts import image_tag
from envbuild.render import ARCHITECTURES, BASE_NAME, CA_BUNDLE, DOCKERFILE, addition_secrets, platforms_of
from envbuild.settings.secrets import Secret
from envbuild.urls import host_of

if TYPE_CHECKING:
    from envbuild.builders.buildx import Buildx, Built
    from envbuild.builders.engine import Capabilities
    from envbuild.builders.order import Order, Output
    from envbuild.solvers.secrets import Secrets

FORMAT = "docker-1"
MAKES_IMAGES = True

# What a manifest may say that this builder cannot do yet: (key, value), where an empty value means any.
CANNOT_HONOUR = frozenset({("dependencies", "-e")})

_PROXIES = re.compile(r"(?:https?|all|no|ftp)_proxy", re.IGNORECASE)
_ARCHIVE = "image.tar"
ENV = "env"  # the stage of the Dockerfile that holds the environment's folder


class Means(Workshop, frozen=True, kw_only=True):
    """`builder` is one of buildx, which builds for the engine of the daemon."""

    buildx: "Buildx"
    secrets: "Secrets"
    host: Mapping[str, str]
    builder: str = ""
    docker_context: str = ""
    sbom: bool = False

    @property
    def can(self) -> "Capabilities":
        return self.buildx.capabilities(self.builder, self.docker_context)


def build(recipe: Recipe, means: Means) -> Draft:
    """Everything up to an image that nobody else has."""
    from envbuild.builders.unbuilt import UnbuiltError
    from envbuild.registry.archive import Archive

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
    if order.file:
        archive = Archive(order.file)
        return Draft(source=archive, root=archive.manifest(archive.root))
    return Draft(_id(order.tags[0], built, means))


def _origin(recipe: Recipe, means: Means, order: "Order", line: int) -> Place:
    """The line of the project that the failing one of the Dockerfile comes from."""
    from envbuild.render.blame import origin

    def read(path: str) -> str:
        return means.tools.workspace.at(path).read_text(encoding="utf-8", errors="replace")

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
        logins=logins_of(means.secrets, (context / DOCKERFILE).read_text(encoding="utf-8")),
    )


def logins_of(secrets: "Secrets", dockerfile: str) -> dict[str, Login]:
    """Those of the project for images that a Dockerfile names, by host: BuildKit logs in to each in one way.

    Where several secrets are for places of one host, the nearest to its first image counts.
    """
    found: dict[str, Login] = {}
    for place, _ in secrets.places():
        host = host_of(place)
        named = re.search(rf"(?<![\w./:-]){re.escape(host)}/[\w./-]+", dockerfile)
        if named and host not in found and (login := secrets.opening(f"{place.partition(':')[0]}://{named[0]}")):
            found[host] = login
    return found


def _secrets(recipe: Recipe, means: Means) -> dict[str, Secret]:
    """Those that the image and its packages name, and the certificates that it is built with."""
    environment = recipe.environment
    named = {*environment.keys.image.secrets, *addition_secrets(environment)}
    found = {name: means.secrets.kept(name) for name in sorted(named)}
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
