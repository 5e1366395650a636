"""Ctrl-C while images are on their way: what waits behind the one that is pushed is left, and the next apply works."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.front import Ask, Front
from support.loopback import Reply, Request
from support.registry import Registry
from support.shelf import Shelf

_NAMES = ("a", "b", "c", "d")
_AGES = 120.0
_SOON = 10.0  # a builder that is told to end is given five seconds for it


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


@pytest.fixture
def shelf(containerd_engine: Engine, registry: Registry, front: Front, tmp_path: Path, uv_cache: Path) -> Shelf:
    """Four images, each with a layer of its own, pushed from files by ourselves."""
    shelf = Shelf(tmp_path, uv_cache, containerd_engine, registry, front.address)
    base = shelf.base()
    for name in _NAMES:
        shelf.web(base, "1", f"  build: ['echo {name} > /x']\n", name=name)
    shelf.project.run("lock")
    return shelf


def says_nothing(_request: Request, _ask: Ask) -> Reply:
    return Reply(silence=_AGES)


def test_nothing_more_is_shipped_once_a_stop_is_asked_for(shelf: Shelf, front: Front) -> None:
    """The first is being pushed to a registry that hears nothing, and others stand in line: it ends soon."""
    front.inject(says_nothing, "PATCH", "/v2/team/a/blobs/uploads/", times=99)
    command = [sys.executable, "-m", "envbuild", "apply", "-j", "1", "--push-jobs", "1", "--progress", "jsonl"]
    with subprocess.Popen(
        command, cwd=shelf.project.path, env=dict(shelf.project.environ), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            _hear(process, "d")
            while not front.count("PATCH", "/v2/team/a/"):
                time.sleep(0.05)
            clock = time.monotonic()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=_AGES / 2)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert (process.returncode, time.monotonic() - clock < _SOON) == (130, True), out + err
    assert {name: shelf.tags(f"team/{name}") for name in _NAMES} == {name: set() for name in _NAMES}
    for name in _NAMES[:3]:
        assert shelf.project.run("logs", name).out.splitlines()[-1] == "envbuild: interrupted"
    front.forget()
    again = shelf.project.json("apply")["steps"]
    assert [(step["environment"], step["action"], step["result"]) for step in again] == [
        (name, "create", "done") for name in _NAMES
    ]
    assert shelf.project.json("plan", "--refresh")["steps"] == []


def _hear(process: "subprocess.Popen[str]", name: str) -> None:
    """Until work on this one begins: whatever was to be built before has been."""
    assert process.stderr is not None
    for line in process.stderr:
        told = json.loads(line)
        if (told["event"], told.get("environment")) == ("started", name):
            return
