"""`promote` and `pull`, with a real registry and a real engine: nothing is uploaded, all is had by its digest."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.front import Front
from support.registry import Registry
from support.services import require
from support.shelf import Shelf


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    require("registry")
    with Registry(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


@pytest.fixture
def shelf(engine: Engine, registry: Registry, front: Front, tmp_path: Path, uv_cache: Path) -> Shelf:
    """Two versions of `web`, in a registry that is spoken to through a front."""
    shelf = Shelf(tmp_path, uv_cache, engine, registry, front.address)
    base = shelf.base()
    for value in ("1", "2"):
        shelf.web(base, value)
        shelf.project.run("apply", "-q")
    return shelf


def test_a_version_gets_further_tags(shelf: Shelf, front: Front) -> None:
    """What each stood for is told first; no blob is asked for or sent, and what stands so already is left alone."""
    web = f"{front.address}/team/web"
    front.log.clear()
    told = shelf.project.run("promote", "web@1", "--tag", "prod", "--tag", "stable").out
    assert told == f"{web}:prod -> v1 (new)\n{web}:stable -> v1 (new)\n"
    assert shelf.digest("prod") == shelf.digest("stable") == shelf.digest("v1")
    told = shelf.project.run("promote", "web@latest", "--tag", "prod", "--tag", "stable").out
    assert told == f"{web}:prod -> v2 (was v1)\n{web}:stable -> v2 (was v1)\n"
    assert (front.count("PUT"), front.count("", "/blobs/")) == (4, 0)
    found = shelf.project.json("promote", "web@2", "--tag", "prod")
    first, second = shelf.digest("v1"), shelf.digest("v2")
    assert found["tags"] == [{"name": f"{web}:prod", "digest": second, "before": {"digest": second, "version": 2}}]
    assert front.count("PUT") == 4
    assert shelf.project.run("plan", "--refresh").out == "No changes. 1 environment is up to date.\n"
    assert first != second
