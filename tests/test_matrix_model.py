"""Cells over generated lineages, held against a model that folds the lineage in the shortest way."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st
from support.manifests import Body, Graph, Tagged, Written, bodies, flow, linearised, ordered_graphs, resolved, shuffled

from envbuild.errors import EnvbuildError

Value: TypeAlias = int | str | bool
VALUES: list[Value] = [1, 2, "1", "x", "y", True]
AXES = ("a", "b", "c")


@dataclass
class Said:
    """What one manifest says: axes (None removes) and which bring fragments, cells to drop and to add."""

    override: bool = False
    axes: dict[str, list[Value] | None] = field(default_factory=dict)
    fragments: bool = False
    exclude: list[dict[str, Value]] = field(default_factory=list)
    include: list[dict[str, Value]] = field(default_factory=list)


@dataclass
class Merged:
    axes: dict[str, tuple[list[Value], str, bool]] = field(default_factory=dict)
    exclude: list[dict[str, Value]] = field(default_factory=list)
    include: list[dict[str, Value]] = field(default_factory=list)


def kind(value: object) -> tuple[str, str]:
    return type(value).__name__, str(value)


def shown(value: Value) -> str:
    return str(value).lower()


def fold(merged: Merged, name: str, said: Said) -> Merged:
    """One more manifest of the lineage."""
    found = Merged() if said.override else merged
    axes = dict(found.axes)
    for axis, values in said.axes.items():
        if values is None:
            axes.pop(axis, None)
        else:
            axes[axis] = (values, name, said.fragments)
    return Merged(axes, found.exclude + said.exclude, found.include + said.include)


def cells(merged: Merged) -> list[dict[str, Value]]:
    axes = list(merged.axes)
    every = [dict(zip(axes, values, strict=True)) for values in itertools.product(*(merged.axes[a][0] for a in axes))]

    def drops(one: dict[str, Value], cell: dict[str, Value]) -> bool:
        return all(axis in cell and kind(cell[axis]) == kind(value) for axis, value in one.items())

    left = [cell for cell in every if not any(drops(one, cell) for one in merged.exclude)]
    return left + [{axis: one[axis] for axis in axes} for one in merged.include]


def fragment(name: str, axis: str, value: Value) -> Body:
    """Tags that every fragment of the axis says, and one of its own."""
    mark = f"{name}:{axis}:{kind(value)}"
    return {"tags": {"nearest": mark, axis: mark, f"own-{axis}": mark}, "setup": [mark]}


def expected(lineage: list[str], merged: Merged, cell: dict[str, Value]) -> tuple[dict[str, str], list[str]]:
    """Tags and setup: each manifest, and right after it the fragments of the axes that it states."""
    tags: dict[str, str] = {}
    setup: list[str] = []
    for name in lineage:
        tags |= {"nearest": name, name: name}
        setup.append(name)
        for axis, (values, owner, brings) in merged.axes.items():
            if owner == name and brings and any(kind(cell[axis]) == kind(one) for one in values):
                body = fragment(name, axis, cell[axis])
                tags |= body["tags"]
                setup += body["setup"]
    return tags, setup


distinct: st.SearchStrategy[list[Value]] = st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique_by=kind)


@st.composite
def statements(draw: st.DrawFn, merged: Merged) -> Said:
    """Anything that is right where it stands; whether cells to include are whole shows in the end."""
    said = Said(override=draw(st.integers(0, 9)) == 9, fragments=draw(st.booleans()))
    for axis in draw(st.lists(st.sampled_from(AXES), max_size=2, unique=True)):
        said.axes[axis] = None if draw(st.integers(0, 5)) == 5 else draw(distinct)
    so_far = fold(merged, "", said).axes
    if so_far:
        for _ in range(draw(st.integers(0, 2))):
            some = draw(st.lists(st.sampled_from(sorted(so_far)), min_size=1, unique=True))
            said.exclude.append({axis: draw(st.sampled_from(so_far[axis][0])) for axis in some})
        if draw(st.integers(0, 3)) == 3:
            said.include.append({axis: draw(st.sampled_from(VALUES)) for axis in sorted(so_far)})
    return said


def matrix_of(name: str, said: Said) -> Iterator[tuple[str, object]]:
    """As it is written: a list, or a mapping to fragments."""
    for axis, values in said.axes.items():
        if values is None or not said.fragments:
            yield axis, values
        else:
            yield axis, {Written(flow(value)): fragment(name, axis, value) for value in values}
    yield from ((key, listed) for key in ("exclude", "include") if (listed := getattr(said, key)))


def test_cells_are_those_of_a_model_over_any_lineage() -> None:
    """Values, names, tags and setup; where the model has twins, no cells or cells that are not whole, an error."""
    tried: Counter[str] = Counter()

    @given(ordered_graphs(6), st.data())
    def check(graph: Graph, data: st.DataObject) -> None:
        lineage, merged = linearised(graph, "k"), Merged()
        own: dict[str, Body] = {name: {"tags": {"nearest": name, name: name}, "setup": [name]} for name in graph}
        for name in lineage:
            said = data.draw(statements(merged))
            texts = [[str(value) for value in values or ()] for values in said.axes.values()]
            said.fragments = said.fragments and all(len(set(one)) == len(one) for one in texts)
            merged = fold(merged, name, said)
            stated = dict(matrix_of(name, said))
            own[name] = {**own[name], "matrix": Tagged("!override", stated) if said.override else stated}
        files = {name: shuffled(data, body) for name, body in bodies(graph, own).items()}
        tried[compare(files, lineage, merged)] += 1

    check()
    print(f"matrix: {dict(tried)}")  # noqa: T201
    assert min(tried[outcome] for outcome in ("none", "cells", "refused")) > 3


def compare(files: dict[str, Body], lineage: list[str], merged: Merged) -> str:
    if not merged.axes and not merged.include:
        (one,) = resolved(files, "k").values()
        assert (one.name, one.matrix) == ("k", {})
        return "none"
    whole = all(merged.axes.keys() == one.keys() for one in merged.include)
    found = cells(merged) if whole else []
    names = ["-".join(["k", *map(shown, cell.values())]) for cell in found]
    if not found or len(set(names)) < len(names):
        try:
            left = resolved(files, "k")
        except EnvbuildError:
            return "refused"
        raise AssertionError(f"{merged} gave {list(left)}")
    got = {
        one.name: ({axis: kind(value) for axis, value in one.matrix.items()}, (one.tags, list(one.setup)))
        for one in resolved(files, "k").values()
    }
    assert got == {
        name: ({axis: kind(value) for axis, value in cell.items()}, expected(lineage, merged, cell))
        for name, cell in zip(names, found, strict=True)
    }
    return "cells"
