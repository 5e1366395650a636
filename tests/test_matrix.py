"""`matrix` makes one environment for each combination of values (DESIGN 4, DECISIONS 4): cells, names, fragments."""

import pytest
from support.manifests import Body, Written, asked, environment, problems, resolved

from envbuild.manifest import MatrixValue
from envbuild.resolve import Environment

Cells = dict[str, dict[str, MatrixValue]]


def cells(files: dict[str, str | Body], *names: str) -> Cells:
    """What came of a matrix: the values of each cell, by its name."""
    return {name: one.matrix for name, one in resolved(files, *(names or ("k",))).items()}


def matrix(text: str) -> Cells:
    """The cells of a manifest k that says nothing else."""
    return cells({"k": f"matrix: {text}\n"})


def variables(found: Environment) -> dict[str, str | None]:
    return {one.name: one.value for one in found.variables}


def typed(found: Cells) -> dict[str, list[tuple[str, str]]]:
    """Values with their types, which Python's `==` does not tell apart."""
    return {name: [(type(one).__name__, str(one)) for one in values.values()] for name, values in found.items()}


def test_one_environment_for_each_combination() -> None:
    """Named by the manifest and the values in the order of the axes; the manifest itself is no environment."""
    assert matrix("{os: [slim, full], cuda: [12, 13]}") == {
        "k-full-12": {"os": "full", "cuda": 12},
        "k-full-13": {"os": "full", "cuda": 13},
        "k-slim-12": {"os": "slim", "cuda": 12},
        "k-slim-13": {"os": "slim", "cuda": 13},
    }


def test_an_axis_may_be_a_mapping_to_fragments() -> None:
    """A value with nothing brings nothing; the values are those of a list."""
    files: dict[str, str | Body] = {
        "k": """
            variables: {A: own, B: own}
            matrix:
              cuda:
                "12": {variables: {B: twelve, C: "{{ matrix.cuda }}"}}
                none:
              os: [slim]
            """
    }
    found = resolved(files)
    assert {name: variables(one) for name, one in found.items()} == {
        "k-12-slim": {"A": "own", "B": "twelve", "C": "12"},
        "k-none-slim": {"A": "own", "B": "own"},
    }


def test_text_integers_and_booleans_are_three_kinds_of_values() -> None:
    """12, "12" and true are told apart, by `exclude` and in expressions."""
    name = "\"k-{{ 'text' if matrix.v is string else 'flag' if matrix.v is boolean else 'number' }}\""
    found = matrix(f'{{v: [12, "12", true], name: {name}}}')
    assert typed(found) == {
        "k-flag": [("bool", "True")],
        "k-number": [("int", "12")],
        "k-text": [("str", "12")],
    }
    left = typed(matrix(f'{{v: [12, "12", true, 1], exclude: [{{v: 12}}, {{v: 1}}], name: {name}}}'))
    assert left == {"k-flag": [("bool", "True")], "k-text": [("str", "12")]}


def test_values_keep_their_type_in_expressions() -> None:
    """A value that is one expression has the type of what it gives."""
    files: dict[str, str | Body] = {
        "k": """
            matrix: {n: [1], flag: [true], word: ["true"]}
            params: {n: "{{ matrix.n + 1 }}", flag: "{{ matrix.flag }}", word: "{{ matrix.word }}"}
            variables:
              N: "{{ params.n }}"
              FLAG: "{{ 'set' if params.flag == true else 'text' }}"
              WORD: "{{ 'set' if params.word == true else 'text' }}"
              ALL: "{{ matrix.n }}-{{ matrix.flag }}-{{ matrix.word }}"
            """
    }
    (found,) = resolved(files).values()
    assert variables(found) == {"N": "2", "FLAG": "set", "WORD": "text", "ALL": "1-true-true"}


def test_include_adds_whole_cells_and_exclude_drops() -> None:
    """`exclude` drops what agrees with all its values, never what `include` adds."""
    text = "{a: [x, y], b: [1, 2], exclude: [{a: x}, {a: y, b: 1}], include: [{b: 3, a: z}, {a: x, b: 1}]}"
    assert matrix(text) == {
        "k-x-1": {"a": "x", "b": 1},
        "k-y-2": {"a": "y", "b": 2},
        "k-z-3": {"a": "z", "b": 3},
    }


def test_an_included_cell_brings_the_fragments_of_its_values() -> None:
    """A known value brings its fragment, a new one nothing."""
    files: dict[str, str | Body] = {
        "k": """
            matrix:
              a: {x: {tags: {from: x}}, y: {tags: {from: y}}}
              exclude: [{a: x}]
              include: [{a: x}, {a: z}]
            """
    }
    tags = {name: one.tags for name, one in resolved(files).items()}
    assert tags == {"k-x": {"from": "x"}, "k-y": {"from": "y"}, "k-z": {}}


def test_matrix_name_names_the_cells() -> None:
    """It sees the matrix and the manifest's own name; what a registry forbids is folded."""
    text = '{py: ["3.11", "3.12"], name: "py/{{ environment.name }}_{{ matrix.py | replace(\'.\', \'\') }}"}'
    assert set(matrix(text)) == {"py/k_311", "py/k_312"}
    assert set(matrix('{v: ["A B", c+d]}')) == {"k-a-b", "k-c-d"}


def test_a_fragment_stands_right_after_the_manifest_that_states_the_axis() -> None:
    """It wins over that manifest and what this extends; every child wins over it."""
    files: dict[str, str | Body] = {
        "r": "variables: {A: r, B: r, C: r, D: r}\n",
        "m": """
            extends: r
            variables: {B: m, C: m, D: m}
            matrix: {v: {x: {variables: {C: x, D: x, E: x}}}}
            """,
        "k": "extends: m\nvariables: {D: k}\n",
    }
    found = resolved(files, "k")["k-x"]
    assert variables(found) == {"A": "r", "B": "m", "C": "x", "D": "k", "E": "x"}


def test_packages_of_a_fragment_replace_those_above_and_are_replaced_below() -> None:
    """A fragment descends from its manifest, what extends this descends from the fragment; two fragments hold both."""
    files: dict[str, str | Body] = {
        "r": "dependencies: [one =1, two =1, three =1, {pip: [alpha==1]}]\n",
        "m": """
            extends: r
            dependencies: [two =2, three =2]
            matrix:
              a: {x: {dependencies: [three =3, four >=1], without: [one, pip/alpha]}}
              b: {y: {dependencies: [four <9]}}
            """,
        "k": "extends: m\ndependencies: [two =4]\n",
    }
    assert asked(resolved(files, "m")["m-x-y"]) == {"two": ["2.*"], "three": ["3.*"], "four": [">=1", "<9"]}
    assert asked(resolved(files, "k")["k-x-y"]) == {"two": ["4.*"], "three": ["3.*"], "four": [">=1", "<9"]}


def test_of_two_fragments_of_one_manifest_the_later_axis_wins() -> None:
    """In the order in which the axes stand."""
    fragments = "{variables: {A: %s}}"
    files = {
        "k": f"matrix: {{a: {{x: {fragments % 'first'}}}, b: {{y: {fragments % 'second'}}}}}\n",
        "j": f"matrix: {{b: {{y: {fragments % 'first'}}}, a: {{x: {fragments % 'second'}}}}}\n",
    }
    assert {name: variables(one) for name, one in resolved(files).items()} == {
        "k-x-y": {"A": "second"},
        "j-y-x": {"A": "second"},
    }


def test_a_fragment_may_have_any_key_of_a_manifest() -> None:
    """Each merges by its own rule."""
    files: dict[str, str | Body] = {
        "k": """
            description: of the manifest
            setup: [own]
            channels: [own]
            image: {apt: [own], workdir: /own}
            params: {name: own}
            variables: {NAME: "{{ params.name }}"}
            matrix:
              v:
                x:
                  description: of the cell
                  setup: [cell]
                  channels: [cell]
                  platforms: [osx-arm64]
                  builder: oci
                  tags: {cell: x}
                  params: {name: cell}
                  python: {version: "3.12"}
                  constraints: [beta <2]
                  image: {apt: [cell], workdir: !reset }
                  variables: !override {ONLY: "{{ params.name }}"}
            """
    }
    found = resolved(files)["k-x"]
    assert (found.description, found.setup, found.channels) == ("of the cell", ("own", "cell"), ("cell", "own"))
    assert (found.platforms, found.builder, found.tags) == (("osx-arm64",), "oci", {"cell": "x"})
    assert variables(found) == {"ONLY": "cell"}
    assert asked(found) == {"python": ["3.12.*"]}
    assert [item.text for package in found.constraints.every for item in package.items] == ["beta <2"]
    assert (found.keys.image.workdir, found.stated("image", "workdir")) == (None, None)


def test_a_parents_expressions_see_the_cell_of_the_child() -> None:
    """Rendered after inheritance: a parent without a matrix uses the values that its child's has."""
    files: dict[str, str | Body] = {
        "r": 'abstract: true\nvariables: {V: "{{ matrix.v }}"}\ndependencies: ["numpy ={{ matrix.v }}"]\n',
        "k": 'extends: r\nmatrix: {v: ["1.26", "2.0"]}\n',
    }
    found = {name: (variables(one), asked(one)) for name, one in resolved(files).items()}
    assert found == {
        "k-1.26": ({"V": "1.26"}, {"numpy": ["1.26.*"]}),
        "k-2.0": ({"V": "2.0"}, {"numpy": ["2.0.*"]}),
    }


@pytest.mark.parametrize("key", ["extends", "abstract", "matrix", "name"])
def test_keys_that_belong_to_the_manifest_alone_stand_in_no_fragment(key: str) -> None:
    """What makes the lineage cannot depend on the cell."""
    value = {"extends": "r", "abstract": Written("true"), "matrix": {"w": [1]}, "name": "x"}[key]
    found = problems({"r": "setup: [r]\n", "k": {"matrix": {"v": {"x": {key: value}}}}})
    assert found == [
        f"manifests/k.yaml:1:22: '{key}' cannot stand in a fragment\n  hint: state it in the manifest itself"
    ]


def test_children_inherit_a_matrix_and_its_fragments() -> None:
    """Each under its own name; an abstract parent is none."""
    files: dict[str, str | Body] = {
        "r": "abstract: true\nmatrix: {v: {x: {tags: {cell: x}}, y: }}\n",
        "k": "extends: r\nsetup: [k]\n",
        "team/j": "extends: r\n",
    }
    tags = {name: one.tags for name, one in resolved(files).items()}
    assert tags == {"k-x": {"cell": "x"}, "k-y": {}, "team/j-x": {"cell": "x"}, "team/j-y": {}}


def test_extends_takes_the_manifest_and_not_a_cell() -> None:
    """The name of a cell is no name of a manifest; the manifest brings its whole matrix."""
    files: dict[str, str | Body] = {"model": "matrix: {v: [1]}\n", "k": "extends: model\n"}
    assert set(resolved(files)) == {"model-1", "k-1"}
    assert problems({**files, "k": "extends: model-1\n"}) == [
        "manifests/k.yaml:1:10: no manifest is named 'model-1'\n  hint: did you mean 'model'?"
    ]


def test_a_manifest_without_axes_is_one_environment() -> None:
    """An empty matrix, or one that says nothing, is no matrix."""
    for nothing in ("", " ~", " {}", " !reset", " {exclude: [], include: []}"):
        assert environment({"k": f"setup: [make]\nmatrix:{nothing}\n"}).matrix == {}
