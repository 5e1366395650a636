"""What a manifest may ask for that cannot be locked yet: each is refused with its line, and none is left out."""

from collections.abc import Iterator

from envbuild.document import RESET, Mapping, Scalar, Value, is_null
from envbuild.errors import EnvbuildError, LockError
from envbuild.manifest import Item
from envbuild.resolve import Environment

_KEYS = (
    ("system_requirements",),
    ("solve_group",),
    ("pip", "extra_index_urls"),
    ("pip", "indexes"),
    ("pip", "find_links"),
    ("pip", "prerelease"),
    ("pip", "no_binary"),
    ("pip", "no_build_isolation"),
)


def refusals(environment: Environment) -> Iterator[EnvbuildError]:
    """Everything at once; what conda alone could do comes without what would follow from it."""
    conda = [item for item in _items(environment) if item.manager == "conda" and item.name not in {"python", "pip"}]
    for item in conda:
        hint = f"move it under '- pip:' as '{item.name}', if PyPI has it"
        yield LockError(f"conda packages are not solved by this version yet: '{item.text}'", item.where, hint)
    if environment.python.source == "conda" and not conda:
        where = environment.where("python", "from")
        yield LockError("a conda python is not solved by this version yet", where, "write 'from: uv'")
    yield from _keys(environment)
    yield from _pip(environment)
    for package in environment.constraints.every:
        for item in package.items:
            if item.manager == "conda":
                hint = f"write it under '- pip:' as '{item.name}' for PyPI's package"
                yield LockError("constraints of conda packages are not solved by this version yet", item.where, hint)


def _items(environment: Environment) -> Iterator[Item]:
    yield from (item for package in environment.packages for item in package.items)


def _keys(environment: Environment) -> Iterator[EnvbuildError]:
    for keys in _KEYS:
        stated = environment.node(*keys)
        if stated is not None and _says(stated):
            yield LockError(_not_yet(".".join(keys)), environment.where_key(*keys), "remove it for now")
    for package in environment.overrides.every:
        yield LockError(_not_yet("overrides"), package.items[0].where, "remove it for now")


def _says(node: Value) -> bool:
    if isinstance(node, Scalar):
        return not is_null(node) and node.tag != RESET
    return bool(node.entries if isinstance(node, Mapping) else node.items)


def _not_yet(name: str) -> str:
    return f"'{name}' is not honoured by this version yet"


def _pip(environment: Environment) -> Iterator[EnvbuildError]:
    for item in _items(environment):
        if item.manager == "conda":
            if item.name in {"python", "pip"} and item.text != f"{item.name}{item.specifier}":
                message = f"only conda has '{item.text}', and this environment's Python comes from elsewhere"
                yield LockError(message, item.where, f"write '{item.name} {item.wish}'")
        elif item.editable:
            yield LockError(
                "editable installs are not locked by this version yet", item.where, "build a wheel and name that"
            )
        elif item.path and not item.path.endswith(".whl"):
            message = f"'{item.path}' is not a wheel; folders and source archives are not locked by this version yet"
            yield LockError(message, item.where, "build a wheel of it and name that")
        elif item.url and not item.name:
            yield LockError(f"'{item.url}' has no name", item.where, f"name the package: 'NAME @ {item.url}'")
