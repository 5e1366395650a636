"""Builders: modules in a table, each with `build`, `find`, `complaint` and the keys it cannot honour."""

from types import ModuleType

from envbuild.builders import local

BUILDERS: dict[str, ModuleType] = {"local": local}

__all__ = ["BUILDERS", "local"]
