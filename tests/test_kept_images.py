"""Images of builder `oci` where they are kept and written: on the shelf of a user, in files, joined in a registry."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.layered import Shelf, layer
from support.project import Project
from support.registry import Registry
from support.services import require

from envbuild.registry import Line
from envbuild.registry.client import Registry as Client
from envbuild.registry.copying import Target, push

_PLATFORMS = "[linux-aarch64, linux-64]"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A registry with a base of two platforms."""
    require("registry")
    with Registry(tmp_path / "registry") as registry, Client(registry.server, Line({})) as client:
        shelf = Shelf()
        images = {one: shelf.image(layer("usr/"), architecture=one) for one in ("amd64", "arm64")}
        push(shelf, shelf.index(**images), Target(client, "base"), ("1",))
        yield registry.server


def written(project: Project, server: str, platforms: str = "[linux-64]", registry: str = "") -> Project:
    settings = f"builder: oci\nplatforms: {platforms}\n"
    project.write("envbuild.yaml", f"registry: {registry}\n{settings}" if registry else settings)
    project.write("manifests/web.yaml", f"variables: {{A: b}}\nimage: {{base: '{server}/base:1', command: [web]}}\n")
    return project


def digest(project: Project) -> str:
    return str(project.json("show", "web", "--image")["image"]["digest"])


def test_what_keeps_an_image_is_told(project: Project, server: str) -> None:
    """It is no engine."""
    written(project, server).run("apply")
    told = project.run("show", "web", "--image").out
    assert re.search("^  kept by +this user's store of images$", told, re.MULTILINE)


def test_a_name_that_stands_is_not_told_as_new(project: Project, server: str) -> None:
    """Tags on the shelf say what they stood for, by version, as those of a registry do."""
    written(project, server).run("apply")
    assert project.run("promote", "web@1", "--tag", "prod").out == "web:prod -> v1 (new)\n"
    assert project.run("promote", "web@1", "--tag", "prod").out == "web:prod -> v1 (as before)\n"
    project.write("manifests/web.yaml", project.read("manifests/web.yaml").replace("b}", "c}", 1))
    project.run("apply")
    assert project.run("promote", "web@2", "--tag", "prod").out == "web:prod -> v2 (was v1)\n"


def test_one_platform_of_several_is_written(project: Project, server: str, tmp_path: Path) -> None:
    """A file for `docker load` holds one: the one that is wished for; without a wish it is told how to."""
    written(project, server, _PLATFORMS).run("apply")
    output = f"docker-archive:{tmp_path / 'web.tar'}"
    assert "choose a platform with '--platform'" in project.run("apply", "--output", output, check=1).err
    for platform, architecture in (("linux-64", "amd64"), ("linux-aarch64", "arm64")):
        project.run("apply", "--platform", platform, "--output", output)
        assert _loaded(tmp_path / "web.tar")["architecture"] == architecture


def _loaded(file: Path) -> dict[str, str]:
    """How the image of a file is configured."""
    with tarfile.open(file) as tar:
        members = {one.name: one for one in tar}
        (stated,) = json.load(tar.extractfile(members["manifest.json"]))  # type: ignore[arg-type]
        found: dict[str, str] = json.load(tar.extractfile(members[stated["Config"]]))  # type: ignore[arg-type]
    return found


def test_joined_or_made_at_once_an_image_is_the_same(project: Project, server: str, tmp_path: Path) -> None:
    """Whichever machines made its platforms, and in whatever order a manifest names them."""
    written(project, server, _PLATFORMS, f"{server}/one").run("apply")
    (tmp_path / "other").mkdir()
    other = written(Project(tmp_path / "other", project.environ), server, _PLATFORMS, f"{server}/two")
    for platform in ("linux-64", "linux-aarch64"):
        other.run("apply", "--platform", platform)
    other.run("publish", "web")
    assert digest(other) == digest(project)
    assert other.run("verify", "web").out.startswith("web@1 is what its lock makes")


def test_what_needs_no_lock_is_verified(project: Project) -> None:
    """An image of nothing but what is copied has none: it is made again all the same."""
    project.write("envbuild.yaml", "builder: oci\nplatforms: [linux-64]\n")
    project.write("app.py", "print(1)\n")
    project.write("manifests/web.yaml", "image: {base: scratch, copy: [{from: ../app.py, to: /srv/}]}\n")
    project.run("apply")
    assert project.run("verify", "web").out.startswith("web@1 is what its lock makes")
