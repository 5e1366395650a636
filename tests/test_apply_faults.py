"""Bad days of a registry while images are planned and pushed: others go on, nothing is recorded that is not served."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.front import Fault, Front, answers, hangs_up, loses_reply
from support.registry import Registry
from support.shelf import Shelf

_BLOBS = "/v2/team/bad/blobs/uploads/"
_MANIFESTS = "/v2/team/bad/manifests/"
_ALWAYS = 1000


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


def two(shelf: Shelf) -> Shelf:
    """Two images, each with a layer of its own."""
    base = shelf.base()
    for name in ("bad", "good"):
        shelf.web(base, "1", f"  build: ['echo {name} > /x']\n", name=name)
    shelf.project.run("lock")
    return shelf


@pytest.fixture
def shelf(containerd_engine: Engine, registry: Registry, front: Front, tmp_path: Path, uv_cache: Path) -> Shelf:
    """Pushed from a file, by ourselves."""
    return two(Shelf(tmp_path, uv_cache, containerd_engine, registry, front.address))


@pytest.fixture
def old_shelf(engine: Engine, registry: Registry, front: Front, tmp_path: Path, uv_cache: Path) -> Shelf:
    """Pushed by the engine."""
    return two(Shelf(tmp_path, uv_cache, engine, registry, front.address))


def check_mended(shelf: Shelf, front: Front) -> None:
    """One was made and recorded, of the other nothing is; the next apply makes it, and then there is nothing to do."""
    assert shelf.project.json("history", "good")["records"][0]["version"] == 1
    assert "'bad' was never built" in shelf.project.run("history", "bad", check=64).err
    assert "v1" not in shelf.tags("team/bad")
    front.forget()
    again = shelf.project.json("apply")
    assert [(step["environment"], step["result"]) for step in again["steps"]] == [("bad", "done")]
    record = shelf.project.json("history", "bad")["records"][0]
    assert (record["version"], record["reference"].rpartition("@")[2]) == (1, shelf.digest("v1", "team/bad"))
    assert shelf.project.json("plan", "--refresh")["steps"] == []


_LASTING: dict[str, tuple[Fault, str]] = {
    "401": (answers(401), "lets nobody at"),
    "403": (answers(403), "lets nobody at"),
    "429": (answers(429, Retry_After="1"), "answers 429 for"),
    "500": (answers(500), "answers 500 for"),
    "reset": (hangs_up, "does not answer"),
}


@pytest.mark.parametrize(
    ("kind", "path"), [*((kind, _BLOBS) for kind in _LASTING), ("403", _MANIFESTS), ("reset", _MANIFESTS)]
)
def test_a_fault_that_stays(shelf: Shelf, front: Front, kind: str, path: str) -> None:
    """Where layers go, and where manifests do: one environment fails, in plain words and with what to do."""
    fault, words = _LASTING[kind]
    front.inject(fault, "POST" if path == _BLOBS else "PUT", path, times=_ALWAYS)
    told = shelf.project.json("apply", check=1)
    assert {step["environment"]: step["result"] for step in told["steps"]} == {"bad": "failed", "good": "done"}
    (error,) = told["errors"]
    assert words in error["message"]
    assert error["hint"]
    check_mended(shelf, front)


_PASSING: dict[str, Fault] = {
    "429": answers(429, Retry_After="1"),
    "500": answers(500),
    "reset": hangs_up,
    "lost": loses_reply,
}


@pytest.mark.parametrize("kind", _PASSING)
def test_a_fault_that_passes(shelf: Shelf, front: Front, kind: str) -> None:
    """It is waited for, and nobody hears of it."""
    for method, path in (("POST", _BLOBS), ("PATCH", _BLOBS), ("PUT", _MANIFESTS)):
        front.inject(_PASSING[kind], method, path)
    assert [step["result"] for step in shelf.project.json("apply")["steps"]] == ["done", "done"]
    assert shelf.project.json("plan", "--refresh")["steps"] == []


@pytest.mark.parametrize("status", [401, 403])
def test_an_engine_that_is_not_let_in(old_shelf: Shelf, front: Front, status: int) -> None:
    """What pushes may be the engine: its refusal is told as ours is."""
    front.inject(answers(status), "POST", _BLOBS, times=_ALWAYS)
    told = old_shelf.project.json("apply", check=1)
    assert {step["environment"]: step["result"] for step in told["steps"]} == {"bad": "failed", "good": "done"}
    (error,) = told["errors"]
    assert error["message"] == f"{front.address} does not let the engine push to team/bad"
    assert error["hint"] == f"run 'docker login {front.address}'"
    check_mended(old_shelf, front)


def test_a_tag_that_is_not_kept(shelf: Shelf, front: Front) -> None:
    """What was pushed stays; without its number it is not recorded, and is adopted the next time."""
    front.inject(answers(403), "PUT", f"{_MANIFESTS}v1", times=_ALWAYS)
    told = shelf.project.json("apply", check=1)
    assert {step["environment"]: step["result"] for step in told["steps"]} == {"bad": "failed", "good": "done"}
    front.forget()
    (step,) = shelf.project.json("plan")["steps"]
    assert (step["environment"], step["action"], step["version"]) == ("bad", "adopt", 1)
    front.inject(answers(403), "PUT", f"{_MANIFESTS}v1", times=_ALWAYS)
    shelf.project.run("apply", check=1)
    check_mended(shelf, front)


@pytest.mark.parametrize("kind", _LASTING)
def test_a_registry_that_cannot_be_asked(shelf: Shelf, front: Front, kind: str) -> None:
    """There is no plan then, unless records alone are to decide; nothing is built or written."""
    fault, words = _LASTING[kind]
    front.inject(fault, "", "", times=_ALWAYS)
    (error,) = shelf.project.json("apply", check=1)["errors"]
    assert words in error["message"]
    assert "'--no-refresh'" in error["hint"]
    assert [step["action"] for step in shelf.project.json("plan", "--no-refresh")["steps"]] == ["create", "create"]
    assert shelf.project.json("history", "good", check=64)["errors"]
    front.forget()
    shelf.project.run("apply")
    front.inject(fault, "", "", times=_ALWAYS)
    front.log.clear()
    assert shelf.project.json("plan")["steps"] == []
    assert front.log == []  # what records answer is asked of nobody
    (error,) = shelf.project.json("plan", "--refresh", check=1)["errors"]
    assert words in error["message"]


def test_a_registry_that_is_down(shelf: Shelf) -> None:
    """Nobody listens there any more."""
    shelf.project.write("envbuild.yaml", "registry: 127.0.0.1:1/team\nplatforms: [linux-64]\nbuilder: docker\n")
    for command in ("plan", "apply"):
        (error,) = shelf.project.json(command, check=1)["errors"]
        assert error["message"] == "the registry 127.0.0.1:1 does not answer: Connection refused"
        assert "'--no-refresh'" in error["hint"]
    assert shelf.project.run("plan", "--no-refresh").code == 0
