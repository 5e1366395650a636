"""`history` and `list` with what changed, how long ago, and how things stand (DESIGN 11, DECISIONS 40)."""

import shutil

import pytest
from support.index import Index
from support.line import reference, write_base
from support.project import Project


@pytest.fixture
def grown(project: Project) -> Project:
    """Two versions, the second for five reasons."""
    project.write("manifests/a.yaml", "variables: {A: '1'}\n")
    project.run("apply")
    project.write("manifests/a.yaml", "variables:\n  A: '2'\n  B: x\n  C: x\n  D: x\n  E: x\n")
    project.run("apply")
    return project


def test_each_version_says_what_changed(grown: Project) -> None:
    """Newest first, its reasons below it; of many the first three, and with -v all."""
    head, second, *lines = grown.run("history", "a").out.splitlines()
    assert head.split() == ["version", "age", "took", "commit", "started", "fingerprint"]
    assert second.startswith("2        just now")
    assert lines[:4] == [
        '    variables  A "1" -> "2"   manifests/a.yaml:2',
        '    variables  B none -> "x"  manifests/a.yaml:3',
        '    variables  C none -> "x"  manifests/a.yaml:4',
        "    … and 2 more reasons: envbuild why a@2",
    ]
    assert lines[4].startswith("1        just now")
    assert lines[5:] == ["    record  not built yet  manifests/a.yaml"]
    assert '    variables  E none -> "x"  manifests/a.yaml:6' in grown.run("history", "a", "-v").out.splitlines()


def test_history_in_json_has_the_reasons(grown: Project) -> None:
    """All of them, in the form of a plan's."""
    second, first = grown.json("history", "a")["records"]
    assert len(second["reasons"]) == 5
    assert first["reasons"] == [{"part": "record", "change": "not built yet", "where": "manifests/a.yaml"}]


@pytest.mark.parametrize("columns", [100, 60, 40, 20])
def test_a_history_fits_its_terminal(grown: Project, columns: int) -> None:
    """A line stays a line: columns give way, the version never."""
    with grown.terminal("history", "a", columns=columns, env={"NO_COLOR": "1"}) as terminal:
        assert terminal.finish() == 0
        lines = terminal.lines
    assert len(lines) == 8
    assert [line[0] for line in lines if not line.startswith(" ")] == ["v", "2", "1"]
    assert b"\x1b" not in terminal.written


def test_a_history_has_colours_where_they_are_wanted(grown: Project) -> None:
    """On a terminal, or when they are asked for."""
    with grown.terminal("history", "a") as terminal:
        terminal.finish()
    assert b"\x1b[1mversion\x1b[0m" in terminal.written
    assert "\x1b[" in grown.run("history", "a", env={"FORCE_COLOR": "1"}).out
    assert "\x1b[" not in grown.run("history", "a").out


def test_a_list_says_how_things_stand(project: Project, index: Index) -> None:
    """In words, with the age of the latest version, and the sum of it."""
    for name in ("built", "changed", "lost"):
        project.write(f"manifests/{name}.yaml", f"variables: {{ONE: '{name}'}}\n")
    project.run("apply")
    project.write("manifests/changed.yaml", "variables: {ONE: other}\n")
    project.write("manifests/image.yaml", "builder: docker\nsetup: [make]\n")
    project.write("manifests/new.yaml", "variables: {ONE: new}\n")
    write_base(project, index, "alpha", name="parent")
    project.write("manifests/unlocked.yaml", "extends: parent\n")
    shutil.rmtree(reference(project, "lost"))
    found = project.json("list")["environments"]
    assert {one["name"]: (one["state"], one["action"]) for one in found} == {
        "built": ("up to date", "keep"),
        "changed": ("changed", "rebuild"),
        "image": ("refused", None),
        "lost": ("missing", "keep"),
        "new": ("not built", "create"),
        "unlocked": ("not locked", "create"),
    }
    started = {name: project.json("history", name)["records"][0]["started"] for name in ("built", "changed", "lost")}
    assert {one["name"]: one["built"] for one in found if one["built"]} == started
    *rows, last = project.run("list").out.splitlines()
    assert rows[1].startswith("built     up to date  1        just now  local ")
    told = "1 up to date, 1 changed, 1 missing, 1 not built, 1 not locked, 1 refused"
    assert last == f"6 environments: {told}."


@pytest.mark.parametrize(("columns", "heads"), [(60, "name state version age builder"), (30, "name state")])
def test_a_list_fits_its_terminal(project: Project, columns: int, heads: str) -> None:
    """One line an environment; file and tags give way first, name and state last."""
    project.write("manifests/some/environment.yaml", "variables: {ONE: '1'}\ntags: {team: growth, tier: gold}\n")
    project.write("manifests/other.yaml", "variables: {ONE: '2'}\n")
    with project.terminal("list", columns=columns, env={"NO_COLOR": "1"}) as terminal:
        assert terminal.finish() == 0
    first, *rows = terminal.lines
    assert first.split()[: len(heads.split())] == heads.split()
    assert "file" not in first
    assert [row.split()[0] for row in rows[:2]] == ["other", "some"]
