"""What a manifest may ask for that cannot be locked: each is refused with its line, and none is left out."""

import re
from collections.abc import Iterator

from envbuild.document import Sequence
from envbuild.errors import EnvbuildError, LockError
from envbuild.manifest import Item
from envbuild.resolve import Environment

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def refusals(environment: Environment) -> Iterator[EnvbuildError]:
    """Everything at once."""
    yield from _conda(environment)
    yield from _pip(environment)


def _items(environment: Environment) -> Iterator[Item]:
    yield from (item for package in environment.packages for item in package.items)


def _conda(environment: Environment) -> Iterator[EnvbuildError]:
    """Conda packages need conda's Python; and what packages ask of each other is not for a manifest to overrule."""
    for package in environment.overrides.every:
        for item in package.items:
            if item.manager == "conda":
                hint = f"write '{item.text}' under 'constraints', or override PyPI's package under '- pip:'"
                yield LockError("conda packages cannot be overridden", item.where, hint)
    if environment.python.source == "conda":
        return
    source = environment.python.source
    for item in _items(environment):
        if item.manager != "conda":
            continue
        if item.name not in {"python", "pip"}:
            what = f"'{item.text}' is a conda package, and this environment's Python comes from {source}"
            hint = f"write 'from: conda' under 'python', or move it under '- pip:' as '{item.name}'"
            yield LockError(what, item.where, hint)
        elif item.text != f"{item.name}{item.specifier}":
            what = f"only conda has '{item.text}', and this environment's Python comes from {source}"
            yield LockError(what, item.where, f"write '{item.name} {item.wish}', or 'from: conda' under 'python'")


def _pip(environment: Environment) -> Iterator[EnvbuildError]:
    """Bounds are versions, and no files; what is bound to an index is a name."""
    for index, one in environment.keys.pip.indexes.items():
        node = environment.node("pip", "indexes", index, "packages")
        places = [item.place for item in node.items] if isinstance(node, Sequence) else []
        for name, where in zip(one.packages if one else (), places, strict=False):
            if not _NAME.fullmatch(name):
                what = f"'{name}' is no name of a package"
                yield LockError(what, where, "write each name alone, without versions, extras or '*'")
    for field, packages in (("constraints", environment.constraints), ("overrides", environment.overrides)):
        for item in (item for package in packages.every for item in package.items if item.path):
            what = f"'{item.shown}' is no version, and '{field}' are versions"
            yield LockError(what, item.where, "name it under '- pip:' in 'dependencies'")
        for item in (item for package in packages.every for item in package.items if item.url and not item.name):
            what = f"'{item.url}' has no name, and '{field}' are of packages"
            yield LockError(what, item.where, f"name the package: 'NAME @ {item.url}'")
