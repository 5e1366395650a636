"""What is asked for of packages: versions, and pip itself."""

from collections.abc import Iterator

from envbuild.errors import Note
from envbuild.resolve import Environment, manager_of


def unpinned(environment: Environment) -> Iterator[Note]:
    """What has no version anywhere: only worth saying while no lock holds one."""
    if not environment.python.managed:
        return
    bound = {package.key for field in (environment.constraints, environment.limits) for package in field.every}
    for package in environment.packages:
        is_said = any(item.specifier or item.version or item.url or item.path for item in package.items)
        if is_said or package.key == "pip" or package.key in bound:
            continue
        first = package.items[0]
        code = "unpinned-pip" if manager_of(package.key) == "pip" else "unpinned-conda"
        message = f"'{first.name}' has no version, and no lock holds one"
        yield Note(code, message, first.where, "run 'envbuild lock', or give it a version")


def implied_pip(environment: Environment) -> Iterator[Note]:
    """Where conda makes the environment, pip is one of its packages."""
    if environment.python.source != "conda" or not environment.python.managed or environment.package("pip"):
        return
    lines = [item.where for one in environment.packages if manager_of(one.key) == "pip" for item in one.items]
    if lines:
        message = "pip packages are listed, and pip is not: conda brings one of any version"
        yield Note("implied-pip", message, min(lines), "add 'pip' to 'dependencies'")
