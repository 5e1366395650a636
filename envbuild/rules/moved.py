"""Options of other times and other tools, where they are read no more or only for their sake."""

from collections.abc import Iterator

from envbuild.document import Entry, Mapping, scalars
from envbuild.errors import Note
from envbuild.manifest import RULES, Manifest
from envbuild.resolve import Environment

_OF_CONDA = {"name", "prefix", "category", "channels", "dependencies", "platforms", "variables"}


def moved_keys(manifest: Manifest) -> Iterator[Note]:
    """What one file says in a former place."""
    if (manifest.written.entries.keys() & RULES.keys()) <= _OF_CONDA:
        return  # conda has no other place for an option of pip
    for key, entry in _options(manifest):
        for node in scalars(entry.value):
            if node.path == manifest.path:
                message = "an option of pip stands among its packages"
                yield Note("moved-option", message, node.place, f"move it to 'pip: {{{key}: …}}'")


def _options(manifest: Manifest) -> Iterator[tuple[str, Entry]]:
    """What lists of packages said by options, as if `pip` had said it; without what it says itself."""
    if manifest.body is manifest.written:
        return
    merged, own = manifest.body.get("pip"), manifest.written.get("pip")
    said = {node.place for node in scalars(own)} if own else set()
    for key, entry in merged.entries.items() if isinstance(merged, Mapping) else ():
        if {node.place for node in scalars(entry.value)} - said:
            yield key, entry


def place_of_conda(environment: Environment) -> Iterator[Note]:
    """The `prefix` of conda is ignored: it says nothing of where the environment lies in an image."""
    own = next(one for one in reversed(environment.lineage) if not one.cell).written.entries.get("prefix")
    if own and environment.builder != "local" and not environment.keys.image.prefix:
        hint = "remove it, or write 'image: {prefix: /opt/env}'"
        yield Note("moved-option", "'prefix' is conda's, and ignored", own.key.place, hint)
