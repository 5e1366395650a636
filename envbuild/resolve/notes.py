"""What is worth saying of an environment, though nothing is wrong with it."""

from collections.abc import Iterator

from envbuild.errors import Note
from envbuild.resolve.distributions import distribution
from envbuild.resolve.environment import Environment
from envbuild.settings import Settings
from envbuild.shape import near


def notes(environment: Environment, settings: Settings) -> Iterator[Note]:
    ignored = {*settings.check.ignore, *silenced(environment)}
    found = (*_channels(environment), *_twice(environment, settings), *_idle(environment), *_unmanaged(environment))
    yield from (note for note in found if note.kind not in ignored)


def silenced(environment: Environment) -> frozenset[str]:
    """What is not said of an environment."""
    return frozenset(environment.keys.check.ignore)


def _channels(environment: Environment) -> Iterator[Note]:
    conda = any(not key.key.startswith("pip/") and key.key not in {"python", "pip"} for key in environment.packages)
    if conda and not environment.keys.channels:
        used = ", ".join(environment.channels)
        hint = f"name some, or keep the settings': {used}"
        yield Note("no-channels", f"'{environment.name}' names no channels", environment.where_itself, hint)


def _twice(environment: Environment, settings: Settings) -> Iterator[Note]:
    """A distribution that both conda and pip are asked for: pip's pin wins."""
    pip = {package.key.removeprefix("pip/"): package for package in environment.packages if "pip/" in package.key}
    for package in environment.packages:
        if package.key.startswith("pip/") or package.key in {"python", "pip"}:
            continue
        name = distribution(package.key, settings.pypi_names)
        if other := pip.get(name):
            first = package.items[0].where
            message = f"conda and pip are both asked for {name}, the other at {first}: pip's holds"
            yield Note("asked-twice", message, other.items[0].where, "keep one of the two")


def _unmanaged(environment: Environment) -> Iterator[Note]:
    """What is asked for where nothing is installed, a version of Python as well: nobody looks at either."""
    if environment.python.managed:
        return
    for package in environment.packages[:1]:
        message = f"'{environment.name}' is not managed, so that '{package.key.removeprefix('pip/')}' is not installed"
        yield Note("not-installed", message, package.items[0].where, "remove it, or 'managed: false'")


def _idle(environment: Environment) -> Iterator[Note]:
    """What `without` drops, though nobody asks for it."""
    asked = {
        key
        for manifest in environment.lineage[:-1]
        for key in (*manifest.dependencies.definitions, *manifest.constraints.definitions)
    }
    own = next(one for one in reversed(environment.lineage) if not one.cell)
    for key, dropped in own.without.items():
        if key not in asked and not key.startswith("apt/") and key != "python":
            message = f"'{key}' is dropped, and nothing inherited asks for it"
            found = near(key, asked)
            hint = f"did you mean '{found}'?" if found else "remove the item, or mend its spelling"
            yield Note("idle-without", message, dropped.where, hint)
