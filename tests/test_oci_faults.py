"""What goes wrong while an image is assembled and pushed is told; nothing is half made, and the next apply goes on."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.assembling import World
from support.front import Fault, Front, answers, waits
from support.index import Index
from support.registry import Registry

_PATIENCE_SECONDS = 60
_LARGE = os.urandom(3_000_000).hex()  # which takes a while to pack, and stays large


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


@pytest.fixture
def world(front: Front, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    index.add("large", "1.0", modules={"large/data.py": f"data = '{_LARGE}'\n"})
    world = World(tmp_path, uv_cache, index, front.address)
    world.write("web", world.base(), "alpha", "large")
    world.project.run("lock")
    return world


def nothing_stands(world: World) -> None:
    assert "was never built" in world.project.run("history", "web", check=64).err
    assert world.served().tags() == set()
    assert not (world.project.path / ".envbuild/work").exists()


def layers_of(world: World) -> Path:
    return Path(world.project.environ["XDG_CACHE_HOME"], "envbuild/layers")


_FAULTS: dict[str, tuple[Fault, str, str]] = {
    "an upload is refused": (answers(403), "PATCH", "/team/web/blobs/"),
    "the base is not given": (answers(403), "GET", "/base/python/blobs/"),
    "the manifest is refused": (answers(400), "PUT", "/team/web/manifests/fp-"),
}


@pytest.mark.parametrize("kind", _FAULTS)
def test_a_registry_that_fails_in_the_middle(world: World, front: Front, kind: str) -> None:
    """It is told in a sentence with a hint, with no tag and no record; once it answers again, it is sent the rest."""
    front.inject(*_FAULTS[kind], times=99)
    (error,) = world.apply(check=1)["errors"]
    assert front.address in error["message"]
    assert error["hint"]
    nothing_stands(world)
    front.forget()
    world.apply()
    world.judge()


def damage(folder: Path) -> set[Path]:
    """Change one byte of each layer, with neither another size nor another time."""
    found = {*folder.glob("*/layer")}
    for path in found:
        before, data = path.stat(), bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return found


def test_a_damaged_layer_is_never_sent(world: World, front: Front) -> None:
    """It is found by its hash before its first byte goes out, and made again: the registry gets what was meant."""
    world.apply("--no-push")
    kept = world.project.json("history", "web")["records"][0]["reference"]
    assert len(damage(layers_of(world))) == 3
    front.log.clear()
    world.apply()
    world.judge()
    assert f"oci@{world.digest()}" == kept


@contextlib.contextmanager
def applying(world: World) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "envbuild", "apply"], cwd=world.project.path, env=dict(world.project.environ),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_for(happens: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not happens():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.001)


_SIGNALS = {signal.SIGINT: 130, signal.SIGKILL: -9}


@pytest.mark.parametrize("sent", _SIGNALS)
@pytest.mark.parametrize("moment", ["packing", "pushing"])
def test_an_apply_that_is_ended(world: World, front: Front, moment: str, sent: signal.Signals) -> None:
    """While it packs, or sends: no layer is half there, no name and no record; the next apply does the rest."""
    front.inject(waits(3), "PATCH", "/team/web/blobs/", times=9)
    with applying(world) as process:
        if moment == "packing":
            wait_for(lambda: [*layers_of(world).glob(".new/*/layer")], process)
        else:
            wait_for(lambda: front.count("PATCH", "/team/web/blobs/"), process)
        process.send_signal(sent)
        _, told = process.communicate(timeout=_PATIENCE_SECONDS)
        assert process.returncode == _SIGNALS[sent], told
    assert "Traceback" not in told
    assert "was never built" in world.project.run("history", "web", check=64).err
    assert world.served().tags() == set()
    if sent != signal.SIGKILL:
        nothing_stands(world)
        assert not [*layers_of(world).glob(".new/*")]
    front.forget()
    world.apply()
    world.judge()
    assert not [*layers_of(world).glob(".new/*")]
    assert not (world.project.path / ".envbuild/work").exists()
