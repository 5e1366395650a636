"""The records: what counts as a version, what is remembered of it, and how the file survives what befalls it."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.index import Index
from support.line import actions, apply_twice, reference, steps, versions, write_base, write_child
from support.project import Project

_DATABASE = ".envbuild/state.db"


@pytest.fixture
def built(project: Project) -> Project:
    """One environment, built."""
    _variable(project, "1")
    apply_twice(project)
    return project


def _variable(project: Project, value: str) -> None:
    project.write("manifests/a.yaml", f"variables:\n  ONE: '{value}'\n")


def _connect(project: Project) -> sqlite3.Connection:
    return sqlite3.connect(project.path / _DATABASE, isolation_level=None)


def test_versions_count_changes_of_content_only(built: Project) -> None:
    """Comments, restores and repeats take no number; each change of content takes the next."""
    built.write("manifests/a.yaml", "# a comment\nvariables:\n  ONE: '1'\n")
    apply_twice(built)
    shutil.rmtree(reference(built, "a"))
    apply_twice(built)
    assert versions(built, "a") == [1]
    for value in ("2", "3"):
        _variable(built, value)
        apply_twice(built)
    assert versions(built, "a") == [3, 2, 1]


def test_numbers_are_never_used_again_after_prune(built: Project) -> None:
    """A name that comes back goes on counting where it stopped."""
    _variable(built, "2")
    apply_twice(built)
    built.remove("manifests/a.yaml")
    built.write("manifests/b.yaml", "variables:\n  TWO: '2'\n")
    built.run("apply", "--prune", "-y")
    built.run("history", "a", check=64)
    _variable(built, "1")
    assert steps(built)["a"]["version"] == 3
    apply_twice(built)
    assert versions(built, "a") == [3]


def test_history_in_json_and_as_text(built: Project) -> None:
    """The keys of the contract, newest first."""
    _variable(built, "2")
    apply_twice(built)
    history = built.json("history", "a")
    assert list(history) == ["format_version", "records"]
    first, second = history["records"]
    keys = ["environment", "version", "fingerprint", "builder", "reference", "started", "seconds", "commit", "dirty"]
    assert list(first) == list(second) == [*keys, "registered", "labels", "reasons"]
    assert (first["environment"], first["version"], first["builder"]) == ("a", 2, "local")
    assert first["started"].endswith("Z")
    assert first["seconds"] > 0
    assert (first["commit"], first["dirty"]) == ("", False)
    head, *rows = built.run("history", "a").out.splitlines()
    assert head.split() == ["version", "age", "took", "commit", "started", "fingerprint"]
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == ["2", "1"]


def test_show_tells_what_is_now_and_what_was_built_then(project: Project, index: Index) -> None:
    """NAME is what the manifest says now, NAME@VERSION and NAME@latest a record."""
    write_base(project, index)
    write_child(project, "a", "beta", "alpha ==1.0")
    unbuilt = project.json("show", "a")["environment"]
    empty: dict[str, object] = {
        "name": "a",
        "fingerprint": None,
        "version": None,
        "reference": None,
        "builder": "local",
        "labels": [],
        "packages": [],
    }
    assert unbuilt == empty
    apply_twice(project)
    now = project.json("show", "a")
    assert list(now) == ["format_version", "environment"]
    assert now["environment"]["packages"] == [
        {"manager": "pip", "name": "alpha", "version": "1.0"},
        {"manager": "pip", "name": "beta", "version": "1.0"},
    ]
    assert now == project.json("show", "a@1") == project.json("show", "a@latest")
    write_child(project, "a", "beta", "alpha ==1.1")
    project.run("lock")
    moved = project.json("show", "a")["environment"]
    assert (moved["version"], moved["reference"], moved["packages"][0]["version"]) == (None, None, "1.1")
    assert project.json("show", "a@1") == now
    project.run("show", "a@2", check=64)
    assert "alpha    1.0" in project.run("show", "a@latest").out


def test_the_commit_and_whether_files_differ_from_it_are_recorded(project: Project) -> None:
    """A clean checkout is clean although envbuild keeps its own folder there."""
    _variable(project, "1")
    commit = _commit(project, "first")
    apply_twice(project)
    _variable(project, "2")
    apply_twice(project)
    records = project.json("history", "a")["records"]
    assert [(record["commit"], record["dirty"]) for record in records] == [(commit, True), (commit, False)]
    assert f"{commit[:10]}+" in project.run("history", "a").out


def _commit(project: Project, message: str) -> str:
    def git(*args: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *args]
        env = {**project.environ, "GIT_CONFIG_NOSYSTEM": "1"}
        run = subprocess.run(command, cwd=project.path, env=env, capture_output=True, text=True, check=True)
        return run.stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", message)
    return git("rev-parse", "HEAD")


def test_the_journal_is_the_one_that_is_safe(built: Project) -> None:
    """A file that another program turned to WAL is turned back before anything is written to it."""
    with _connect(built) as connection:
        assert connection.execute("PRAGMA journal_mode=WAL").fetchone() == ("wal",)
    connection.close()
    _variable(built, "2")
    apply_twice(built)
    header = (built.path / _DATABASE).read_bytes()[18:20]
    assert header == b"\x01\x01"
    assert sorted(path.name for path in (built.path / ".envbuild").glob("state.db*")) == ["state.db"]


def _damages(data: bytes) -> dict[str, bytes]:
    return {
        "no database": b"this is no database" * 100,
        "cut": data[: len(data) // 2],
        "header": b"\0" * 100 + data[100:],
        "pages": data[:100] + b"\xff" * (len(data) - 100),
        "emptied": b"",
    }


@pytest.mark.parametrize("kind", list(_damages(b"")))
def test_damage_is_reported_and_never_reset(built: Project, kind: str) -> None:
    """Plan and apply end with 1 and name the file, whose bytes stay as they are."""
    path = built.path / _DATABASE
    damaged = _damages(path.read_bytes())[kind]
    path.write_bytes(damaged)
    for command in (["plan"], ["apply"], ["history", "a"], ["show", "a@1"]):
        run = built.run(*command, check=1)
        assert run.err.startswith(f"{_DATABASE}: "), run
        assert "bug" not in run.err, run
        assert path.read_bytes() == damaged


def test_one_bad_record_is_reported(built: Project) -> None:
    """A text that is no record is damage too, wherever it is read."""
    with _connect(built) as connection:
        connection.execute("UPDATE records SET record = '{'")
    connection.close()
    assert built.run("history", "a", check=1).err.startswith(f"{_DATABASE}: ")
    _variable(built, "2")
    assert built.run("plan", check=1).err.startswith(f"{_DATABASE}: ")


def test_records_of_a_newer_envbuild_are_refused(built: Project) -> None:
    """They are neither read nor written."""
    with _connect(built) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    before = (built.path / _DATABASE).read_bytes()
    for command in ("plan", "apply"):
        run = built.run(command, check=1)
        assert "newer envbuild" in run.err
        assert "upgrade" in run.err
    assert (built.path / _DATABASE).read_bytes() == before


def test_what_a_killed_writer_began_is_rolled_back(built: Project, tmp_path: Path) -> None:
    """A journal that was left by a kill in the middle of a write stops neither the next plan nor the next apply."""
    source = built.path / _DATABASE
    connection = _connect(built)
    connection.execute("PRAGMA cache_size=1")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE records SET record = record || zeroblob(200000), version = 77")
    for name in ("state.db", "state.db-journal"):
        shutil.copy(source.with_name(name), tmp_path / name)
    connection.rollback()
    connection.close()
    for name in ("state.db", "state.db-journal"):
        shutil.copy(tmp_path / name, source.with_name(name))
    assert source.with_name("state.db-journal").stat().st_size
    assert built.run("plan").out.startswith("No changes.")
    assert versions(built, "a") == [1]
    _variable(built, "2")
    apply_twice(built)


def test_a_first_write_that_fails_leaves_records_that_can_be_written(project: Project) -> None:
    """No space for the very first record: once there is space, the next apply works."""
    _variable(project, "1")
    script = f"""
import resource, sys
from pathlib import Path
from envbuild.errors import StateError
from envbuild.state import State
state = State(Path({_DATABASE!r}), "state", "machine", "linux-64")
Path({_DATABASE!r}).parent.mkdir()
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    state.forget("a")
except StateError:
    sys.exit(0)
sys.exit(1)
"""
    subprocess.run([sys.executable, "-c", script], cwd=project.path, env=dict(project.environ), check=True)
    assert actions(project) == {"a": "create"}
    apply_twice(project)


def test_what_another_machine_built_is_not_ours(built: Project) -> None:
    """With shared records each machine has its own newest version, also for run."""
    _variable(built, "2")
    apply_twice(built)
    _variable(built, "1")
    with _connect(built) as connection:
        (text,) = connection.execute("SELECT record FROM records WHERE version = 2").fetchone()
        foreign = {**json.loads(text), "machine": "elsewhere", "reference": "/nowhere/at/all"}
        values = (foreign["machine"], foreign["reference"], json.dumps(foreign))
        connection.execute("UPDATE records SET machine = ?, reference = ?, record = ? WHERE version = 2", values)
    connection.close()
    assert built.run("plan").out.startswith("No changes.")
    assert built.run("run", "a", "--", "sh", "-c", "echo $ONE").out == "1\n"


def test_state_may_lie_elsewhere(project: Project, tmp_path: Path) -> None:
    """`state` in envbuild.yaml is relative to the project; ENVBUILD_STATE wins."""
    _variable(project, "1")
    project.write("envbuild.yaml", "state: sqlite:///records.db\n")
    apply_twice(project)
    assert (project.path / "records.db").is_file()
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert project.run("plan", env={"ENVBUILD_STATE": other}).out.splitlines()[1] == "= a  adopt  version 1"
    project.run("apply", env={"ENVBUILD_STATE": other})
    assert (tmp_path / "other.db").is_file()
    assert not (project.path / _DATABASE).exists()
