"""Environment -> Request: what solvers are asked, in canonical form, so that equal requests get equal pins."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from envbuild.errors import raise_all
from envbuild.lock.bases import asked_base
from envbuild.lock.refusals import refusals
from envbuild.lock.specs import located_spec, spec_fields, split_spec
from envbuild.lock.virtual import stated_system
from envbuild.manifest import Item, asked_member, root_of
from envbuild.resolve import Environment, Packages, channel_url
from envbuild.urls import URL

EVERY = ":all:"
Digest: TypeAlias = str | dict[str, str]
_IMPLIED = ("pip", "python")  # by a pip list


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An index, and the packages that come from it and from nowhere else."""

    url: str
    packages: tuple[str, ...]


class CondaRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is asked of channels: specs in canonical form, channels by their URLs."""

    channels: tuple[str, ...]
    priority: str
    roots: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    names: dict[str, str] = {}

    @property
    def urls(self) -> tuple[str, ...]:
        """Every channel, and every package that is named by its URL."""
        files = (spec_fields(root).get("url", "") for root in self.roots)
        return tuple(dict.fromkeys((*self.channels, *filter(None, files))))


class Request(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Everything that decides the pins of one platform.

    `members` maps what the project brings itself to the digest of what says what it needs: of a folder, to those of its
    build files. Locks call it `wheels`, as they did when that was all there was.

    `python` is what is asked of uv's Python; conda's stands among the roots of `conda`. `system` is what the project
    says of the platform, and `host` what the machine that locked said besides: it is told, and makes no lock stale.
    """

    platform: str
    python: str = ""
    roots: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    index_url: str = ""
    members: dict[str, Digest] = msgspec.field(default_factory=dict, name="wheels")
    conda: CondaRequest | None = None
    system: dict[str, str] = {}
    overrides: tuple[str, ...] = ()
    extra_index_urls: tuple[str, ...] = ()
    indexes: dict[str, Bound] = {}
    find_links: tuple[str, ...] = ()
    prerelease: bool = False
    no_binary: tuple[str, ...] = ()
    no_build_isolation: tuple[str, ...] = ()
    base: str = ""
    host: dict[str, str] = {}

    @property
    def digest(self) -> str:
        return hashlib.sha256(canonical(msgspec.structs.replace(self, host={}))).hexdigest()

    @property
    def conda_roots(self) -> tuple[str, ...]:
        return self.conda.roots if self.conda else ()

    @property
    def urls(self) -> tuple[str, ...]:
        """What uv is asked for and that has a URL: indexes, pages and files."""
        bound = (one.url for one in self.indexes.values())
        said = " ".join((*self.find_links, *self.roots, *self.constraints, *self.overrides))
        every = (self.index_url, *self.extra_index_urls, *bound, *URL.findall(said))
        return tuple(dict.fromkeys(filter(None, every)))

    @property
    def besides_roots(self) -> "Request":
        conda = msgspec.structs.replace(self.conda, roots=()) if self.conda else None
        return msgspec.structs.replace(self, roots=(), host={}, conda=conda)


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: one text for one value, in this and every later version."""
    return msgspec.json.encode(value, order="sorted")


def requests(environment: Environment, digests: Mapping[str, Digest]) -> tuple[Request, ...]:
    """One request for each platform; none at all where nothing is asked for. `digests` are of members, by path."""
    raise_all(refusals(environment))
    found = tuple(_request(environment, platform, digests) for platform in environment.platforms)
    asks = (request.python or request.roots or request.conda or request.base for request in found)
    return found if any(asks) else ()


def _request(environment: Environment, platform: str, digests: Mapping[str, Digest]) -> Request:
    uses_conda = environment.python.source == "conda"
    python = () if uses_conda else environment.package("python", platform)
    roots = tuple(sorted({root_of(item) for item in root_items(environment, platform)}))
    return msgspec.structs.replace(
        pip_request(environment, platform, roots),
        python=",".join(sorted({item.specifier for item in python if item.specifier})),
        members={root: digests[member.path] for root in roots if (member := asked_member(root))},
        conda=_conda(environment, platform) if uses_conda else None,
        base=asked_base(environment),
    )


def pip_request(environment: Environment, platform: str, roots: tuple[str, ...]) -> Request:
    """These distributions alone, asked for as the environment's own are."""
    pip, isolation = environment.keys.pip, environment.keys.pip.no_build_isolation
    return Request(
        platform,
        roots=roots,
        constraints=_texts([environment.limits, environment.constraints], platform, "pip"),
        index_url=environment.index_url,
        system=stated_system(environment.system[platform], platform),
        overrides=_texts([environment.overrides], platform, "pip"),
        extra_index_urls=pip.extra_index_urls,
        indexes={name: Bound(one.url, tuple(sorted(one.packages))) for name, one in pip.indexes.items() if one},
        find_links=pip.find_links,
        prerelease=bool(pip.prerelease),
        no_binary=tuple(sorted(pip.no_binary)),
        no_build_isolation=((EVERY,) if isolation else ()) if isinstance(isolation, bool) else isolation or (),
    )


def _conda(environment: Environment, platform: str) -> CondaRequest | None:
    roots = {located_spec(item.text) for item in conda_items(environment, platform)}
    if root_items(environment, platform):
        named = {item.name for item in conda_items(environment, platform)}
        roots |= {name for name in _IMPLIED if name not in named}
    if not roots:
        return None
    constraints = _texts([environment.constraints], platform, "conda")
    stated = [channel_url(name) for name in environment.channels]
    by_specs = sorted(channel for channel, _ in map(split_spec, roots) if channel)
    has_pip = bool(root_items(environment, platform))
    return CondaRequest(
        tuple(dict.fromkeys((*stated, *by_specs))),
        environment.channel_priority,
        tuple(sorted(roots)),
        tuple(sorted(map(located_spec, constraints))),
        environment.pypi_names if has_pip else {},
    )


def _texts(packages: Iterable[Packages], platform: str, manager: str) -> tuple[str, ...]:
    items = (item for one in packages for package in one.on(platform) for item in package.items)
    return tuple(sorted({item.text for item in items if item.manager == manager}))


def conda_items(environment: Environment, platform: str = "") -> tuple[Item, ...]:
    """What channels are asked for, where conda brings Python; nothing where something else does."""
    if environment.python.source != "conda":
        return ()
    return tuple(item for item in _items(environment, platform) if item.manager == "conda")


def root_items(environment: Environment, platform: str = "") -> tuple[Item, ...]:
    """What PyPI is asked for: the pip list, and without conda also a `pip` that stands among the conda packages."""
    own = environment.python.source != "conda"
    return tuple(
        item for item in _items(environment, platform) if item.manager == "pip" or (own and item.name == "pip")
    )


def _items(environment: Environment, platform: str) -> Iterable[Item]:
    packages = environment.dependencies.on(platform) if platform else environment.packages
    return (item for package in packages for item in package.items)


def member_items(environment: Environment) -> tuple[Item, ...]:
    """What the project brings itself, each path once: editable where any item says so."""
    found: dict[str, Item] = {}
    for item in root_items(environment):
        if item.path and (item.editable or item.path not in found):
            found[item.path] = item
    return tuple(found.values())
