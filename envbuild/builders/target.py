"""What is built, and with what: plain values that every part of a builder is given."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from envbuild.lock import Pins
from envbuild.process import Programs
from envbuild.resolve import Environment
from envbuild.solvers.rattler import Rattler
from envbuild.solvers.secrets import NO_SECRETS, Secrets
from envbuild.solvers.uv import Uv
from envbuild.workspace import Workspace


class Tools(msgspec.Struct, frozen=True):
    """What a builder works with, where it puts what it makes, and whose link scripts it may run."""

    store: Path
    workspace: Workspace
    programs: Programs
    uv: Uv
    rattler: Rattler
    host: Mapping[str, str]
    allowed: frozenset[str]
    secrets: Secrets = NO_SECRETS

    @property
    def root(self) -> Path:
        return self.workspace.root


class Target(msgspec.Struct, frozen=True):
    """One build, as a plain value: what goes in, the address it gets, the log it writes.

    `rendered` waits for what templates make of it, and raises what is wrong with them. `checkout` is the project's root
    where the build uses folders of it as they lie there.
    """

    environment: Environment
    fingerprint: str
    python: str
    python_range: str
    pins: Pins | None
    files: dict[str, str]
    rendered: Callable[[], dict[str, str]]
    log: Path
    say: Callable[[str], None]
    hold: tuple[int, ...] = ()
    checkout: str = ""

    @property
    def is_run_in(self) -> bool:
        """Whether something happens in it once its packages are there."""
        keys = self.environment.keys
        return bool(self.environment.setup or keys.spark or keys.r)

    @property
    def uses_conda(self) -> bool:
        return self.environment.python.source == "conda"


def note(log: Path, line: str) -> None:
    with log.open("a", encoding="utf-8", errors="replace") as stream:
        stream.write(f"{line}\n")
