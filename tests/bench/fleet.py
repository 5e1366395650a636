"""What a synthetic project holds: manifests as plain values, the same for the same shape on every machine.

Ground and parents are abstract. The ground is alone on level 0; each further level has `width` parents, and parent c of
a level extends parents c and c+1 of the level below. So most environments have diamonds among their ancestors, and all
have an order: column by column, each from its top level down.

Environments come in kinds. Two of one kind have equal packages, variables and parents, and differ in name, description
and tags, so their content is one: thousands of them are locked and built at the price of `kinds`. What that means for a
measurement: every manifest and every lock is still a file of its own with bytes of its own, every environment has a
record of its own, but no more than `kinds` prefixes are in the store.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

GROUND = "parents/ground"
_VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
_POOL = 200
_IN_A_FOLDER = 100
# Each holds at least one of the versions; all of them hold together with what parents ask for.
_RANGES = (">=1.0,<2", "~=1.0", "==1.0.0", ">=1.1", "!=1.0.0")


@dataclass(frozen=True)
class Shape:
    environments: int
    depth: int = 4
    width: int = 6
    packages: int = 10
    kinds: int = 20
    seed: int = 0
    python: str = "3.11"
    index_url: str = ""


@dataclass(frozen=True)
class Manifest:
    name: str
    description: str
    extends: tuple[str, ...]
    packages: tuple[str, ...]
    variables: dict[str, str]
    without: tuple[str, ...] = ()
    tags: dict[str, str] | None = None
    abstract: bool = False


@dataclass(frozen=True)
class Package:
    name: str
    requires: tuple[str, ...] = ()
    versions: tuple[str, ...] = _VERSIONS


def manifests(shape: Shape) -> Iterator[Manifest]:
    """All of them, parents first; one at a time, so that a large project needs little memory."""
    yield Manifest(GROUND, "what all stand on", (), ("bench-ground >=1.0",), {"BENCH": "1"}, abstract=True)
    for level in range(1, shape.depth):
        for column in range(shape.width):
            yield _parent(shape, level, column)
    kinds = [_kind(shape, number) for number in range(min(shape.kinds, shape.environments))]
    for number in range(shape.environments):
        yield _environment(shape, number, kinds[number % len(kinds)])


def packages(shape: Shape) -> Iterator[Package]:
    """Every package that a manifest of this shape may name; locks hold more than is asked for, as real ones do."""
    yield Package("bench-ground")
    for level in range(1, shape.depth):
        yield from (Package(_parent_package(level, column)) for column in range(shape.width))
    for number in range(_pool(shape)):
        yield Package(_own_package(number), (f"{_own_package(number - 1)}>=1.0",) if number % 2 else ())


def _parent(shape: Shape, level: int, column: int) -> Manifest:
    return Manifest(
        _parent_name(level, column),
        f"part {column} of level {level}",
        _parents_at(shape, level - 1, column),
        (f"{_parent_package(level, column)} >=1.0",),
        {f"BENCH_LEVEL_{level}": f"part-{column}", f"BENCH_PART_{level}_{column}": "on"},
        abstract=True,
    )


def _kind(shape: Shape, number: int) -> Manifest:
    """What all environments of one kind share; its name is still empty."""
    column = _number(shape.seed, "column", number) % shape.width
    extends = _parents_at(shape, shape.depth - 1, column)
    drops = shape.depth > 1 and number % 5 == 4
    return Manifest(
        "",
        "",
        extends,
        tuple(_requirements(shape, number)),
        {"BENCH_KIND": f"kind-{number}", "BENCH_SCALE": str(_number(shape.seed, "scale", number) % 10_000)},
        (f"pip/{_parent_package(shape.depth - 1, column)}",) if drops else (),
    )


def _environment(shape: Shape, number: int, kind: Manifest) -> Manifest:
    team = f"team-{number // _IN_A_FOLDER:04}"
    stage = ("train", "score", "explore")[_number(shape.seed, "stage", number) % 3]
    return Manifest(
        f"{team}/{stage}-{number:06}",
        f"environment {number} of {shape.environments}",
        kind.extends,
        kind.packages,
        kind.variables,
        kind.without,
        {"team": team, "stage": stage},
    )


def _requirements(shape: Shape, kind: int) -> Iterator[str]:
    start = _number(shape.seed, "packages", kind)
    for place in range(shape.packages):
        # A step without a common factor with the pool's size visits no package twice.
        package = (start + place * 7) % _pool(shape)
        yield f"{_own_package(package)} {_RANGES[_number(shape.seed, 'range', kind, place) % len(_RANGES)]}"


def _pool(shape: Shape) -> int:
    return _POOL if shape.packages <= _POOL else shape.packages * 7 + 1


def _parents_at(shape: Shape, level: int, column: int) -> tuple[str, ...]:
    if level == 0:
        return (GROUND,)
    return tuple(_parent_name(level, one) for one in (column, column + 1) if one < shape.width)


def _parent_name(level: int, column: int) -> str:
    return f"parents/level-{level}/part-{column:03}"


def _parent_package(level: int, column: int) -> str:
    return f"bench-level-{level}-part-{column:03}"


def _own_package(number: int) -> str:
    return f"bench-{number:04}"


def _number(*key: int | str) -> int:
    """A number that looks random and is the same on every machine and Python."""
    return int.from_bytes(hashlib.sha256(repr(key).encode()).digest()[:6], "big")
