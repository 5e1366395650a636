"""What a deployment says of a service, whatever reads it: its image by digest, its limits, whom it runs as."""

import hashlib
import re
from collections.abc import Mapping

import msgspec

from envbuild.service import Routes

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
