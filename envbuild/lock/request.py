"""Environment -> Request: what a solver is asked, in canonical form, so that equal requests get equal pins."""

import hashlib

import msgspec

from envbuild.errors import EnvbuildError, LockError, raise_all
from envbuild.manifest import Item
from envbuild.resolve import Environment


class Request(msgspec.Struct, frozen=True):
    """Everything that decides the pins of one platform. `wheels` maps a local wheel to a digest of its metadata."""

    platform: str
    python: str = ""
    roots: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    index_url: str = ""
    wheels: dict[str, str] = {}

    @property
    def digest(self) -> str:
        return hashlib.sha256(canonical(self)).hexdigest()

    @property
    def besides_roots(self) -> "Request":
        return msgspec.structs.replace(self, roots=())


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: one text for one value, in this and every later version."""
    return msgspec.json.encode(value, order="sorted")


def requests(environment: Environment, wheels: dict[str, str]) -> tuple[Request, ...]:
    """One request for each platform; none at all where nothing is asked for."""
    _refuse(environment)
    python = ",".join(sorted({item.specifier for item in environment.package("python") if item.specifier}))
    roots = tuple(sorted({_text(item) for item in root_items(environment)}))
    if not python and not roots:
        return ()
    constraints = tuple(sorted({item.text for item in environment.constraints}))
    return tuple(
        Request(platform, python, roots, constraints, environment.index_url, wheels)
        for platform in environment.platforms
    )


def root_items(environment: Environment) -> tuple[Item, ...]:
    """What PyPI is asked for: the pip list, and a `pip` that stands among the conda packages."""
    return tuple(
        item
        for package in environment.packages
        for item in package.items
        if item.manager == "pip" or item.name == "pip"
    )


def wheel_items(environment: Environment) -> tuple[Item, ...]:
    return tuple(item for item in root_items(environment) if item.path)


def _text(item: Item) -> str:
    return item.path or item.text


def _refuse(environment: Environment) -> None:
    """Conda packages have no solver yet, and nothing that is asked for is ever left out."""
    problems: list[EnvbuildError] = [
        LockError(
            f"conda packages are not solved by this version yet: '{item.text}'",
            item.where,
            f"if PyPI has it, move it under '- pip:' as '{item.name}'",
        )
        for package in environment.packages
        for item in package.items
        if item.manager == "conda" and item.name not in {"python", "pip"}
    ]
    if environment.python.source == "conda" and not problems:
        where = environment.where("python", "from")
        problems = [LockError("a conda python is not solved by this version yet", where, "write 'from: uv'")]
    raise_all(problems)
