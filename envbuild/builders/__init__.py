"""Builders: modules in a table, each with `build`, `find`, `complaint` and the keys it cannot honour."""

from types import ModuleType

from envbuild.builders import docker, local

# Among what a builder cannot honour: folders that are used where they lie.
EDITABLES = ("dependencies", "-e")
BUILDERS: dict[str, ModuleType] = {"docker": docker, "local": local}

__all__ = ["BUILDERS", "EDITABLES", "docker", "local"]
