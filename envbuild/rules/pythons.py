"""Which Python is asked for: one that is still maintained, and asked for once."""

from collections.abc import Iterator
from functools import lru_cache

from envbuild.errors import Note
from envbuild.manifest import Item, Manifest
from envbuild.resolve import Environment

# The last day of each version, as Python's developers publish them ("Status of Python versions", as of 2025); what
# they give as a month is its last day.
END_OF_LIFE = {
    "2.6": "2013-10-29", "2.7": "2020-01-01", "3.0": "2009-06-27", "3.1": "2012-04-09", "3.2": "2016-02-20",
    "3.3": "2017-09-29", "3.4": "2019-03-18", "3.5": "2020-09-30", "3.6": "2021-12-23", "3.7": "2023-06-27",
    "3.8": "2024-10-07", "3.9": "2025-10-31", "3.10": "2026-10-31", "3.11": "2027-10-31", "3.12": "2028-10-31",
    "3.13": "2029-10-31", "3.14": "2030-10-31",
}  # fmt: skip
_PATCHES = 50
_LATER = ("3.15.0", "3.99.0", "4.0.0")
_SYSTEMS = ("linux", "osx", "win")


def ended(environment: Environment, today: str) -> Iterator[Note]:
    """Told at the line that asks for it, where nothing that it admits is maintained."""
    if not environment.python.managed:
        return
    items = environment.package("python")
    kinds = environment.platforms if any(item.selector for item in items) else ("",)
    for platform in kinds:
        asked = environment.package("python", platform)
        specifiers = tuple(item.specifier for item in asked if item.specifier)
        version = _newest(specifiers) if specifiers else ""
        if version and END_OF_LIFE[version] < today:
            first = next(item for item in asked if item.specifier)
            message = f"no Python that is asked for is maintained: {version} reached its end on {END_OF_LIFE[version]}"
            yield Note("end-of-life-python", message, first.where, f"ask for a later one, such as '={_maintained()}'")


def _maintained() -> str:
    """One that every package is made for by now: the newest but one."""
    return list(END_OF_LIFE)[-2]


@lru_cache(maxsize=1024)
def _newest(specifiers: tuple[str, ...]) -> str:
    """The newest version in the table that all of them admit; nothing where they admit a later one, or none."""
    from packaging.specifiers import SpecifierSet

    together = SpecifierSet(",".join(specifiers))
    if any(together.contains(version) for version in _LATER):
        return ""
    for version in reversed(END_OF_LIFE):
        if any(together.contains(f"{version}.{patch}") for patch in range(_PATCHES)):
            return version
    return ""


def asked_often(manifest: Manifest) -> Iterator[Note]:
    """One definition of several lines that differ; what holds on different platforms is no such thing."""
    items = [item for item in manifest.dependencies.definitions.get("python", ()) if item.specifier]
    for item in items[1:]:
        first = items[0]
        if item.specifier != first.specifier and _meet(first, item):
            message = f"Python is asked for as '{item.wish}', and as '{first.wish}' at {first.where.line_only}"
            yield Note("several-pythons", message, item.where, "keep one of them")


def _meet(one: Item, other: Item) -> bool:
    """Whether both hold on any system."""
    return any(one.holds_on(system) and other.holds_on(system) for system in _SYSTEMS)
