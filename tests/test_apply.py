"""Apply: order, parallel work, what a failure stops and what it does not, logs, JSON, and locking on the way."""

import re
from pathlib import Path

import pytest
from support.index import Index
from support.line import actions, apply_twice, versions, write_base, write_child
from support.project import Project
from support.wheels import wheel_bytes

_NOTE = 'printf "%s\\n" {name} >> "$HOME/order"'


def _noting(project: Project, name: str, *more: str) -> None:
    """An environment of content of its own that notes when it was built."""
    commands = [_NOTE.format(name=name), *more]
    project.write(f"manifests/{name}.yaml", "setup:\n" + "".join(f"  - {command}\n" for command in commands))


def _order(project: Project) -> list[str]:
    path = Path(project.environ["HOME"], "order")
    return path.read_text().split() if path.exists() else []


@pytest.fixture
def three(project: Project) -> Project:
    """Of a, b and c the second fails."""
    _noting(project, "a")
    _noting(project, "b", "exit 4")
    _noting(project, "c")
    return project


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_failure_stops_nothing_that_does_not_depend_on_it(three: Project, jobs: str) -> None:
    """The others are built and recorded; exit 1; mended, only what failed is built."""
    run = three.run("apply", "-j", jobs, check=1)
    assert run.out.splitlines()[-1] == "Apply: 2 done, 1 failed."
    assert sorted(_order(three)) == ["a", "b", "c"]
    assert actions(three) == {"b": "create"}
    _noting(three, "b")
    apply_twice(three)
    assert sorted(_order(three)) == ["a", "b", "b", "c"]


def test_what_waits_for_a_failure_is_skipped(three: Project) -> None:
    """Two with one content: the second does not try what the first could not."""
    three.write("manifests/d.yaml", three.read("manifests/b.yaml"))
    run = three.run("apply", check=1)
    assert run.out.splitlines()[-1] == "Apply: 2 done, 1 failed, 1 skipped."
    assert "d: skipped, b failed" in run.err.splitlines()
    assert _order(three).count("b") == 1


def test_fail_fast_begins_nothing_new(three: Project) -> None:
    """What is done stays done, what was not begun is skipped."""
    run = three.run("apply", "-j", "1", "--fail-fast", check=1)
    assert run.out.splitlines()[-1] == "Apply: 1 done, 1 failed, 1 skipped."
    assert _order(three) == ["a", "b"]
    assert actions(three) == {"b": "create", "c": "create"}


def test_jobs_run_side_by_side(project: Project) -> None:
    """With two jobs two builds wait for each other; with one they could not both end."""
    for one, other in (("a", "b"), ("b", "a")):
        wait = (
            f'touch "$HOME/{one}"; for i in $(seq 100); do test -e "$HOME/{other}" && exit 0; sleep 0.1; done; exit 1'
        )
        project.write(f"manifests/{one}.yaml", f"setup:\n  - |\n    {wait}\n")
    apply_twice(project, "-j", "2")


def test_each_build_has_a_log_with_its_whole_output(project: Project) -> None:
    """Both streams, in order, whatever their size; other bytes than text do no harm."""
    project.write(
        "manifests/deep/a.yaml",
        """
        setup:
          - seq 20000; echo to-stderr >&2; printf '\\377\\n'
          - echo last
        """,
    )
    apply_twice(project)
    (log,) = (project.path / ".envbuild/logs/deep/a").glob("*.log")
    lines = log.read_bytes().decode(errors="replace").splitlines()
    start = lines.index("1")
    assert lines[start : start + 20002] == [*map(str, range(1, 20001)), "to-stderr", "\ufffd"]
    assert "last" in lines
    assert sorted(path.name for path in log.parent.iterdir()) == [log.with_suffix(".end").name, log.name]


def test_a_failure_shows_the_last_lines_and_the_path_of_its_log(project: Project) -> None:
    """The command's line in the manifest, what it said last, and where the rest is."""
    project.write("manifests/a.yaml", "setup:\n  - echo fine\n  - seq 100; printf '\\033[31mred\\n' >&2; exit 4\n")
    run = project.run("apply", check=1)
    (log,) = (project.path / ".envbuild/logs/a").glob("*.log")
    lines = run.err.splitlines()
    assert "manifests/a.yaml:3:5" in run.err
    assert "    | 99" in lines
    assert "    | 100" in lines
    assert "    | 1" not in lines
    assert "\x1b" not in run.err
    assert any(line.strip() == f"log: {log}" for line in lines), run.err
    assert "\n1\n" in log.read_text()


def test_apply_in_json(three: Project) -> None:
    """The plan's steps with what became of each; exit 1 when one failed."""
    three.write("manifests/d.yaml", three.read("manifests/b.yaml"))
    report = three.json("apply", check=1)
    assert list(report) == ["format_version", "summary", "steps", "errors"]
    assert [error["message"] for error in report["errors"]] == [report["steps"][1]["error"]]
    results = {step["environment"]: step for step in report["steps"]}
    assert {name: step["result"] for name, step in results.items()} == {
        "a": "done", "b": "failed", "c": "done", "d": "skipped",
    }  # fmt: skip
    assert results["a"]["reference"].startswith(three.environ["ENVBUILD_STORE"])
    assert (results["a"]["error"], results["b"]["reference"]) == (None, None)
    assert "ended with 4" in results["b"]["error"]
    assert Path(results["b"]["log"]).is_file()
    assert results["d"]["error"] == "b failed"
    (three.path / "manifests/b.yaml").unlink()
    (three.path / "manifests/d.yaml").unlink()
    assert three.json("apply") == {
        "format_version": 1,
        "summary": {"create": 0, "rebuild": 0, "restore": 0, "adopt": 0, "forget": 0, "keep": 2},
        "steps": [],
    }


def test_prune_forgets_only_when_it_may(three: Project) -> None:
    """Without a terminal it has to be confirmed with -y, and refuses before anything is built."""
    _noting(three, "b")
    apply_twice(three)
    three.remove("manifests/c.yaml")
    _noting(three, "new")
    run = three.run("apply", "--prune", check=64)
    assert "-y" in run.err
    assert actions(three) == {"c": "forget", "new": "create"}
    run = three.run("apply", "--prune", "-y")
    assert run.out.splitlines()[-1] == "Apply: 1 done, 1 forgotten."
    assert actions(three) == {}
    three.run("history", "c", check=64)
    assert three.run("apply", "--prune", "-y").out == "No changes. 3 environments are up to date.\n"


def test_a_missing_lock_is_made_on_the_way(project: Project, index: Index) -> None:
    """It is written, shown in the plan that is done, and the second run finds it."""
    write_base(project, index)
    write_child(project, "a", "alpha")
    run = apply_twice(project)
    assert "+ a  create  version 1\n" in run.out
    assert "known after locking" not in run.out
    project.run("lock", "--check")
    write_child(project, "a", "alpha ==1.0")
    apply_twice(project)
    assert versions(project, "a") == [2, 1]


def test_what_locking_proves_equal_is_kept(project: Project, index: Index) -> None:
    """A request that changed without moving a pin is no rebuild once it is locked."""
    write_base(project, index)
    write_child(project, "a", "delta")
    apply_twice(project)
    write_child(project, "a", "delta[fast]", "alpha")
    project.run("apply")
    write_child(project, "a", "delta[fast]")
    assert actions(project) in ({}, {"a": "rebuild"})
    run = project.run("apply")
    assert run.out.splitlines()[-1].startswith("No changes."), run
    apply_twice(project)


def test_one_that_cannot_be_locked_does_not_stop_the_others(project: Project, index: Index) -> None:
    """It fails with the solver's words and its line; the rest is built; exit 1."""
    write_base(project, index)
    write_child(project, "good", "alpha")
    write_child(project, "bad", "alpha ==9.9")
    run = project.run("apply", check=1)
    assert "manifests/bad.yaml:4" in run.err
    assert run.out.splitlines()[-1] == "Apply: 1 done, 1 failed."
    assert versions(project, "good") == [1]
    assert not (project.path / "locks/bad.conda-lock.yml").exists()
    report = {step["environment"]: step for step in project.json("apply", check=1)["steps"]}
    assert (report["bad"]["result"], report["bad"]["fingerprint"]) == ("failed", None)
    assert "alpha" in report["bad"]["error"]


def test_atomic_counts_what_cannot_be_locked(project: Project, index: Index) -> None:
    """It was selected, so the others are made, and neither named nor recorded; mended, all of them are."""
    write_base(project, index)
    write_child(project, "good", "alpha")
    write_child(project, "bad", "alpha ==9.9")
    run = project.run("apply", "--atomic", check=1)
    assert run.out.splitlines()[-1] == "Apply: 1 failed, 1 skipped."
    assert "good: skipped, made, and not named, since another one failed" in run.err.splitlines()
    assert "'good' was never built" in project.run("history", "good", check=64).err
    write_child(project, "bad", "alpha ==1.0")
    apply_twice(project, "--atomic")
    assert [versions(project, name) for name in ("good", "bad")] == [[1], [1]]


def test_what_starts_from_one_that_cannot_be_locked_is_skipped(project: Project) -> None:
    """Because of its base, as behind any other failure: it was never for it to be locked."""
    project.write("envbuild.yaml", "builder: docker\nplatforms: [linux-64]\n")
    project.write("manifests/root.yaml", "image:\n  base: 127.0.0.1:9/x:1\n")
    project.write("manifests/child.yaml", "image:\n  base: {environment: root}\n  prefix: /opt/child\n")
    run = project.run("apply", check=1)
    assert run.out.splitlines()[-1] == "Apply: 1 failed, 1 skipped."
    assert "child: skipped, root failed" in run.err.splitlines()
    assert "is not locked" not in run.err


def test_a_wheel_that_came_damaged_is_told(project: Project, index: Index, tmp_path: Path) -> None:
    """Cut on its way: what came is no archive any more."""
    filename, data = wheel_bytes("fresh", "1.0")
    index.add_file(filename, data)
    write_base(project, index)
    write_child(project, "a", "fresh")
    project.run("lock")
    index.add_file(filename, data[:-40])
    run = project.run("apply", check=1, env={"UV_CACHE_DIR": str(tmp_path / "cold")})
    assert re.search(r"fresh\S* came damaged\n", run.err), run.err


def test_a_wheel_that_is_not_what_was_locked_is_never_installed(project: Project, index: Index) -> None:
    """Another file under the same name: the hash does not match, and nothing is left."""
    write_base(project, index)
    index.add("fresh", "1.0")
    write_child(project, "a", "fresh")
    project.run("lock")
    index.add("fresh", "1.0", modules={"fresh/evil.py": ""})
    run = project.run("apply", check=1)
    assert re.search(r"fresh.* has sha256 \w{64}, and \w{64} is locked\n", run.err)
    assert "hint: ask who keeps its index why; 'envbuild lock --upgrade' locks what is there now" in run.err
    assert actions(project) == {"a": "create"}
