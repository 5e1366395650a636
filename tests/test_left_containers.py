"""A container in which an image is tried is gone with who began it, or with the next one who tries any."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.imaging import Imaging
from support.project import Project

_SECONDS = 60


@pytest.fixture
def waiting(imaging: Imaging) -> Imaging:
    """With a test that takes its time."""
    imaging.image("web", "hello", "test: {commands: ['sleep 7351']}\n")
    imaging.project.run("lock")
    return imaging


def containers(imaging: Imaging) -> set[str]:
    told = imaging.engine.docker(
        "ps", "--no-trunc", "--format={{.ID}} {{.Command}}", "--filter=label=dev.envbuild=test"
    )
    return {line.split()[0] for line in told.splitlines() if "sleep 7351" in line}


@contextmanager
def applying(imaging: Imaging, project: Project) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Until it waits in its container, whose id is given; whatever is left then is ended."""
    before = containers(imaging)
    command = [sys.executable, "-m", "envbuild", "apply", "web"]
    with subprocess.Popen(
        command,
        cwd=project.path,
        env=project.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield process, _new(imaging, before)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_SECONDS)


def _new(imaging: Imaging, before: set[str]) -> str:
    until = time.monotonic() + _SECONDS
    while not (found := containers(imaging) - before) and time.monotonic() < until:
        time.sleep(0.1)
    (one,) = found
    return one


def test_what_a_killed_apply_leaves_is_removed_by_the_next(waiting: Imaging) -> None:
    """But not what another one, which is alive, has begun."""
    with applying(waiting, waiting.project) as (process, left):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(_SECONDS)
    assert left in containers(waiting)
    with applying(waiting, waiting.project) as (_, alive):
        assert left not in containers(waiting)
        other = Project(waiting.project.path.with_name("other"), waiting.project.environ)
        for path in ("envbuild.yaml", "manifests/web.yaml", "locks/web.conda-lock.yml"):
            other.write(path, waiting.project.read(path))
        with applying(waiting, other):
            assert alive in containers(waiting)
    assert containers(waiting) == set()
