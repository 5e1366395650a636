"""A large channel shaped like conda-forge: a few names that many need, shallow dependencies, narrow lower bounds.

Records only, with no packages behind them: it is there to be solved, fast.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from .condachannel import write_repodata

_CORE = 60  # names that everything leans on
_BACK = 4  # how many versions back a dependency may lie
_SECONDS = 1_577_836_800


def write_fleet(folder: Path, *, names: int = 2500, versions: int = 8, subdir: str = "linux-64") -> None:
    """Write a channel of NAMES x VERSIONS records, the same each time; the first of the names are the most needed."""
    random = Random(7)  # noqa: S311 - the same numbers each time are what is wanted
    records: dict[str, dict[str, Any]] = {}
    for number in range(names):
        needed = _needed(random, number, names)
        for one in _versions(random, number, needed, versions, subdir):
            records[f"{one['name']}-{one['version']}-{one['build']}.conda"] = one
    write_repodata(folder / subdir, records)
    write_repodata(folder / "noarch", {})


def _needed(random: Random, number: int, names: int) -> list[int]:
    """Choose what a package needs, mostly of the core and only of those before it, so that no cycle can be."""
    drawn = [
        int(_CORE * random.random() ** 2) if random.random() < 0.75 else random.randrange(_CORE, max(names, _CORE + 1))
        for _ in range(random.choice([0, 1, 2, 2, 3, 4, 6]))
    ]
    return sorted({other for other in drawn if other < number})


def _versions(random: Random, number: int, needed: list[int], versions: int, subdir: str) -> Iterator[dict[str, Any]]:
    for version in range(versions):
        identity = f"{number}/{version}".encode()
        depends = [f"{fleet_name(other)} {_bounds(random, version)}" for other in needed]
        yield {
            "name": fleet_name(number),
            "version": f"{version}.0",
            "build": f"h{hashlib.sha256(identity).hexdigest()[:7]}_0",
            "build_number": 0,
            "depends": [*depends, "__glibc >=2.17,<3.0.a0"],
            "constrains": [],
            "license": "BSD-3-Clause",
            "subdir": subdir,
            "md5": hashlib.md5(identity, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(identity).hexdigest(),
            "size": random.randrange(10_000, 10_000_000),
            "timestamp": (_SECONDS + number * 1000 + version) * 1000,
        }


def _bounds(random: Random, version: int) -> str:
    upper = f",<{version + 6}" if random.random() < 0.2 else ""
    return f">={max(0, version - _BACK)}{upper}"


def fleet_name(number: int) -> str:
    return f"pkg{number:04}"
