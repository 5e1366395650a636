"""The models of conda-lock's format, without the command that they come with."""

import sys
from functools import cache
from types import ModuleType
from typing import Any

import msgspec


class Models(msgspec.Struct, frozen=True):
    lockfile: Any
    channel: Any


@cache
def models() -> Models:
    """The package's own `__init__` brings its whole command, which takes a second: a bare module stands in for it."""
    from importlib.util import find_spec

    known, spec = sys.modules.get("conda_lock"), find_spec("conda_lock")
    if known is None and spec and spec.submodule_search_locations:
        bare = ModuleType("conda_lock")
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules["conda_lock"] = bare
    try:
        from conda_lock.lockfile.v2prelim import models as lockfile
        from conda_lock.models import channel
    finally:
        if known is None:
            sys.modules.pop("conda_lock", None)
    return Models(lockfile, channel)
