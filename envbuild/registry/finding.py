"""Where the content of a fingerprint is: its tag is asked for wherever it may be, and nothing is listed for that.

Which number is the next is said by the tags of versions, for they are never moved.
"""

from collections.abc import Iterable

import msgspec

from envbuild.errors import RegistryError
from envbuild.registry.client import Asked, Registry
from envbuild.registry.parts import image_tag
from envbuild.registry.repositories import Repository


class Found(msgspec.Struct, frozen=True):
    """Content that a registry has. The digest is what it stands for, whatever becomes of tags.

    With an `architecture` it is the share of that one alone, and not the whole. What is not `named` is there by its
    digest, and not under the name of its content.
    """

    server: str
    repository: str
    digest: str
    architecture: str = ""
    named: bool = True

    @property
    def reference(self) -> str:
        return f"{self.server}/{self.repository}@{self.digest}"


Sought = dict[Asked, Found | RegistryError | None]


def find_all(registry: Registry, asked: Iterable[Asked], architecture: str = "") -> Sought:
    """Of many repositories and fingerprints, all at once, one question each; what fails for one is its answer."""
    every = tuple(asked)
    told = registry.ask_all((repository, image_tag(fingerprint, architecture)) for repository, fingerprint in every)
    return {
        pair: Found(registry.server, pair[0], one, architecture) if isinstance(one, str) else one
        for pair in every
        for one in (told[pair[0], image_tag(pair[1], architecture)],)
    }


def find(registry: Registry, repositories: Iterable[str], fingerprint: str, architecture: str = "") -> Found | None:
    """In the first of these that has it. One that cannot be asked is an error only where no other has it."""
    asked = ((repository, fingerprint) for repository in repositories)
    answers = find_all(registry, asked, architecture).values()
    if found := next((one for one in answers if isinstance(one, Found)), None):
        return found
    for one in answers:
        if isinstance(one, RegistryError):
            raise one
    return None


def last_version(registry: Registry, home: Repository) -> int:
    """The highest number that is taken there; 0 where none is."""
    return max(map(home.numbered, registry.tags(home.path)), default=0)
