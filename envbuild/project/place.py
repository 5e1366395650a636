"""What a project has, as those see it who build with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from envbuild.memo import Ledger
from envbuild.process import Programs
from envbuild.project.wishes import Wishes
from envbuild.settings import Settings
from envbuild.solvers.origins import Origins
from envbuild.solvers.rattler import Rattler
from envbuild.state import State
from envbuild.workspace import Workspace

if TYPE_CHECKING:
    from envbuild.registry.client import Registries


class Place(Protocol):
    root: Path
    host: dict[str, str]
    ledger: Ledger
    workspace: Workspace
    programs: Programs
    platform: str
    store: Path
    wishes: Wishes

    @property
    def settings(self) -> Settings: ...

    @property
    def state(self) -> State: ...

    @property
    def machine(self) -> str: ...

    @property
    def rattler(self) -> Rattler: ...

    @property
    def origins(self) -> Origins: ...

    @property
    def registries(self) -> "Registries": ...

    @property
    def shown(self) -> Mapping[str, str]: ...
