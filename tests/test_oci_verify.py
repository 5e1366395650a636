"""Whether an image is what its lock makes, and what the images of a project share."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.assembling import World, made_by
from support.front import Front
from support.index import Index
from support.registry import Registry

from envbuild.builders.oci.cache import LayerCache
from envbuild.builders.oci.packing import Form
from envbuild.builders.oci.tree import Node
from envbuild.image import Entry
from envbuild.process import Programs


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


@pytest.fixture
def world(front: Front, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    return World(tmp_path, uv_cache, index, front.address)


def verified(world: World, name: str = "web", *, check: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = world.project.json("verify", name, check=check)["verified"]
    return found


def layers_of(world: World) -> Path:
    return Path(world.project.environ["XDG_CACHE_HOME"], "envbuild/layers")


def test_an_image_that_holds(world: World, front: Front) -> None:
    """Rebuilt of nothing that was made before, and held against each name; nothing is pushed, recorded or left."""
    world.write("web", world.base(), "alpha", "beta")
    world.apply()
    shutil.rmtree(layers_of(world))
    front.log.clear()
    before = world.project.tree()
    told = verified(world)
    digest, home = world.digest(), f"{world.server}/team/web"
    fingerprint = world.served().stated("v1")["annotations"]["dev.envbuild.fingerprint"]
    names = (f"@{digest}", f":fp-{fingerprint.replace(':', '-')}", ":v1")
    assert told == {
        "environment": "web",
        "version": 1,
        "holds": True,
        "rebuilt": digest,
        "places": [{"name": f"{home}{name}", "digest": digest} for name in names],
        "moved": [],
    }
    assert {one.method for one in front.log} <= {"GET", "HEAD"}
    assert _kept(world.project.tree()) == _kept(before)
    assert not layers_of(world).exists()
    assert world.project.run("verify", "web").out.splitlines() == [
        f"web@1 is what its lock makes: {digest}",
        *(f"  {home}{name}  the same" for name in names),
    ]
    other = world.elsewhere("other")
    assert verified(other)["rebuilt"] == digest


def _kept(tree: dict[str, str]) -> dict[str, str]:
    return {
        path: digest for path, digest in tree.items() if not path.startswith((".envbuild/cache/", ".envbuild/logs/"))
    }


def test_a_name_that_was_moved(world: World) -> None:
    """By whoever may write there: exit code 1, with the name and what stands there now, or that nothing does."""
    base = world.base()
    world.write("web", base, "alpha")
    world.write("job", base, "beta")
    world.apply()
    digest, other = world.digest(), world.digest("job")
    root = world.served("job").manifest("v1")
    _copy(world, "job", "web")
    world.served().put("v1", root)
    told = verified(world, check=1)
    assert (told["holds"], told["rebuilt"], told["moved"]) == (False, digest, [])
    assert [one["digest"] for one in told["places"]] == [digest, digest, other]
    lines = world.project.run("verify", "web", check=1).out.splitlines()
    assert lines[0] == "web@1 is not what its lock makes"
    assert lines[3:] == [f"  {world.server}/team/web:v1  {other}", f"  rebuilt  {digest}"]


def _copy(world: World, source: str, target: str) -> None:
    """Let a repository have what another one has, so that its manifest may be put there."""
    from support.registered import client

    from envbuild.registry.copying import copy

    with client(world.server) as (registry, _):
        copy((registry, f"team/{source}", "v1"), (registry, f"team/{target}"), ("copied",))


def test_a_layer_that_somebody_put_into_the_cache(world: World) -> None:
    """It looks like one that was made here, so it is pushed: who verifies sees which layer is not of its package."""
    base = world.base()
    world.write("web", base, "alpha", "beta")
    world.apply("--no-push")
    _forge(layers_of(world), "alpha 2.0")
    world.apply()
    world.judge()
    there = {one: layer["digest"] for layer in world.served().layers("v1") for one in made_by([layer])}
    assert "evil" in str([*world.served().files(there["alpha 2.0"])])
    told = verified(world, check=1)
    assert told["holds"] is False
    (moved,) = told["moved"]
    assert (moved["what"], moved["there"]) == ("linux/amd64 layer 2: alpha 2.0", there["alpha 2.0"])
    assert "  differs  linux/amd64 layer 2: alpha 2.0" in world.project.run("verify", "web", check=1).out.splitlines()


def _forge(folder: Path, made_by: str) -> None:
    """Another layer under the key of a package, sound in itself."""
    for ledger in folder.glob("*/ledger"):
        key, _, _, name, *_ = msgspec.msgpack.decode(ledger.read_bytes()[32:])
        if name == made_by:
            shutil.rmtree(ledger.parent)
            folders = [Node(Entry(path, "folder", 0o755)) for path in ("opt", "opt/env")]
            evil = Node(Entry("opt/env/evil", "file", 0o644, 5), b"evil\n")
            LayerCache(folder, Programs(), lambda _: None).add(key, (*folders, evil), Form("gzip"), name)


def test_what_cannot_be_verified(world: World) -> None:
    """Another builder's, what was never built, what is to be locked again, and what is there no more: each is told."""
    world.project.write("manifests/here.yaml", "builder: local\n")
    told = world.project.run("verify", "here", check=64).err
    assert told.startswith("error: 'here' cannot be verified: it is no image\n  hint: name one with 'builder: oci'")
    world.write("web", world.base(), "alpha")
    assert "the lock of 'web' is not current" in world.project.run("verify", "web", check=3).err
    world.apply("web")
    world.write("web", f"{world.server}/base/python:1", "alpha", image="  labels: {a: b}\n")
    assert "'web' was not built as it is now" in world.project.run("verify", "web", check=1).err
    world.write("web", f"{world.server}/base/python:1", "beta")
    assert "hint: run 'envbuild lock web'" in world.project.run("verify", "web", check=3).err


def test_what_a_project_shares(world: World, registry: Registry) -> None:
    """Each layer with its packages, and how many others have it; what all take, and would if nothing were shared."""
    base = world.base()
    world.write("web", base, "alpha", "beta")
    world.write("job", base, "alpha")
    world.write("kept", base, "alpha", "tool")
    world.write("later", base, "gamma")
    world.apply("web", "job")
    world.apply("kept", "--no-push")
    told = world.project.json("show", "web", "--image", "--layers")
    (one,) = told["image"]["platforms"]
    rows = [(layer["made_by"], layer["packages"], layer["also_in"]) for layer in one["layers"]]
    assert rows == [
        ("layer 0", [], 2),
        ("alpha 2.0", ["alpha 2.0"], 2),
        ("beta 1.0", ["beta 1.0"], 0),
        ("python 3.11.7 image", ["python 3.11.7 image"], 2),
    ]
    every = [world.project.json("show", name, "--image", "--layers")["image"] for name in ("web", "job", "kept")]
    sizes = [{layer["digest"]: layer["size"] for layer in image["platforms"][0]["layers"]} for image in every]
    stored = sum({digest: size for image in sizes for digest, size in image.items()}.values())
    unshared = sum(sum(image.values()) for image in sizes)
    assert told["project"] == {"images": 3, "stored": stored, "unshared": unshared, "untold": []}
    lines = world.project.run("show", "web", "--image", "--layers").out.splitlines()
    at = lines.index("Layers of linux/amd64")
    assert lines[at + 1].split() == ["layer", "size", "also", "in", "packages"]
    assert lines[at + 3].endswith("  2        alpha 2.0")
    assert lines[-1].startswith("3 images of the project: ")
    registry.delete("team/job", world.digest("job"))
    told = world.project.json("show", "web", "--image", "--layers")["project"]
    assert (told["images"], told["untold"]) == (2, ["job"])
