"""The models of conda-lock's format, without the command that they come with."""

import sys
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any

import msgspec

_LOADING = Lock()
_NAME = "conda_lock"


class Models(msgspec.Struct, frozen=True):
    lockfile: Any
    channel: Any


def models() -> Models:
    """The package's own `__init__` brings its whole command, which takes a second: a bare module stands in for it."""
    with _LOADING:
        known = sys.modules.get(_NAME)
        if known is None and (spec := find_spec(_NAME)) and spec.submodule_search_locations:
            bare = ModuleType(_NAME)
            bare.__path__, bare.__spec__ = list(spec.submodule_search_locations), spec
            sys.modules[_NAME] = bare
        try:
            from conda_lock.lockfile.v2prelim import models as lockfile
            from conda_lock.models import channel
        finally:
            if known is None:
                sys.modules.pop(_NAME, None)
    return Models(lockfile, channel)
