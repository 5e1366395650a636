"""Where images stay that are in no registry: with the engine that built them, or on the shelf of this user."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from envbuild.builders.draft import Draft

Say = Callable[[str], None]


class Kept(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def size(self) -> int: ...


class Keeper(Protocol):
    called: str
    """As messages name it."""

    def image(self, reference: str) -> Kept | None: ...

    def ids(self) -> frozenset[str]: ...

    def keep(self, draft: "Draft") -> str:
        """Gives how it is called from now on."""
        ...

    def tag(self, reference: str, repository: str, tag: str) -> None: ...

    def in_engine(self, reference: str, say: Say, platform: str = "") -> str | None:
        """By which id this machine's engine has it, for `linux/amd64` and the like; brought there if need be."""
        ...
