"""`why` (DESIGN 8, 11): what a plan says of an environment now, and why a version was built, as it was said then."""

import datetime as dt
import json
import sqlite3
import subprocess

import pytest
from support.index import Index
from support.line import reasons, write_base, write_child
from support.project import Project


@pytest.fixture
def moved(project: Project, index: Index) -> Project:
    """An environment of two versions: alpha moved, a variable and a command changed; since then line 1 has moved."""
    write_base(project, index, "alpha ==1.*")
    write_child(project, "a", more="variables:\n  ONE: x\nsetup:\n  - echo one\n")
    project.run("apply")
    write_base(project, index, "alpha ==2.*")
    write_child(project, "a", more="variables:\n  ONE: y\nsetup:\n  - echo two\n")
    project.run("apply")
    write_base(project, index, "beta", "alpha ==2.*")
    return project


_SECOND = [
    ("dependencies", "alpha 1.* -> 2.*", "manifests/base.yaml:6"),
    ("setup", '-"echo one" +"echo two"', "manifests/a.yaml:5"),
    ("variables", 'ONE "x" -> "y"', "manifests/a.yaml:3"),
]


def _forget_reasons(project: Project) -> None:
    """Records as they were before reasons were remembered."""
    with sqlite3.connect(project.path / ".envbuild/state.db", isolation_level=None) as connection:
        for name, version, text in connection.execute("SELECT environment, version, record FROM records").fetchall():
            record = json.loads(text)
            del record["reasons"]
            connection.execute(
                "UPDATE records SET record = ? WHERE environment = ? AND version = ?",
                (json.dumps(record), name, version),
            )
    connection.close()


def test_a_version_remembers_why_it_was_built(moved: Project) -> None:
    """Every reason with its line as of then, whatever the manifests say now; what was replaced, in a step's form."""
    first, second = moved.json("why", "a@1", "a@latest")["steps"]
    assert (second["action"], second["version"], second["previous"]) == ("rebuild", 2, first["fingerprint"])
    assert reasons(second) == _SECOND
    assert (first["action"], first["version"], first["previous"]) == ("create", 1, None)
    assert reasons(first) == [("record", "not built yet", "manifests/a.yaml")]
    step = moved.json("why", "a")["steps"][0]
    assert list(second)[: len(step)] == list(step)


def test_a_version_is_told_as_text(moved: Project) -> None:
    """The answer first, then when and from which commit, then the reasons side by side."""
    out = moved.run("why", "a@2").out.splitlines()
    assert out[0] == "a@2 replaced version 1."
    assert out[1].endswith("), no commit")
    assert out[2:] == [
        "    dependencies  alpha 1.* -> 2.*         manifests/base.yaml:6",
        '    setup         -"echo one" +"echo two"  manifests/a.yaml:5',
        '    variables     ONE "x" -> "y"           manifests/a.yaml:3',
    ]
    assert moved.run("why", "a@1").out.startswith("a@1 is the first build.\n    just now (20")


def test_records_without_reasons_are_explained_by_their_parts(moved: Project) -> None:
    """In the same words, without the lines of then; the first is a first build."""
    _forget_reasons(moved)
    first, second = moved.json("why", "a@1", "a@2")["steps"]
    assert reasons(second) == [
        ("dependencies", "alpha 1.1 -> 2.0", "locks/a.conda-lock.yml"),
        ("setup", '-"echo one" +"echo two"', "manifests/a.yaml"),
        ("variables", 'ONE "x" -> "y"', "manifests/a.yaml"),
    ]
    assert reasons(first) == [("record", "first build", "manifests/a.yaml")]


def test_a_version_is_told_when_its_manifest_is_gone(moved: Project) -> None:
    """The record holds it all; without a version there is nothing to say."""
    moved.remove("manifests/a.yaml")
    assert reasons(moved.json("why", "a@2")["steps"][0]) == _SECOND
    assert "no environment is named 'a'" in moved.run("why", "a", check=64).err


def test_a_commit_and_what_was_not_committed(project: Project) -> None:
    """The commit that was checked out, and whether files differed from it."""
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-C", str(project.path)]
    project.write("manifests/a.yaml", "variables: {ONE: '1'}\n")
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *args], check=True)
    project.run("apply")
    project.write("manifests/a.yaml", "variables: {ONE: '2'}\n")
    project.run("apply")
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout[:10]
    assert project.run("why", "a@1").out.splitlines()[1].endswith(f"commit {head}")
    assert project.run("why", "a@2").out.splitlines()[1].endswith(f"commit {head} with uncommitted changes")


def test_what_was_adopted_says_so(project: Project) -> None:
    """Nothing was built for it, in text and in JSON."""
    project.write("manifests/a.yaml", "variables: {ONE: '1'}\n")
    project.write("manifests/b.yaml", "variables: {ONE: '1'}\n")
    project.run("apply")
    (step,) = project.json("why", "b@1")["steps"]
    assert (step["action"], reasons(step)[0][1]) == ("adopt", "the same as a")
    assert project.run("why", "b@1").out.startswith("b@1 is the first build, and nothing was built for it.")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("a@7", "'a' has no version '7'\n  hint: recorded are: 1"),
        ("a@", "'a@' names no version\n  hint: say 'a@1' or 'a@latest'"),
        ("b@1", "'b' was never built\n  hint: run 'envbuild apply'"),
        ("c@1", "no environment is named 'c'"),
    ],
)
def test_a_version_that_is_not(project: Project, asked: str, told: str) -> None:
    """64, with what there is."""
    project.write("manifests/a.yaml", "variables: {ONE: '1'}\n")
    project.run("apply")
    project.write("manifests/b.yaml", "variables: {ONE: '2'}\n")
    assert project.run("why", asked, check=64).err.startswith(f"error: {told}")


@pytest.mark.parametrize(
    "option", [["--tag", "no=such"], ["--exclude", "a"], ["--with-dependents"], ["--with-dependencies"]]
)
def test_versions_are_not_chosen_among(project: Project, option: list[str]) -> None:
    """What could not be heeded is refused; beside a name it holds for that."""
    project.write("manifests/a.yaml", "variables: {ONE: '1'}\n")
    project.run("apply")
    assert project.run("why", "a@1", *option, check=64).err.startswith("error: only versions are named")
    project.write("manifests/b.yaml", "tags: {no: such}\nvariables: {ONE: '2'}\n")
    assert [one["environment"] for one in project.json("why", "a@1", "b", *option)["steps"]] == ["a", "b"]


def test_now_says_what_apply_would_do(project: Project) -> None:
    """The answer first; what is up to date says where the reason of its version is."""
    project.write("manifests/a.yaml", "variables: {ONE: '1'}\n")
    assert project.run("why", "a").out.splitlines() == [
        "a would be built for the first time: version 1.",
        "    record  not built yet  manifests/a.yaml",
    ]
    project.run("apply")
    assert project.run("why", "a").out.splitlines()[1] == "    why it was built: envbuild why a@1"


def test_a_narrow_terminal_shows_every_word(project: Project) -> None:
    """Lines are broken, never cut: this is where a reason is read to its end."""
    project.write("manifests/a.yaml", f"variables: {{ONE: '{' '.join(map(str, range(40)))}'}}\n")
    project.run("apply")
    project.write("manifests/a.yaml", f"variables: {{ONE: '{' '.join(map(str, range(41)))}'}}\n")
    with project.terminal("why", "a", columns=40) as terminal:
        assert terminal.finish() == 0
        lines = terminal.lines
    assert max(map(len, lines)) <= 40
    words = " ".join(line.strip() for line in lines)
    assert f'"{" ".join(map(str, range(40)))}" -> "{" ".join(map(str, range(41)))}" manifests/a.yaml:1' in words


def test_ages_are_said_as_people_say_them() -> None:
    """From just now to years; a time that is still to come is told as it stands."""
    from envbuild.report.ages import age, size

    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    spans = {5: "just now", 59: "just now", 60: "1 min ago", 3599: "59 min ago", 7200: "2 h ago", 90000: "1 day ago"}
    spans |= {86400 * 14: "2 weeks ago", 86400 * 70: "2 months ago", 86400 * 800: "2 years ago"}
    for seconds, told in spans.items():
        assert age((now - dt.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z"), now) == told
    assert age("2026-01-02T00:00:00Z", now) == "2026-01-02T00:00:00Z"
    assert age("yesterday", now) == "yesterday"
    told_sizes = {0: "0 B", 999: "999 B", 1000: "1.0 kB", 48_000_000: "48 MB", 10**16: "10000 TB"}
    assert {count: size(count) for count in told_sizes} == told_sizes
