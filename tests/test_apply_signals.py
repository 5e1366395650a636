"""An apply that is ended while it builds, or meets another apply: nothing half-made, and the next one works."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.line import actions, apply_twice
from support.project import Project

_PATIENCE_SECONDS = 30


@pytest.fixture
def slow(project: Project) -> Project:
    """An environment whose setup says where it runs, and waits until a file lets it go on."""
    project.write(
        "manifests/slow.yaml",
        """
        variables: {ONE: "1"}
        setup:
          - echo $$ > "$HOME/started"; while test ! -e "$HOME/go"; do sleep 0.1; done
        """,
    )
    return project


@contextlib.contextmanager
def _started(project: Project, *args: str) -> Iterator["subprocess.Popen[str]"]:
    """An envbuild that has come to the setup."""
    command = [sys.executable, "-m", "envbuild", *args]
    with subprocess.Popen(
        command, cwd=project.path, env=dict(project.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            _wait_for(lambda: bool(_pid(project)) or process.poll() is not None)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if pid := _pid(project):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


def _home(project: Project) -> Path:
    return Path(project.environ["HOME"])


def _pid(project: Project) -> int:
    path = _home(project) / "started"
    return int(path.read_text().strip() or 0) if path.exists() else 0


def _wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _prefixes(project: Project) -> list[str]:
    store = Path(project.environ["ENVBUILD_STORE"])
    return [path.name for path in store.iterdir() if not path.name.startswith(".")] if store.exists() else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_a_request_to_end_leaves_nothing_half_made(slow: Project, number: signal.Signals) -> None:
    """Exit code 130, no prefix, no record, no child; the next apply works."""
    with _started(slow, "apply") as process:
        child = _pid(slow)
        assert _alive(child)
        process.send_signal(number)
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
        assert process.returncode == 130, out + err
        assert "Traceback" not in out + err
        assert not _alive(child)
    assert _prefixes(slow) == []
    assert actions(slow) == {"slow": "create"}
    (_home(slow) / "go").touch()
    apply_twice(slow)


def test_a_hangup_ends_the_build_too(slow: Project) -> None:
    """A terminal that is closed is a request to end as well: no child goes on alone."""
    with _started(slow, "apply") as process:
        child = _pid(slow)
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=_PATIENCE_SECONDS)
        assert _wait_for(lambda: not _alive(child)), "the setup command still runs"
    assert _prefixes(slow) == []


def test_after_a_kill_the_next_apply_works(slow: Project) -> None:
    """What was killed is absent, whatever lies there, and is built anew; no lock is left held."""
    with _started(slow, "apply") as process:
        process.kill()
        process.wait()
        assert actions(slow) == {"slow": "create"}
    (_home(slow) / "go").touch()
    apply_twice(slow)
    assert slow.run("run", "slow", "--", "sh", "-c", "echo $ONE").out == "1\n"


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_what_a_killed_apply_leaves_is_taken_away(slow: Project, tmp_path: Path, kind: str) -> None:
    """Credentials among it: by the next command that has such a folder, which leaves those of the living alone."""
    place, other = tmp_path / "place", tmp_path / "other"
    place.mkdir(mode=0o700)
    other.mkdir()
    memory = {"XDG_RUNTIME_DIR": str(place)} if kind == "memory" else {}
    own = {"TMPDIR": str(place if kind == "folder" else other), "TOKEN": "CANARY-token", **memory}
    slow.environ = {**slow.environ, **own}
    slow.write("envbuild.yaml", "secrets: {index: {env: TOKEN, for: ['https://index.example/']}}")
    with _started(slow, "apply") as process:
        slow.run("doctor", "--offline", check=None)
        (found,) = place.rglob("credentials.toml")
        assert "CANARY-token" in found.read_text()
        process.kill()
        process.wait()
    assert found.exists()
    slow.run("doctor", "--offline", check=None)
    assert list(place.iterdir()) == []


def test_what_outlives_a_killed_apply_cannot_harm_the_next_one(slow: Project) -> None:
    """A setup command whose apply was killed is ended, or waited for: it never writes into the next one's prefix."""
    slow.write(
        "manifests/slow.yaml",
        """
        setup:
          - echo $$ > "$HOME/started"; test -e "$HOME/go" || sleep 3; echo x >> "$VIRTUAL_ENV/pyvenv.cfg"
        """,
    )
    with _started(slow, "apply") as process:
        process.kill()
        process.wait()
        (_home(slow) / "go").touch()
        child = _pid(slow)
        slow.run("apply")
        _wait_for(lambda: not _alive(child))
    assert slow.run("plan").out.startswith("No changes.")


def test_a_second_apply_is_refused_while_one_is_at_work(slow: Project) -> None:
    """Exit code 3 and the process that holds the project; the first is not disturbed, and plan still answers."""
    with _started(slow, "apply") as process:
        refused = slow.run("apply", check=3)
        assert f"process {process.pid}" in refused.err
        assert actions(slow) == {"slow": "create"}
        (_home(slow) / "go").touch()
        process.communicate(timeout=_PATIENCE_SECONDS)
        assert process.returncode == 0
    apply_twice(slow)


def test_a_plan_that_another_apply_has_overtaken_does_no_harm(project: Project) -> None:
    """Planned before, applied after: it is refused as stale or finds the work done; it never speaks of damage."""
    project.write("manifests/a.yaml", "variables:\n  ONE: '1'\n")
    script = """
import os, subprocess, sys
from envbuild.errors import RefusedError
from envbuild.project import Project
project = Project.load(".")
planned = project.plan()
subprocess.run([sys.executable, "-m", "envbuild", "apply", "-q"], check=True, stdout=subprocess.DEVNULL)
try:
    summary = project.apply(planned, lambda event: None, jobs=1)
except RefusedError:
    sys.exit(0)
sys.exit(1 if summary.failed else 0)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=project.path, env=dict(project.environ), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert [record["version"] for record in project.json("history", "a")["records"]] == [1]
