"""`logs` (DESIGN 11): the log of every build, also of one that failed, was interrupted, or is at work now."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.project import Project

from envbuild.written import log_line

_ACTIVE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.fixture
def tried(project: Project) -> Project:
    """A build, and an attempt that failed."""
    project.write("manifests/deep/a.yaml", "setup: [echo one]\n")
    project.run("apply")
    project.write("manifests/deep/a.yaml", "setup: [\"printf 'half a line'; exit 3\"]\n")
    project.run("apply", check=1)
    return project


def test_the_latest_attempt_is_shown_also_when_it_failed(tried: Project) -> None:
    """The whole log; its last line says how it ended, on a line of its own."""
    lines = tried.run("logs", "deep/a").out.splitlines()
    assert lines[0].startswith("envbuild ")
    assert "half a line" in lines
    assert "manifests/deep/a.yaml:1:9: setup command 1 ended with 3" in lines
    assert re.fullmatch(r"envbuild: failed after [0-9]+\.[0-9] s", lines[-1])


def test_a_version_has_its_own_log(tried: Project) -> None:
    """By number and as the latest that was built."""
    for asked in ("deep/a@1", "deep/a@latest"):
        lines = tried.run("logs", asked).out.splitlines()
        assert "one" in lines
        assert re.fullmatch(r"envbuild: done in [0-9]+\.[0-9] s as version 1", lines[-1])


def test_all_attempts_are_listed(tried: Project) -> None:
    """Newest first, with what became of each."""
    first, head, *rows = tried.run("logs", "deep/a", "--list").out.splitlines()
    assert first == "2 attempts of deep/a, 1 failed."
    assert head.split() == ["started", "age", "result", "took", "size", "log"]
    assert [" failed " in row for row in rows] == [True, False]
    assert " version 1 " in rows[1]
    failed, built = tried.json("logs", "deep/a", "--list")["logs"]
    assert list(failed) == ["environment", "version", "started", "result", "seconds", "size", "path"]
    assert (failed["result"], failed["version"], built["result"], built["version"]) == ("failed", None, "done", 1)
    assert failed["size"] == Path(failed["path"]).stat().st_size
    assert failed["seconds"] > 0


def test_a_restore_has_a_log_of_its_own(project: Project) -> None:
    """It makes no version, and says whose it is."""
    project.write("manifests/a.yaml", "setup: [echo one]\n")
    project.run("apply")
    prefix = project.json("history", "a")["records"][0]["reference"]
    (Path(prefix) / "bin/python").unlink()
    project.run("apply")
    found = project.json("logs", "a", "--list")["logs"]
    assert [(one["result"], one["version"]) for one in found] == [("done", 1), ("done", 1)]
    assert " restore a " in project.run("logs", "a").out.splitlines()[0]


def test_some_of_a_log(tried: Project) -> None:
    """The last lines, only the path, and JSON with the text."""
    whole = tried.run("logs", "deep/a").out.splitlines()
    for count in (0, 1, 3, 1000):
        assert tried.run("logs", "deep/a", "--tail", str(count)).out.splitlines() == whole[len(whole) - count :] or (
            count > len(whole)
        )
    path = tried.run("logs", "deep/a", "--path").out.removesuffix("\n")
    assert Path(path).read_text().splitlines() == whole
    (one,) = tried.json("logs", "deep/a", "--tail", "1")["logs"]
    assert (one["path"], one["text"]) == (path, f"{whole[-1]}\n")
    assert tried.run("logs", "deep/a", "-f").out.splitlines() == whole


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["b"], "'b' was never built\n  hint: run 'envbuild apply'"),
        (["c"], "no environment is named 'c'"),
        (["deep/a@7"], "'deep/a' has no version '7'\n  hint: recorded are: 1"),
        (["../logs/deep/a"], "no environment is named '../logs/deep/a'"),
        (["deep/a", "--list", "--path"], "--list and --path say different things"),
        (["deep/a@1", "--list"], "--list shows every attempt"),
    ],
)
def test_a_log_that_is_not(tried: Project, args: list[str], told: str) -> None:
    """64, and what to do."""
    tried.write("manifests/b.yaml", "variables: {ONE: '1'}\n")
    assert tried.run("logs", *args, check=64).err.startswith(f"error: {told}")


def test_logs_that_were_removed_are_missed(tried: Project) -> None:
    """They are safe to lose; it is said where they were."""
    tried.remove(".envbuild/logs")
    assert tried.run("logs", "deep/a", check=64).err.startswith("error: the logs of 'deep/a' are gone\n  hint: ")
    assert tried.run("logs", "deep/a@1", check=64).err.startswith("error: the log of deep/a@1 is not here\n  hint: ")


def test_logs_stay_when_the_manifest_goes(tried: Project) -> None:
    """What was built is remembered."""
    tried.remove("manifests/deep/a.yaml")
    tried.write("manifests/b.yaml", "variables: {ONE: '1'}\n")
    assert "half a line" in tried.run("logs", "deep/a").out


def _apply(project: Project) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return _at_work(project, "apply")


@contextmanager
def _at_work(project: Project, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command while it works; a test that fails does not wait for its end."""
    command = [sys.executable, "-m", "envbuild", *args]
    with subprocess.Popen(
        command, cwd=project.path, env=dict(project.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise


_WAITING = "setup: ['echo begun; while [ ! -e {go} ]; do sleep 0.05; done; printf ended']\n"


def test_a_build_at_work_is_followed_to_its_end(project: Project, tmp_path: Path) -> None:
    """What is there is shown at once, what comes as it comes, and it ends when the build does."""
    project.write("manifests/a.yaml", _WAITING.format(go=tmp_path / "go"))
    with _apply(project) as apply:
        _until_begun(project)
        assert project.json("logs", "a", "--list")["logs"][0]["result"] == "running"
        with project.terminal("logs", "a", "--follow", columns=200) as terminal:
            terminal.wait_for("\nbegun")
            assert terminal.process.poll() is None
            (tmp_path / "go").touch()
            assert terminal.finish() == 0
        assert apply.wait(60) == 0
    assert terminal.lines[-2] == "ended"
    assert terminal.lines[-1].startswith("envbuild: done in ")


def test_following_ends_with_the_one_who_wrote(project: Project, tmp_path: Path) -> None:
    """A build that was killed writes no last line, and is not waited for."""
    project.write("manifests/a.yaml", _WAITING.format(go=tmp_path / "go"))
    with _apply(project) as apply:
        _until_begun(project)
        with project.terminal("logs", "a", "--follow", columns=200) as terminal:
            terminal.wait_for("\nbegun")
            os.kill(apply.pid, signal.SIGKILL)
            apply.wait(60)
            (tmp_path / "go").touch()
            assert terminal.finish() == 0
    assert project.json("logs", "a", "--list")["logs"][0]["result"] == "interrupted"


def test_an_interrupted_build_says_so(project: Project, tmp_path: Path) -> None:
    """In the last line of its log."""
    project.write("manifests/a.yaml", _WAITING.format(go=tmp_path / "go"))
    with _apply(project) as apply:
        _until_begun(project)
        os.kill(apply.pid, signal.SIGINT)
        assert apply.wait(60) == 130
    assert project.run("logs", "a").out.splitlines()[-1] == "envbuild: interrupted"


def test_no_output_ends_a_log(project: Project, tmp_path: Path) -> None:
    """What a program writes is never taken for our own last line: not at work, not followed, not when it was killed."""
    forged = "echo begun; echo envbuild: done in 1.0 s as version 7; "
    project.write("manifests/a.yaml", _WAITING.format(go=tmp_path / "go").replace("echo begun; ", forged))
    with _apply(project) as apply:
        _until_begun(project)
        (one,) = project.json("logs", "a", "--list")["logs"]
        assert (one["result"], one["version"], one["seconds"]) == ("running", None, None)
        with project.terminal("logs", "a", "--follow", columns=200) as terminal:
            terminal.wait_for("as version 7")
            time.sleep(0.5)
            assert terminal.process.poll() is None
            os.kill(apply.pid, signal.SIGKILL)
            apply.wait(60)
            assert terminal.finish() == 0
    (tmp_path / "go").touch()
    (one,) = project.json("logs", "a", "--list")["logs"]
    assert (one["result"], one["version"], one["seconds"]) == ("interrupted", None, None)


def test_a_process_of_the_same_number_builds_nothing(tried: Project) -> None:
    """A log that was left is at work for nobody, whoever has the process id that it names."""
    path = ".envbuild/logs/deep/a/20250101T000000.000000Z.log"
    tried.write(path, f"envbuild 0.1.0: create deep/a 0 in process {os.getpid()}\n")
    assert tried.json("logs", "deep/a", "--list")["logs"][-1]["result"] == "interrupted"
    (tried.path / path).rename(tried.path / path.replace("2025", "2525"))
    assert tried.run("logs", "deep/a", "--follow").out.count("\n") == 1


def test_a_build_of_run_is_at_work(project: Project, tmp_path: Path) -> None:
    """Like one of `apply`: it is followed until it has ended."""
    project.write("manifests/a.yaml", _WAITING.format(go=tmp_path / "go"))
    with _at_work(project, "run", "a", "--", "true") as run:
        _until_begun(project)
        assert project.json("logs", "a", "--list")["logs"][0]["result"] == "running"
        (tmp_path / "go").touch()
        assert run.wait(60) == 0
    assert project.json("logs", "a", "--list")["logs"][0]["result"] == "done"


def _until_begun(project: Project) -> None:
    ends = time.monotonic() + 60
    while not any("\nbegun" in path.read_text() for path in (project.path / ".envbuild/logs/a").glob("*.log")):
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[31;1mred\x1b[0m plain", "red plain"),
        ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "textlink"),
        ("\x1b7saved\x1b8 \x1b(Bset", "saved set"),
        (" 10%\r 50%\r100%\r", "100%"),
        ("abd\x08c", "abc"),
        ("\x08\x08x", "x"),
        ("\u202eturned\x07", "\\u202eturned\\u0007"),
        ("from https://user:word@host/simple", "from https://***@host/simple"),
    ],
)
def test_a_line_is_shown_as_it_was_meant_to_be_read(line: str, shown: str) -> None:
    """Colours, titles, moves and what was overwritten are gone; the rest is shown as what it is."""
    assert log_line(line) == shown


@given(st.text(st.sampled_from("\x1b\x9b[]0;mHP\\\x07\x08\r\u202e a7(B")) | st.text())
def test_no_line_of_a_log_is_active(line: str) -> None:
    """Whatever a program wrote."""
    assert not _ACTIVE.search(log_line(line.replace("\n", " ")))
