"""Runs of a project, as tests read them, and commands that go on while a test looks."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .project import Project

_TIMEOUT_SECONDS = 60.0


def runs(project: Project, *words: str) -> list[dict[str, Any]]:
    """What `runs --json` tells, newest first."""
    found: list[dict[str, Any]] = project.json("runs", *words)["runs"]
    return found


def latest(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = project.json("runs", "show", "latest")["runs"][0]
    return found


def wait_for(holds: Callable[[], object], seconds: float = _TIMEOUT_SECONDS) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"after {seconds} s it does not hold"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123 - not a file
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def running(
    project: Project, *words: str, env: Mapping[str, str] | None = None, ready: str = "ready"
) -> Iterator["subprocess.Popen[str]"]:
    """`envbuild run …`, once its command has said that it is ready."""
    command = [sys.executable, "-m", "envbuild", "run", *words]
    with subprocess.Popen(
        command,
        cwd=project.path,
        env={**project.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == f"{ready}\n"
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.communicate()
