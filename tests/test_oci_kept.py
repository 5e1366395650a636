"""Images of builder `oci` that no registry has: on this user's shelf, and in the folders and files of `--output`."""

import json
import shutil
import tarfile
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from support.assembling import World
from support.index import Index
from support.registry import Registry

from envbuild.image.manifests import Manifest
from envbuild.image.stacking import Expected
from envbuild.image.validate import validate


@pytest.fixture
def pushing(registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    return World(tmp_path, uv_cache, index, registry.server)


@pytest.fixture
def world(registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    """Whose images are pushed nowhere."""
    return World(tmp_path, uv_cache, index, registry.server, pushes=False)


def reference(world: World, name: str = "web") -> str:
    return str(world.project.json("history", name)["records"][0]["reference"])


def judge(files: dict[str, bytes], base: int = 1) -> dict[str, Any]:
    """Hold the one image of a layout against all that it is to be; how the layout names it."""
    (entry,) = json.loads(files["index.json"])["manifests"]
    blobs = {f"sha256:{path.rpartition('/')[2]}": data for path, data in files.items() if path.startswith("blobs/")}
    root = Manifest(blobs[entry["digest"]], entry["mediaType"])
    validate(root, lambda digest: closing(BytesIO(blobs[digest])), Expected(base=base, seconds=0))
    return dict(entry)


def in_folder(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_tar(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar if one.isreg()}  # type: ignore[union-attr]


def test_without_a_registry_it_stays_on_the_shelf(world: World) -> None:
    """An OCI layout that names it; it is shown, promoted, up to date, and restored the same when the shelf is gone."""
    world.write("web", world.base(), "alpha")
    world.apply()
    kept = reference(world)
    digest = kept.removeprefix("oci@")
    shelf = Path(world.project.environ["ENVBUILD_STORE"], "images")
    named = {one["annotations"]["org.opencontainers.image.ref.name"]: one["digest"] for one in entries(shelf)}
    assert named == {digest: digest, "web:v1": digest}
    assert world.changes("--refresh") == {}
    shown = world.project.json("show", "web", "--image")["image"]
    assert (shown["digest"], shown["platforms"][0]["digest"]) == (kept, digest)
    assert "kept by     this user's store of images" in world.project.run("show", "web", "--image").out
    assert world.project.run("promote", "web@1", "--tag", "prod").out == "web:prod -> v1 (new)\n"
    assert {one["annotations"]["org.opencontainers.image.ref.name"] for one in entries(shelf)} == {*named, "web:prod"}
    shutil.rmtree(shelf)
    assert world.changes("--refresh") == {"web": "restore"}
    world.apply("--refresh")
    assert reference(world) == kept
    assert world.changes("--refresh") == {}


def entries(shelf: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shelf / "index.json").read_bytes())["manifests"]
    return found


def test_what_was_not_pushed_is_pushed_later(pushing: World) -> None:
    """With `--no-push` the registry hears nothing of it; without, it gets the very same image."""
    pushing.write("web", pushing.base(), "alpha")
    pushing.apply("--no-push")
    kept = reference(pushing)
    assert pushing.served().tags() == set()
    pushing.apply()
    assert f"oci@{pushing.digest()}" == kept
    pushing.judge()


def test_written_besides(pushing: World) -> None:
    """Into a folder that holds many, and into archives of both forms: sound, named, and the same when written again."""
    pushing.write("web", pushing.base(), "alpha")
    out = pushing.project.path / "out"
    outputs = ("oci:out/oci", "oci-archive:out/web.oci.tar", "docker-archive:out/web.tar")
    args = [word for one in outputs for word in ("--output", one)]
    pushing.apply(*args)
    name = f"{pushing.server}/team/web:v1"
    before = in_folder(out)
    written = in_folder(out / "oci")
    assert judge(written)["annotations"]["org.opencontainers.image.ref.name"] == name
    archive = in_tar(out / "web.oci.tar")
    assert judge(archive) == judge(written)
    docker = in_tar(out / "web.tar")
    (listed,) = json.loads(docker["manifest.json"])
    assert listed["RepoTags"] == [name]
    assert {listed["Config"], *listed["Layers"]} < docker.keys()
    assert judge({path: data for path, data in docker.items() if path != "manifest.json"})["digest"] == pushing.digest()
    again = pushing.project.run("apply", *args).out
    assert again.splitlines() == [
        "No changes. 1 environment is up to date.",
        *(f"wrote    {one}  {name}" for one in outputs),
    ]
    assert in_folder(out) == before


def test_several_in_one_folder(world: World) -> None:
    """With no registry either, and under its own name each; what they share is there once."""
    base = world.base()
    for name in ("a", "b"):
        world.write(name, base, "alpha", image=f"  labels: {{name: {name}}}\n")
    world.apply("--output", "oci:all")
    named = entries(world.project.path / "all")
    assert [one["annotations"]["org.opencontainers.image.ref.name"] for one in named] == ["a:v1", "b:v1"]
    assert len([*(world.project.path / "all/blobs/sha256").iterdir()]) == 3 + 2 * 2
    told = world.project.run("apply", "--output", "oci-archive:all.tar", check=64).err
    assert told.startswith(
        "error: oci-archive:all.tar holds one image, and 2 are selected\n  hint: name one environment"
    )
    world.apply("a", "--output", "oci-archive:a.tar")
    assert judge(in_tar(world.project.path / "a.tar"))["annotations"] == named[0]["annotations"]


@pytest.mark.parametrize("wrong", ["oci", "oci:", "tar:web.tar", "docker-daemon:web", ""])
def test_no_output(world: World, wrong: str) -> None:
    """What has another form is refused before anything is built."""
    world.write("web", "localhost:1/a", "alpha")
    told = world.project.run("apply", "--output", wrong, check=64).err
    assert f"'{wrong}' is no output" in told
    assert "oci:DIR, oci-archive:FILE or docker-archive:FILE" in told
    assert not (world.project.path / "locks").exists()


def test_where_nothing_can_be_written(world: World) -> None:
    """A folder of somebody's, a file in the way, an index for Docker: it is told, and nothing is half written."""
    world.settings(platforms="[linux-64, linux-aarch64]")
    world.write("web", world.base(arm=True), "alpha")
    world.project.write("mine/notes.txt", "mine\n")
    world.apply()
    for output, said in {
        "oci:mine": "is no OCI layout: it has no 'oci-layout', and is not empty",
        "oci:mine/notes.txt": "cannot be written",
        "oci-archive:mine/notes.txt/web.tar": "cannot be written",
        "docker-archive:web.tar": "a file for 'docker load' holds one image, and this is an index of 2",
    }.items():
        told = world.project.run("apply", "--output", output, check=1).err
        assert said in told
        assert "hint: " in told
    assert [path.name for path in (world.project.path / "mine").iterdir()] == ["notes.txt"]
    assert not [*world.project.path.glob("*.tar")]
    world.project.write("manifests/here.yaml", "builder: local\n")
    told = world.project.run("apply", "here", "--output", "oci:out", check=64).err
    assert told.startswith("error: nothing of what is selected is an image for oci:out")
