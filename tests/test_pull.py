"""`pull`: an image into the engine of this machine, by its digest and with its names, or a plain word why not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.front import Front, answers
from support.registry import Registry
from support.shelf import Shelf


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


@pytest.fixture
def shelf(engine: Engine, registry: Registry, front: Front, tmp_path: Path, uv_cache: Path) -> Shelf:
    """`web` in two versions, of which the engine has nothing any more."""
    shelf = Shelf(tmp_path, uv_cache, engine, registry, front.address)
    base = shelf.base()
    for value in ("1", "2"):
        shelf.web(base, value, more="publish: {tags: [newest]}\n")
        shelf.project.run("apply", "-q")
    clear(shelf)
    return shelf


def clear(shelf: Shelf) -> None:
    ids = shelf.engine.docker("image", "ls", "--quiet", "--no-trunc", f"{shelf.address}/team/web").split()
    if ids:
        shelf.engine.docker("image", "rm", "--force", *set(ids))


def ran(shelf: Shelf, name: str) -> str:
    """What the variable of an image is, in a container of it."""
    return shelf.engine.docker("run", "--rm", name, "sh", "-c", "echo $VALUE").strip()


def test_a_version_and_what_is_said_now(shelf: Shelf) -> None:
    """Under the names that it was given and still has; what is asked for again is there already."""
    web = f"{shelf.address}/team/web"
    assert shelf.project.run("pull", "web@1").out == f"{web}:v1\n"
    assert ran(shelf, f"{web}:v1") == "1"
    told = shelf.project.json("pull", "web")
    assert (told["version"], told["platform"], told["names"]) == (2, "linux/amd64", [f"{web}:v2", f"{web}:newest"])
    assert told["reference"] == f"{web}@{shelf.digest('v2')}"
    assert ran(shelf, f"{web}:newest") == ran(shelf, told["id"]) == "2"
    assert shelf.project.json("pull", "web") == told


def test_without_records(shelf: Shelf) -> None:
    """By its number, and by its content."""
    other, web = shelf.elsewhere("other"), f"{shelf.address}/team/web"
    assert other.run("pull", "web@1").out == f"{web}:v1\n"
    assert other.run("pull", "web").out == f"{web}:v2\n"
    assert (ran(shelf, f"{web}:v1"), ran(shelf, f"{web}:v2")) == ("1", "2")


def test_progress_is_told(shelf: Shelf) -> None:
    """As events of a work of its own."""
    lines = shelf.project.run("pull", "web", "--progress", "jsonl").err.splitlines()
    assert all('"work": "pull"' in line for line in lines)
    assert [line.split('"')[3] for line in lines if "progress" not in line] == ["begin", "started", "done", "end"]
    assert shelf.project.run("pull", "-q", "web").err == ""


@pytest.mark.parametrize(("status", "words"), [(401, "lets nobody at"), (403, "lets nobody at"), (404, "has no")])
def test_a_registry_that_refuses(shelf: Shelf, front: Front, status: int, words: str) -> None:
    """Exit 1, with what to do."""
    front.inject(answers(status), "", "/team/web/manifests/", times=1000)
    (error,) = shelf.project.json("pull", "web@1", check=1)["errors"]
    assert words in error["message"]
    assert error["hint"]


def test_an_engine_that_is_refused(shelf: Shelf, front: Front) -> None:
    """We are let in, and it is not: in the words of the engine, and ours."""
    front.inject(answers(500), "GET", "/team/web/", times=1000)
    (error,) = shelf.project.json("pull", "web@1", check=1)["errors"]
    assert "engine" in error["message"]
    assert error["hint"]


def test_no_engine(shelf: Shelf) -> None:
    """Told as one."""
    run = shelf.project.run("pull", "web@1", check=1, env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert "nowhere/docker.sock" in run.err
    assert "hint: " in run.err


def test_what_was_not_built(shelf: Shelf) -> None:
    """What the manifest says now is nowhere; and what was not pushed is here, or gone."""
    base = f"{shelf.registry.server}/base:1"
    shelf.web(base, "3")
    (error,) = shelf.project.json("pull", "web", check=1)["errors"]
    assert error["message"] == "'web' was not built as it is now"
    shelf.project.run("apply", "-q", "--no-push")
    web = f"{shelf.address}/team/web"
    assert shelf.project.run("pull", "web").out == f"{web}:v3\n"
    clear(shelf)
    (error,) = shelf.project.json("pull", "web", check=1)["errors"]
    assert error["message"] == "web@3 was not pushed, and is not in this machine's engine"
