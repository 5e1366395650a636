"""Cells on the command line: by their own name, by their manifest's, by globs, and beside what is broken."""

import pytest
from support.project import Project

MATRIX = """
    matrix: {os: [slim, full], v: [1, 2]}
    tags: {os: "{{ matrix.os }}"}
    variables: {V: "{{ matrix.os }}{{ matrix.v }}"}
    """
CELLS = ["k-full-1", "k-full-2", "k-slim-1", "k-slim-2"]
BROKEN = (
    "setup: [make\n",
    "zzz: 1\n",
    "extends: nowhere\n",
    "matrix: {a: [1.5]}\n",
    "",
    "matrix: {a: [x], exclude: [{a: x}]}\n",
    "matrix: {a: [x, X]}\n",
    'setup: ["{{ params.nothing }}"]\n',
    "image: {base: {environment: nowhere}}\nbuilder: oci\n",
    "dependencies: [{pip: [alpha==1, alpha==2]}]\n",
)


@pytest.fixture
def cells(project: Project) -> Project:
    """The four cells of k, and two environments that have none."""
    project.write("manifests/k.yaml", MATRIX)
    project.write("manifests/other.yaml", "setup: [make]\n")
    project.write("manifests/team/k.yaml", "setup: [make]\n")
    project.write("envbuild.yaml", "groups: {slim: ['k-slim-*'], both: [k, other]}\n")
    return project


def listed(project: Project, *args: str) -> list[str]:
    return [one["name"] for one in project.json("list", *args)["environments"]]


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ([], [*CELLS, "other", "team/k"]),
        (["k"], CELLS),
        (["k-slim-2"], ["k-slim-2"]),
        (["k-slim-2", "other", "k-full-1"], ["k-full-1", "k-slim-2", "other"]),
        (["k-*"], CELLS),
        (["k*"], CELLS),
        (["*-1"], ["k-full-1", "k-slim-1"]),
        (["k-{full,slim}-2"], ["k-full-2", "k-slim-2"]),
        (["**/k"], ["team/k"]),
        (["@slim"], ["k-slim-1", "k-slim-2"]),
        (["@both"], [*CELLS, "other"]),
        (["--tag", "os=slim"], ["k-slim-1", "k-slim-2"]),
        (["k-*-1", "--tag", "os=slim"], ["k-slim-1"]),
    ],
)
def test_cells_are_selected(cells: Project, args: list[str], names: list[str]) -> None:
    """A manifest's name means all of its cells; a glob means names of environments, which are the cells'."""
    assert listed(cells, *args) == names


def test_a_plan_selects_as_a_list_does(cells: Project) -> None:
    """By a cell's name, by a glob over cells, by a group."""
    for args in (["k-slim-2", "other"], ["*-1"], ["@slim"]):
        steps = cells.json("plan", *args)["steps"]
        assert [step["environment"] for step in steps] == listed(cells, *args)


def test_a_list_shows_each_cell_with_the_manifests_file(cells: Project) -> None:
    """As a person reads it."""
    assert cells.run("list", "k-full-*").out == (
        "name      state      version  age  builder  platforms  tags     file\n"
        "k-full-1  not built  -        -    local    linux-64   os=full  manifests/k.yaml\n"
        "k-full-2  not built  -        -    local    linux-64   os=full  manifests/k.yaml\n"
        "2 environments: 2 not built.\n"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("k-slim-3", "did you mean 'k-slim-2'?"),
        ("k-slm-1", "did you mean 'k-slim-1'?"),
        ("z*", "known are: k, k-full-1, k-full-2, k-slim-1, k-slim-2, other, team/k"),
    ],
)
def test_a_cell_that_there_is_not(cells: Project, name: str, hint: str) -> None:
    """The nearest name of a cell is the hint."""
    for command in ("list", "plan"):
        (error,) = cells.json(command, name, check=64)["errors"]
        assert error["hint"] == hint
        assert f"'{name}'" in error["message"]


@pytest.mark.parametrize("name", ["k", "k-slim-1", "k-full-*", "other"])
def test_what_is_broken_does_not_stop_the_plan_of_another(cells: Project, name: str) -> None:
    """Files that the selection does not need are not judged, also where they are read to find its cells."""
    before = cells.run("plan", name).out
    for at, text in enumerate(BROKEN):
        cells.write(f"manifests/aaa/b{at}.yaml", text)
    assert cells.run("plan", name).out == before


@pytest.mark.parametrize("command", ["plan", "check"])
def test_all_that_is_broken_is_told_in_one_go(cells: Project, command: str) -> None:
    """What cannot be read hides nothing that is wrong with what can be read."""
    for at, text in enumerate(BROKEN):
        cells.write(f"manifests/aaa/b{at}.yaml", text)
    told = {error["path"] for error in cells.json(command, check=1)["errors"]}
    assert told == {f"manifests/aaa/b{at}.yaml" for at in range(len(BROKEN))}


def test_a_glob_over_cells_and_broken_files_stops(cells: Project) -> None:
    """A file that the glob names is asked for."""
    cells.write("manifests/k-broken.yaml", "zzz: 1\n")
    (error,) = cells.json("plan", "k-*", check=1)["errors"]
    assert error["path"] == "manifests/k-broken.yaml"


def test_a_cell_is_not_found_where_its_manifest_cannot_be_read(cells: Project) -> None:
    """The error says so, since the name may well be right."""
    cells.write("manifests/m.yaml", "matrix: {v: [1]\n")
    (error,) = cells.json("plan", "m-1", check=64)["errors"]
    assert error["message"] == "no environment is named 'm-1'"
    assert error["hint"] == "manifests that cannot be read: 1; run 'envbuild check'"


def test_a_command_for_one_environment_names_the_cells(cells: Project) -> None:
    """`show` and `explain` of a manifest with four cells: which one is meant has to be said."""
    for command in ("show", "explain"):
        (error,) = cells.json(command, "k", check=64)["errors"]
        assert all(name in error["message"] + error["hint"] for name in CELLS), command
        cells.run(command, "k-slim-1")


def test_each_cell_has_its_own_lock_version_and_record(project: Project) -> None:
    """Cells are environments like any other: applied, found unchanged, and each rebuilt on its own."""
    project.write("manifests/k.yaml", "matrix: {v: {a: {variables: {V: a}}, b: {variables: {V: b}}}}\n")
    assert project.run("apply").out.endswith("Apply: 2 done.\n")
    assert project.run("apply").out == "No changes. 2 environments are up to date.\n"
    project.write("manifests/k.yaml", "matrix: {v: {a: {variables: {V: a}}, b: {variables: {V: new}}}}\n")
    steps = project.json("plan")["steps"]
    assert [(step["environment"], step["action"]) for step in steps] == [("k-b", "rebuild")]
    assert steps[0]["reasons"][0]["where"] == "manifests/k.yaml:1"
    versions = {one["name"]: one["version"] for one in project.json("list")["environments"]}
    assert versions == {"k-a": 1, "k-b": 1}
