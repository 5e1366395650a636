"""What uv is told when it installs what was locked: the options of `pip` that concern building, and where files are."""

import posixpath
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from envbuild.errors import BuildError
from envbuild.lock import EVERY, Pin
from envbuild.manifest import normalise
from envbuild.resolve import Environment
from envbuild.solvers.origins import Origins
from envbuild.solvers.provided import url_of


def install_options(environment: Environment, root: Path, built: Iterable[str], origins: Origins) -> list[str]:
    """What is built is built as the manifest says; which file is taken for what, the lock has decided.

    So `no_binary` is not said again: what is locked as a source has no other file to be taken. And what is not built
    alone is named, for uv builds that last; told that nothing is, it would not wait for what a build needs.
    """
    every, stated = _alone(environment)
    names = sorted(set(map(normalise, built if every else stated)))
    alone = (word for name in names for word in ("--no-build-isolation-package", name))
    return [*alone, *link_options(environment, root, origins)]


def link_options(environment: Environment, root: Path, origins: Origins) -> list[str]:
    links = [origins.asked(one) if "://" in one else str(root / one) for one in environment.keys.pip.find_links]
    return [word for link in links for word in ("--find-links", link)]


def is_alone(environment: Environment, name: str) -> bool:
    """Whether a package is built with what its environment has, and nothing else."""
    every, stated = _alone(environment)
    return every or normalise(name) in map(normalise, stated)


def _alone(environment: Environment) -> tuple[bool, tuple[str, ...]]:
    """Whether all are, else which."""
    stated = environment.keys.pip.no_build_isolation
    if isinstance(stated, bool) or not stated:
        return stated is True, ()
    return EVERY in stated, tuple(stated)


def is_built(pin: Pin) -> bool:
    return not urlsplit(pin.url).path.endswith(".whl")


def located(pin: Pin, root: Path, origins: Origins) -> str:
    """Where a pin's file is; one of the project's own folders stands in the lock by its path from the root."""
    if ":" in pin.url:
        return origins.carried(pin.url)
    inside = posixpath.normpath(pin.url)
    if inside.startswith(("/", "..")) or not (root / inside).resolve().is_relative_to(root.resolve()):
        raise BuildError(f"the file of {pin.name} is not in the project: {pin.url}", hint="run 'envbuild lock'")
    if not (root / inside).is_file():
        raise BuildError(f"the file of {pin.name} is gone: {pin.url}", hint="put it back, or run 'envbuild lock'")
    return url_of((root / inside).absolute())
