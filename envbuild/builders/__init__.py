"""Builders: modules in a table, each with `build`, `find`, `complaint` and the keys it cannot honour."""

from types import ModuleType

from envbuild.builders import docker, local, oci

# Among what a builder cannot honour: folders that are used where they lie.
EDITABLES = ("dependencies", "-e")
BUILDERS: dict[str, ModuleType] = {"docker": docker, "local": local, "oci": oci}


def makes_images(kind: str) -> bool:
    """Of a builder that is not in this version nobody knows: a record may be of a later one."""
    builder = BUILDERS.get(kind)
    return builder is not None and bool(builder.MAKES_IMAGES)


__all__ = ["BUILDERS", "EDITABLES", "docker", "local", "makes_images", "oci"]
