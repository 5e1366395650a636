"""A lineage with a matrix becomes cells: one lineage for each combination of values, its fragments in their place."""

import itertools
import math
from collections.abc import Iterator, Mapping

import msgspec

from envbuild.document import Scalar
from envbuild.errors import EnvbuildError, Place, Problems, ResolveError, raise_all
from envbuild.manifest import Axis, Combination, Manifest, MatrixValue, same_value
from envbuild.names import RESERVED, allowed_name, catalogue_of
from envbuild.shape import nearest

LIMIT_CELLS = 1000
Cell = dict[str, MatrixValue]


class Expanded(msgspec.Struct, frozen=True):
    """One environment to be: its name, the values of its axes, and the manifests it is made from, nearest last."""

    name: str
    values: Cell
    lineage: tuple[Manifest, ...]
    where: Place


class _Merged(msgspec.Struct):
    """What a lineage says of its matrix; each axis with the manifest that states it."""

    axes: dict[str, tuple[Axis, Manifest]] = {}
    include: tuple[Combination, ...] = ()
    exclude: tuple[Combination, ...] = ()
    name: Scalar | None = None
    where: Place | None = None


def expand(lineage: tuple[Manifest, ...]) -> tuple[Expanded, ...]:
    """The one environment of a lineage without a matrix, or one for each of its cells."""
    own = lineage[-1]
    if not any(manifest.matrix for manifest in lineage):
        return (Expanded(own.name, {}, lineage, own.place),)
    merged = _merge(lineage)
    if not merged.axes:
        return (Expanded(own.name, {}, lineage, own.place),)
    found = [
        Expanded(_name(merged, cell, own), cell, tuple(_with_fragments(lineage, merged, cell)), where)
        for cell, where in _cells(merged, own)
    ]
    _refuse_twins(found)
    return tuple(found)


def _merge(lineage: tuple[Manifest, ...]) -> _Merged:
    merged = _Merged()
    problems: list[EnvbuildError] = []
    for manifest in lineage:
        stated = manifest.matrix
        if stated is None:
            continue
        if stated.replaces:
            merged = _Merged()
        merged.where = stated.where
        for name, axis in stated.axes.items():
            if axis is None:
                merged.axes.pop(name, None)
            else:
                merged.axes[name] = (axis, manifest)
        problems += _unknown(stated.exclude, merged, whole=False)
        merged.include = (() if "include" in stated.clears else merged.include) + stated.include
        merged.exclude = (() if "exclude" in stated.clears else merged.exclude) + stated.exclude
        merged.name = stated.name or (None if "name" in stated.clears else merged.name)
    raise_all([*problems, *_unknown(merged.include, merged, whole=True)])
    return merged


def _unknown(combinations: tuple[Combination, ...], merged: _Merged, *, whole: bool) -> Iterator[EnvbuildError]:
    """Axes and values that there are not; a cell to include has a value for every axis, which may be a new one."""
    for one in combinations:
        for name, value in one.values.items():
            if name not in merged.axes:
                yield ResolveError(f"no axis is named '{name}'", one.where, nearest(name, merged.axes))
            elif not whole and not any(choice.is_value(value) for choice in merged.axes[name][0].choices):
                known = ", ".join(_written(choice.value) for choice in merged.axes[name][0].choices)
                yield ResolveError(
                    f"the axis '{name}' has no value {_written(value)}", one.where, f"known are: {known}"
                )
        if whole and (missing := sorted(merged.axes.keys() - one.values.keys())):
            yield ResolveError(
                f"this cell has no value for '{missing[0]}'", one.where, "state every axis in an included cell"
            )


def _written(value: MatrixValue) -> str:
    return f"'{value}'" if isinstance(value, str) else _shown(value)


def _shown(value: MatrixValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cells(merged: _Merged, own: Manifest) -> Iterator[tuple[Cell, Place]]:
    """Every combination in the order of the axes, without those to exclude, then those to include."""
    axes = [axis for axis, _ in merged.axes.values()]
    where = merged.where or own.place
    if math.prod(len(axis.choices) for axis in axes) + len(merged.include) > LIMIT_CELLS:
        raise ResolveError(f"more than {LIMIT_CELLS:,} cells", where, "split the manifest")
    none = True
    for choices in itertools.product(*(axis.choices for axis in axes)):
        cell = {axis.name: choice.value for axis, choice in zip(axes, choices, strict=True)}
        if not any(_agrees(cell, one.values) for one in merged.exclude):
            none = False
            yield cell, where
    for one in merged.include:
        none = False
        yield {axis.name: one.values[axis.name] for axis in axes}, one.where
    if none:
        raise ResolveError("the matrix excludes all of its cells", where, "remove an item of 'exclude'")


def _agrees(cell: Cell, values: Cell) -> bool:
    return all(name in cell and same_value(cell[name], value) for name, value in values.items())


def _with_fragments(lineage: tuple[Manifest, ...], merged: _Merged, cell: Cell) -> Iterator[Manifest]:
    """A fragment stands right after the manifest that states its axis, so that children win."""
    for manifest in lineage:
        yield manifest
        for axis, owner in merged.axes.values():
            if owner is manifest:
                chosen = (choice.fragment for choice in axis.choices if choice.is_value(cell[axis.name]))
                yield from (fragment for fragment in chosen if fragment)


def _name(merged: _Merged, cell: Cell, own: Manifest) -> str:
    if merged.name is None:
        named = "-".join([own.name, *(_shown(value) for value in cell.values())])
        where = merged.where or own.place
    else:
        named, where = _rendered(merged.name, cell, own), merged.name.place
    name = "/".join(allowed_name(part) for part in named.split("/"))
    if of := catalogue_of(own.path):
        name = name if name.startswith(f"{of}/") else f"{of}/{name}"
    elif name.startswith(RESERVED):
        raise ResolveError(
            f"the name '{name}' is reserved", where, f"choose another: those under {RESERVED} are envbuild's own"
        )
    if not all(name.split("/")):
        raise ResolveError(f"'{named}' cannot name an environment", where, "use letters and digits")
    return name


def _rendered(node: Scalar, cell: Cell, own: Manifest) -> str:
    from envbuild.sandbox import Fault, Values, compiled, evaluated, shown

    expression = compiled(node.text)
    values = {
        "matrix": Values("matrix", cell),
        "environment": Values("environment", {"name": own.name, "folder": own.folder}),
    }
    largest = max((len(str(value)) for value in cell.values()), default=0)
    found = expression if isinstance(expression, Fault) else evaluated(expression, values, largest)
    if isinstance(found, Fault):
        raise ResolveError(found.message, node.place, found.hint)
    return shown(found) if isinstance(found, (str, int)) else ""


def _refuse_twins(found: list[Expanded]) -> None:
    first: dict[str, Expanded] = {}
    twins: list[EnvbuildError] = []
    for one in found:
        other = first.setdefault(one.name, one)
        if other is not one:
            cells = " and ".join(_cell_text(twin.values) for twin in (other, one))
            twins.append(ResolveError(f"two cells are named '{one.name}': {cells}", one.where, "set 'matrix.name'"))
    if twins:
        raise twins[0] if len(twins) == 1 else Problems(twins)


def _cell_text(values: Mapping[str, MatrixValue]) -> str:
    return "{" + ", ".join(f"{name}: {_written(value)}" for name, value in values.items()) + "}"
