"""What a deployment of a service says, whatever reads it: its image by digest, its limits, whom it runs as."""

import hashlib
import re
from collections.abc import Mapping, Sequence

import msgspec

from envbuild.document import Entry, Scalar, Value, write
from envbuild.document import Mapping as Node
from envbuild.document import Sequence as Items
from envbuild.service import Routes

Plain = str | int | bool | Mapping[str, "Plain"] | Sequence["Plain"]
GRACE_SECONDS = 40  # more than the server takes to finish what was begun
_LONGEST = 63  # of a name, by RFC 1123
_DIGITS = 8


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """One service as it was built. `user` is as the image has it; `uid` is its number, if that is known.

    `health` asks, by words that are run in a container, whether it is ready.
    """

    environment: str
    version: int
    reference: str
    is_stored: bool
    routes: Routes
    port: int
    init_seconds: int
    cpu: str
    memory: str
    user: str
    uid: int | None
    health: tuple[str, ...]
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """As RFC 1123 has it, and for a cluster's services from a letter on: what is cut keeps what tells it apart."""
        found = re.sub(r"[^a-z0-9]+", "-", self.environment.lower()).strip("-")
        found = found if found[:1].isalpha() else f"env-{found}"
        if len(found) <= _LONGEST:
            return found
        told_apart = hashlib.sha256(self.environment.encode()).hexdigest()[:_DIGITS]
        return f"{found[: _LONGEST - _DIGITS - 1].rstrip('-')}-{told_apart}"

    @property
    def is_root(self) -> bool:
        return self.uid == 0 or (self.uid is None and self.user in {"", "root"})


def yaml(data: Mapping[str, Plain]) -> str:
    found = _node(data)
    return write(found) if isinstance(found, Node) else ""


def _node(data: Plain) -> Value:
    match data:
        case bool() | int():
            return Scalar("", 0, 0, None, str(data).lower(), plain=True)
        case str():
            return Scalar("", 0, 0, None, data, plain=False)
        case Mapping():
            entries = {key: Entry(Scalar("", 0, 0, None, key, plain=False), _node(one)) for key, one in data.items()}
            return Node("", 0, 0, None, entries)
        case _:
            return Items("", 0, 0, None, tuple(map(_node, data)))
