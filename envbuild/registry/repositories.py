"""Where the image of an environment is kept: a repository in each registry that the project names."""

import re
from collections.abc import Iterator

import msgspec

from envbuild.errors import EnvbuildError, PlanError, raise_all
from envbuild.resolve import Environment

_SERVER = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*")
_HOST = re.compile(r"localhost|.*[.:].*")  # as engines read names: what is none of these is a name in docker.io
_LONGEST = 255
_HUB = "docker.io"


class Repository(msgspec.Struct, frozen=True, order=True):
    """One in a registry. `shared` is one that several environments may push to: versions there carry a name."""

    server: str
    path: str
    shared: str = ""

    @classmethod
    def of(cls, reference: str) -> "Repository":
        """That which a recorded reference, or a name with a tag, is in."""
        server, _, rest = reference.partition("@")[0].partition("/")
        return cls(server, rest.partition(":")[0])

    @property
    def name(self) -> str:
        """In full; without a registry it is a name among those of an engine."""
        return f"{self.server}/{self.path}" if self.server else self.path

    def tagged(self, tag: str) -> str:
        return f"{self.name}:{tag}"

    def at(self, digest: str) -> str:
        return f"{self.name}@{digest}"

    def has(self, reference: str) -> bool:
        other = self.of(reference)
        return (other.server, other.path) == (self.server, self.path)

    def version_tag(self, version: int) -> str:
        return f"{self.shared}-v{version}" if self.shared else f"v{version}"

    def numbered(self, tag: str) -> int:
        """The version that a tag names; 0 where it names none."""
        found = re.fullmatch(rf"{re.escape(f'{self.shared}-' if self.shared else '')}v([1-9][0-9]{{0,8}})", tag)
        return int(found[1]) if found else 0


def repositories(environment: Environment) -> tuple[Repository, ...]:
    """In the order of the registries; where none is named, the one by which the engine knows it."""
    publish = environment.keys.publish
    own = publish.repository or "/".join(filter(None, (publish.prefix, environment.name.lower())))
    raise_all([*_problems(environment, own)])
    shared = environment.name.lower().replace("/", "-") if publish.repository else ""
    every = tuple(_repository(registry, own, shared) for registry in publish.registries)
    return every or (Repository("", own, shared),)


def _repository(registry: str, own: str, shared: str) -> Repository:
    server, _, above = registry.partition("/")
    return Repository(server, "/".join(filter(None, (above.strip("/"), own))), shared)


def _problems(environment: Environment, own: str) -> Iterator[EnvbuildError]:
    publish = environment.keys.publish
    for registry in publish.registries:
        server, _, above = registry.partition("/")
        where = environment.where("publish", "registries")
        if "://" in registry or not _SERVER.fullmatch(server):
            yield PlanError(f"'{registry}' is no registry", where, "write HOST, HOST:PORT or HOST/PATH")
        elif not _HOST.fullmatch(server):
            what = f"'{server}' is no host: engines take '{registry}' for a name in {_HUB}"
            yield PlanError(what, where, f"write '{_HUB}/{registry}', or a host with its port or domain")
        elif above and not _PATH.fullmatch(above.strip("/")):
            yield PlanError(f"'{registry}' is no registry", where, "write its path in small letters and digits")
    key = "repository" if publish.repository else "prefix" if publish.prefix else ""
    where = environment.where("publish", key) if key else environment.where("publish")
    if not _PATH.fullmatch(own) or len(own) > _LONGEST:
        hint = "set 'publish.repository': small letters and digits, with '.', '_', '-' and '/' between them"
        yield PlanError(f"no registry can keep '{own}'", where, hint)
