"""A manifest that needs no parents, as flat fields: what `explain` names, to be compared with another's."""

from envbuild.manifest import Manifest
from envbuild.resolve.explain import PACKAGES, asked, flat, shown


def fields(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """Every value by its field; a list has one for each item, in its order."""
    found: dict[str, list[str]] = {}
    for one in flat(manifest.body):
        found.setdefault(one.field, []).append(shown(one.value))
    for field, key in PACKAGES.items():
        for name, items in getattr(manifest, field).definitions.items():
            found.setdefault(f"{key}.{name}", []).extend(asked(item) for item in items)
    return {field: tuple(values) for field, values in found.items()}
