"""The models of conda-lock's format, without the command that they come with."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any

import msgspec

_LOADING = Lock()
_NAME = "conda_lock"
_WIDE = (_NAME, f"{_NAME}.lockfile")


class Models(msgspec.Struct, frozen=True):
    lockfile: Any
    channel: Any


class Exporter(msgspec.Struct, frozen=True):
    """What writes a pixi.toml, and the values that it is given."""

    render: Any
    specification: Any
    dependency: Any


def models() -> Models:
    with _bare():
        from conda_lock.lockfile.v2prelim import models as lockfile
        from conda_lock.models import channel
    return Models(lockfile, channel)


def pixi_exporter() -> Exporter:
    with _bare():
        from conda_lock.export_lock_spec import render_pixi_toml
        from conda_lock.models.lock_spec import LockSpecification, VersionedDependency
    return Exporter(render_pixi_toml, LockSpecification, VersionedDependency)


@contextmanager
def _bare() -> Iterator[None]:
    """Packages whose own `__init__` brings the whole command, which takes a second: bare modules stand in for them."""
    with _LOADING:
        own = find_spec(_NAME) if _NAME not in sys.modules else None
        stands = [_stand_in(name, own) for name in _WIDE] if own and own.submodule_search_locations else []
        try:
            yield
        finally:
            for stand in stands:
                sys.modules.pop(stand.__name__, None)


def _stand_in(name: str, own: ModuleSpec) -> ModuleType:
    """For a package below that one, found where it lies and without what its `__init__` does."""
    below = name.split(".")[1:]
    module = ModuleType(name)
    module.__path__ = ["/".join([location, *below]) for location in own.submodule_search_locations or ()]
    module.__spec__ = own if not below else ModuleSpec(name, None, is_package=True)
    sys.modules[name] = module
    return module
