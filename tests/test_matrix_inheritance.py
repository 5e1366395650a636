"""How a child's `matrix` meets its parent's (DECISIONS 4): axes replace, `include` and `exclude` append, tags clear."""

import pytest
from support.manifests import problems, resolved

PARENT = "abstract: true\nmatrix: {a: [x, y], b: [1, 2]}\n"


def names(parent: str, child: str) -> list[str]:
    """The cells of k, by name."""
    return sorted(resolved({"r": parent, "k": f"extends: r\n{child}\n"}))


def test_an_axis_of_a_child_replaces_the_parents_of_that_name() -> None:
    """Values and fragments; it keeps its place in the order, and the other axes stay."""
    assert names(PARENT, "matrix: {a: [z]}") == ["k-z-1", "k-z-2"]
    parent = "abstract: true\nmatrix: {a: {x: {tags: {from: parent}}}}\n"
    files = {"r": parent, "k": "extends: r\nmatrix: {a: [x]}\n", "j": "extends: r\n"}
    tags = {name: one.tags for name, one in resolved(files).items()}
    assert tags == {"k-x": {}, "j-x": {"from": "parent"}}


def test_an_axis_of_a_child_is_added_behind_the_parents() -> None:
    """The name has the values in this order."""
    assert names(PARENT, "matrix: {c: [new]}") == ["k-x-1-new", "k-x-2-new", "k-y-1-new", "k-y-2-new"]


def test_the_fragment_of_a_replaced_axis_moves_to_who_states_it() -> None:
    """A child's axis brings its fragment right after the child: it wins over the child's own keys."""
    files = {
        "r": "abstract: true\nmatrix: {a: {x: {tags: {from: parent, one: parent}}}}\n",
        "m": "extends: r\ntags: {from: m}\nmatrix: {a: {x: {tags: {from: fragment}}}}\n",
        "k": "extends: m\ntags: {last: k}\n",
    }
    tags = {name: one.tags for name, one in resolved(files).items()}
    assert tags == {"m-x": {"from": "fragment"}, "k-x": {"from": "fragment", "last": "k"}}


def test_unrelated_parents_bring_their_axes_together() -> None:
    """The later parent's axis of one name wins, in the place of the earlier's."""
    files = {
        "a": "abstract: true\nmatrix: {v: [1, 2], w: [old]}\n",
        "b": "abstract: true\nmatrix: {w: [new], z: [9]}\n",
        "k": "extends: [a, b]\n",
        "j": "extends: [b, a]\n",
    }
    assert set(resolved(files)) == {"k-1-new-9", "k-2-new-9", "j-old-9-1", "j-old-9-2"}


def test_include_and_exclude_append() -> None:
    """What the parent drops stays dropped, what it adds stays added."""
    parent = "abstract: true\nmatrix: {a: [x, y], b: [1, 2], exclude: [{a: x, b: 1}], include: [{a: z, b: 1}]}\n"
    child = "matrix: {exclude: [{a: y, b: 2}], include: [{a: z, b: 2}]}"
    assert names(parent, "setup: [k]") == ["k-x-2", "k-y-1", "k-y-2", "k-z-1"]
    assert names(parent, child) == ["k-x-2", "k-y-1", "k-z-1", "k-z-2"]


def test_a_parents_exclude_of_a_value_that_the_child_no_longer_has_is_idle() -> None:
    """It was right where it was written."""
    parent = "abstract: true\nmatrix: {a: [x, y], b: [1, 2], exclude: [{a: x, b: 1}]}\n"
    assert names(parent, "matrix: {a: [y, z]}") == ["k-y-1", "k-y-2", "k-z-1", "k-z-2"]
    assert names(parent, "matrix: {a: ~}") == ["k-1", "k-2"]


@pytest.mark.parametrize("nothing", ["~", "!reset ", "!override "])
def test_an_axis_with_nothing_is_removed(nothing: str) -> None:
    """Null and `!reset`, as in every overlay; `!override` with nothing is the same."""
    assert names(PARENT, f"matrix: {{b: {nothing}}}") == ["k-x", "k-y"]


def test_override_replaces_the_whole_matrix() -> None:
    """Axes, cells to add and to drop, and the name."""
    parent = "abstract: true\nmatrix: {a: [x, y], exclude: [{a: x}], include: [{a: z}], name: 'p-{{ matrix.a }}'}\n"
    assert names(parent, "matrix: {a: [x]}") == ["p-z"]
    assert names(parent, "matrix: !override {a: [x]}") == ["k-x"]


@pytest.mark.parametrize("cleared", ["matrix: !reset", "matrix: !override", "matrix: !override {}"])
def test_reset_leaves_one_environment(cleared: str) -> None:
    """No axes, no cells, and the manifest's own name."""
    assert names(PARENT, cleared) == ["k"]


@pytest.mark.parametrize("nothing", ["matrix:", "matrix: ~", "matrix: {}"])
def test_a_matrix_without_a_value_says_nothing(nothing: str) -> None:
    """What is inherited stays, as for every key."""
    assert names(PARENT, nothing) == ["k-x-1", "k-x-2", "k-y-1", "k-y-2"]


def test_override_on_an_axis_is_what_an_axis_does_anyway() -> None:
    """An axis replaces."""
    assert names(PARENT, "matrix: {a: !override [z], b: !override {3: , 4: }}") == ["k-z-3", "k-z-4"]


def test_override_on_include_and_exclude_replaces_the_inherited_ones() -> None:
    """`!override` stands on the value of a key: these two are lists that append."""
    parent = "abstract: true\nmatrix: {a: [x, y], exclude: [{a: x}], include: [{a: z}]}\n"
    assert names(parent, "matrix: {include: !override [{a: w}]}") == ["k-w", "k-y"]
    assert names(parent, "matrix: {exclude: !override [{a: y}]}") == ["k-x", "k-z"]


@pytest.mark.parametrize("nothing", ["!reset ", "!override ", "!override []"])
def test_reset_on_include_and_exclude_clears_the_inherited_ones(nothing: str) -> None:
    """Nothing is added, nothing is dropped."""
    parent = "abstract: true\nmatrix: {a: [x, y], exclude: [{a: x}], include: [{a: z}]}\n"
    assert names(parent, f"matrix: {{include: {nothing}}}") == ["k-y"]
    assert names(parent, f"matrix: {{exclude: {nothing}}}") == ["k-x", "k-y", "k-z"]


@pytest.mark.parametrize("nothing", ["~", "!reset "])
def test_a_name_with_nothing_goes_back_to_the_values(nothing: str) -> None:
    """`name` is one of the keys of an overlay."""
    parent = "abstract: true\nmatrix: {a: [x], name: 'p-{{ matrix.a }}'}\n"
    assert names(parent, "setup: [k]") == ["p-x"]
    assert names(parent, "matrix: {name: 'q-{{ matrix.a }}'}") == ["q-x"]
    assert names(parent, f"matrix: {{name: {nothing}}}") == ["k-x"]


def test_an_inherited_name_that_does_not_name_the_child_makes_twins() -> None:
    """Cells of two manifests may not have one name: the error names the other file."""
    parent = "abstract: true\nmatrix: {a: [x], name: 'p-{{ matrix.a }}'}\n"
    files = {"r": parent, "j": "extends: r\n", "k": "extends: r\n"}
    (problem,) = problems(files, "*")
    assert problem == "manifests/k.yaml: 'manifests/j.yaml' is also named 'p-x'\n  hint: set 'matrix.name'"
