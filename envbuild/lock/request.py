"""Environment -> Request: what a solver is asked, in canonical form, so that equal requests get equal pins."""

import hashlib

import msgspec

from envbuild.errors import raise_all
from envbuild.lock.refusals import refusals
from envbuild.manifest import Item
from envbuild.resolve import Environment


class Request(msgspec.Struct, frozen=True):
    """Everything that decides the pins of one platform. `wheels` maps a local wheel to a digest of its metadata."""

    platform: str
    python: str = ""
    roots: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    index_url: str = ""
    wheels: dict[str, str] = {}

    @property
    def digest(self) -> str:
        return hashlib.sha256(canonical(self)).hexdigest()

    @property
    def besides_roots(self) -> "Request":
        return msgspec.structs.replace(self, roots=())


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: one text for one value, in this and every later version."""
    return msgspec.json.encode(value, order="sorted")


def requests(environment: Environment, wheels: dict[str, str]) -> tuple[Request, ...]:
    """One request for each platform; none at all where nothing is asked for."""
    raise_all(refusals(environment))
    found = tuple(_request(environment, platform, wheels) for platform in environment.platforms)
    return found if any(request.python or request.roots for request in found) else ()


def _request(environment: Environment, platform: str, wheels: dict[str, str]) -> Request:
    python = {item.specifier for item in environment.package("python", platform) if item.specifier}
    limits = [*environment.limits.on(platform), *environment.constraints.on(platform)]
    return Request(
        platform,
        ",".join(sorted(python)),
        tuple(sorted({_text(item) for item in root_items(environment, platform)})),
        tuple(sorted({item.text for package in limits for item in package.items})),
        environment.index_url,
        wheels,
    )


def root_items(environment: Environment, platform: str = "") -> tuple[Item, ...]:
    """What PyPI is asked for: the pip list, and a `pip` that stands among the conda packages."""
    return tuple(
        item
        for package in (environment.dependencies.on(platform) if platform else environment.packages)
        for item in package.items
        if item.manager == "pip" or item.name == "pip"
    )


def wheel_items(environment: Environment) -> tuple[Item, ...]:
    return tuple(item for item in root_items(environment) if item.path.endswith(".whl"))


def _text(item: Item) -> str:
    return item.path or item.text
