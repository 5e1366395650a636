"""What is wrong with a `matrix` (DECISIONS 4): values, axes, cells and names, each with its line and what to do."""

import pytest
from support.manifests import problems, resolved


def refused(matrix: str) -> list[str]:
    """What is wrong with a manifest k of one line, without the name of the file."""
    return [problem.removeprefix("manifests/k.yaml:") for problem in problems({"k": f"matrix: {matrix}\n"})]


@pytest.mark.parametrize("number", ["3.10", "1.", ".5", "1e3", "012", "1_000", "0x1F", ".inf", ".nan", "-1.5"])
def test_a_number_that_is_not_kept_as_written_has_to_be_quoted(number: str) -> None:
    """Floats, and what other readers of YAML take for another number: in lists, mappings, `include`, `exclude`."""
    told = f'the number {number} is not kept as written\n  hint: quote it: "{number}"'
    assert refused(f"{{v: [x, {number}]}}") == [f"1:17: {told}"]
    assert refused(f"{{v: {{x: , {number}: }}}}") == [f"1:19: {told}"]
    assert refused(f"{{v: [x], include: [{{v: {number}}}]}}") == [f"1:32: {told}"]
    assert refused(f"{{v: [x], exclude: [{{v: {number}}}]}}") == [f"1:32: {told}"]
    assert [one.matrix for one in resolved({"k": f'matrix: {{v: ["{number}"]}}\n'}).values()] == [{"v": number}]


@pytest.mark.parametrize("value", ["3.10", "~", "'{{ x }}'"])
def test_an_axis_whose_only_value_is_wrong_is_told_once(value: str) -> None:
    """It is a list of values: what is wrong is the value."""
    (problem,) = refused(f"{{v: [{value}]}}")
    assert problem.startswith("1:14: ")


@pytest.mark.parametrize("value", ["~", "[a]", "{a: b}", ""])
def test_a_value_is_text_a_whole_number_true_or_false(value: str) -> None:
    """Nothing else, in a list and in `include`."""
    told = "a value of an axis must be text, a whole number, true or false\n  hint: write it so"
    if value:
        assert refused(f"{{v: [x, {value}]}}") == [f"1:17: {told}"]
    assert refused(f"{{v: [x], include: [{{v: {value}}}]}}") == [f"1:32: {told}"]


def test_a_matrix_holds_no_jinja() -> None:
    """It is read before there are values."""
    told = "'matrix' is read before there are values for '{{ }}'\n  hint: write the value itself"
    assert refused('{v: [x, "{{ params.x }}"]}') == [f"1:17: {told}"]
    assert refused('{v: [x], exclude: [{v: "{{ params.x }}"}]}') == [f"1:32: {told}"]


def test_a_value_stands_once_in_an_axis() -> None:
    """The second is named."""
    assert refused("{v: [x, y, x]}") == ["1:20: the axis 'v' has 'x' twice\n  hint: remove one of the two"]
    assert refused("{v: [true, True]}") == ["1:20: the axis 'v' has 'true' twice\n  hint: remove one of the two"]


@pytest.mark.parametrize("axis", ["text", "3", "[]", "{}"])
def test_an_axis_has_values(axis: str) -> None:
    """A list or a mapping with at least one."""
    assert refused(f"{{v: {axis}}}") == ["1:13: the axis 'v' must be a list of values\n  hint: write v: [one, two]"]


@pytest.mark.parametrize("name", ["a-b", "1a", "a b", "a.b", "\u00e9"])
def test_the_name_of_an_axis_is_one_that_an_expression_can_use(name: str) -> None:
    """As in `matrix.NAME`."""
    told = f"'{name}' cannot name an axis\n  hint: use letters, digits and '_', no digit first"
    assert refused(f"{{{name}: [x]}}") == [f"1:10: {told}"]


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        ("{name: [a, b]}", "1:16: 'name' must be text\n  hint: write 'name: \"x-{{ matrix.axis }}\"'"),
        ("{include: [a, b]}", "1:20: 'include' must be a list of cells\n  hint: write include: [{axis: value}]"),
        ("{exclude: [a]}", "1:20: 'exclude' must be a list of cells\n  hint: write exclude: [{axis: value}]"),
        ("{exclude: {a: x}}", "1:19: 'exclude' must be a list of cells\n  hint: write exclude: [{axis: value}]"),
        ("{a: [x], include: [{}]}", "1:28: 'include' must be a list of cells\n  hint: write include: [{axis: value}]"),
    ],
)
def test_name_include_and_exclude_are_no_axes(matrix: str, told: str) -> None:
    """These keys have meanings of their own, and forms of their own."""
    assert told in refused(matrix)


@pytest.mark.parametrize("matrix", ["[a, b]", "text"])
def test_a_matrix_is_a_mapping(matrix: str) -> None:
    """Of axes."""
    (problem,) = refused(matrix)
    assert problem.startswith("1:9: 'matrix' must be a mapping, not ")


def test_a_fragment_is_a_mapping_of_known_keys() -> None:
    """Every problem within it has its own line."""
    text = """
        matrix:
          v:
            a: [numpy]
            b: {dependancies: [numpy]}
            c:
              setup: make
              variables: {A: [x]}
              dependencies: [{pip: [scipy=1]}]
        """
    found = [problem.removeprefix("manifests/k.yaml:").partition(": ")[0] for problem in problems({"k": text})]
    assert found == ["3:8", "4:9", "6:14", "7:22", "8:29"]
    assert any("did you mean 'dependencies'?" in problem for problem in problems({"k": text}))


def test_exclude_names_axes_and_values_that_there_are() -> None:
    """A misspelling would drop nothing, in silence; all of them are told."""
    assert refused("{os: [slim, full], v: [1], exclude: [{ops: slim}, {os: slm}, {v: '1'}]}") == [
        "1:46: no axis is named 'ops'\n  hint: did you mean 'os'?",
        "1:59: the axis 'os' has no value 'slm'\n  hint: known are: 'slim', 'full'",
        "1:70: the axis 'v' has no value '1'\n  hint: known are: 1",
    ]


def test_an_included_cell_has_a_value_for_every_axis_and_no_other() -> None:
    """It is a whole cell."""
    assert refused("{a: [x], b: [y], include: [{a: z}, {a: x, b: z, c: w}]}") == [
        "1:36: this cell has no value for 'b'\n  hint: state every axis in an included cell",
        "1:44: no axis is named 'c'\n  hint: known are: a, b",
    ]


def test_a_matrix_that_excludes_all_of_its_cells() -> None:
    """No environment would be left, in silence; one that is included is enough."""
    (problem,) = refused("{a: [x, y], exclude: [{a: x}, {a: y}]}")
    assert problem == "1:9: the matrix excludes all of its cells\n  hint: remove an item of 'exclude'"
    assert set(resolved({"k": "matrix: {a: [x], exclude: [{a: x}], include: [{a: z}]}\n"})) == {"k-z"}


def test_too_many_cells() -> None:
    """A thousand are enough for one manifest; no product is made before it is counted."""
    hundred = f"[{', '.join(map(str, range(100)))}]"
    ten = f"[{', '.join(map(str, range(10)))}]"
    assert len(resolved({"k": f"matrix: {{a: {hundred}, b: {ten}}}\n"})) == 1000
    told = ["1:9: more than 1,000 cells\n  hint: split the manifest"]
    assert refused(f"{{a: {hundred}, b: {ten}, include: [{{a: x, b: y}}]}}") == told
    assert refused("{" + ", ".join(f"a{at}: {hundred}" for at in range(9)) + "}") == told


def test_two_cells_of_one_name() -> None:
    """By their values, once folded, or by `matrix.name`: both are shown."""
    assert refused('{v: [12, "12"]}') == [
        "1:9: two cells are named 'k-12': {v: 12} and {v: '12'}\n  hint: set 'matrix.name'"
    ]
    assert refused("{v: [A, a]}") == [
        "1:9: two cells are named 'k-a': {v: 'A'} and {v: 'a'}\n  hint: set 'matrix.name'"
    ]
    assert refused("{a: [x, y], b: [1, 2], name: 'k-{{ matrix.a }}'}") == [
        "1:9: two cells are named 'k-x': {a: 'x', b: 1} and {a: 'x', b: 2}\n  hint: set 'matrix.name'",
        "1:9: two cells are named 'k-y': {a: 'y', b: 1} and {a: 'y', b: 2}\n  hint: set 'matrix.name'",
    ]


def test_a_cell_that_is_included_twice() -> None:
    """It has the name of the first, and the line of the second."""
    assert refused("{a: [x], include: [{a: x}]}") == [
        "1:28: two cells are named 'k-x': {a: 'x'} and {a: 'x'}\n  hint: set 'matrix.name'"
    ]


def test_a_cell_and_a_file_of_one_name() -> None:
    """Whatever comes first in the alphabet; a cell of its own manifest's name is none such."""
    for other in ("k-x", "K-X"):
        files = {"k": "matrix: {a: [x, y]}\n", other: "setup: [make]\n"}
        (problem,) = problems(files, "*")
        assert problem.startswith(f"manifests/k.yaml: 'manifests/{other}.yaml' is also named 'k-x'")
    files = {"z": "matrix: {a: [x], name: 'a-{{ matrix.a }}'}\n", "a-x": "setup: [make]\n"}
    assert problems(files, "*") == [
        "manifests/z.yaml: 'manifests/a-x.yaml' is also named 'a-x'\n  hint: set 'matrix.name'"
    ]
    assert set(resolved({"k": "matrix: {a: [x], name: k}\n"})) == {"k"}


def test_cells_of_two_manifests_of_one_name() -> None:
    """Both files are named."""
    files = {"a": "matrix: {v: [x], name: 'c-{{ matrix.v }}'}\n", "b": "matrix: {v: [x], name: 'c-{{ matrix.v }}'}\n"}
    assert problems(files, "*") == [
        "manifests/b.yaml: 'manifests/a.yaml' is also named 'c-x'\n  hint: set 'matrix.name'"
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("'{{ matrix.b }}'", "'matrix.b' is undefined\n  hint: known are: a"),
        ("'{{ params.x }}'", "'params' is undefined\n  hint: known are: matrix, environment;"),
        ("'{{ matrix.a'", "'{{ }}' holds no expression: "),
        ("'-{{ matrix.a }}/'", "'-x/' cannot name an environment\n  hint: use letters and digits"),
        ("'{{ 1.5 }}'", "the number with a fraction 1.5 "),
    ],
)
def test_a_name_that_names_nothing(name: str, told: str) -> None:
    """It uses the matrix and the manifest's name, no more, and what it gives is a name."""
    (problem,) = refused(f"{{a: [x], name: {name}}}")
    assert problem.startswith(f"1:24: {told}")


def test_a_matrix_that_is_wrong_is_told_once_for_each_who_inherits_it() -> None:
    """With the line that is wrong, which is the parent's: one problem."""
    files = {"r": "abstract: true\nmatrix: {a: [x], exclude: [{a: z}]}\n", "j": "extends: r\n", "k": "extends: r\n"}
    assert problems(files, "*") == ["manifests/r.yaml:2:28: the axis 'a' has no value 'z'\n  hint: known are: 'x'"]


def test_a_fault_in_one_cell_names_its_line_and_not_the_others() -> None:
    """Values that only one cell has are rendered for that cell."""
    text = """
        matrix:
          v:
            good: {params: {x: text}}
            bad:
        variables: {A: "{{ params.x }}"}
        """
    (problem,) = problems({"k": text})
    assert problem.startswith("manifests/k.yaml:5:16: 'params.x' is undefined")
