"""`show --image`: what an image is made of, told by the registry that has it, or by the engine that keeps it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.engine import Engine
from support.registry import Registry
from support.services import require
from support.shelf import Shelf

_URL = "https://me:hunter2@example.com/"
_MORE = """\
  build: ["echo built > /x"]
  labels: {team: growth}
  user: nobody
  workdir: /srv
  entrypoint: [/bin/echo, it is]
"""


@pytest.fixture
def shelf(engine: Engine, tmp_path: Path, uv_cache: Path) -> Iterator[Shelf]:
    require("registry")
    with Registry(tmp_path / "registry") as registry:
        shelf = Shelf(tmp_path, uv_cache, engine, registry)
        users = "RUN mkdir -p /etc; echo root:x:0:0::/:/bin/sh > /etc/passwd; echo root:x:0: > /etc/group"
        base = shelf.base(f"ENV INDEX={_URL}", f"LABEL index={_URL}", f"RUN echo {_URL}", users)
        shelf.web(base, "1", _MORE)
        yield shelf


def shown(shelf: Shelf, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = shelf.project.json("show", *words, "--image")["image"]
    return found


def test_an_image_of_a_registry(shelf: Shelf) -> None:
    """Whole as JSON; by its digest, whatever became of tags, and with the Dockerfile of its record."""
    shelf.project.run("apply", "-q")
    digest = shelf.digest("v1")
    told = shown(shelf, "web@1")
    home = f"{shelf.registry.server}/team/web"
    assert (told["environment"], told["version"], told["repository"]) == ("web", 1, home)
    assert (told["reference"], told["digest"], told["names"]) == (f"{home}@{digest}", digest, [f"{home}:v1"])
    assert told["annotations"]["org.opencontainers.image.version"] == "1"
    (one,) = told["platforms"]
    assert (one["platform"], one["digest"], one["size"]) == ("linux/amd64", digest, told["size"])
    assert (one["entrypoint"], one["command"]) == (["/bin/echo", "it is"], ["cat", "/Dockerfile"])
    assert (one["user"], one["workdir"]) == ("nobody", "/srv")
    assert one["labels"] == {"index": "https://***@example.com/", "team": "growth"}
    assert {"VALUE=1", "INDEX=https://***@example.com/"} <= {*one["env"]}
    assert "hunter2" not in str(told)
    layers = shelf.manifest("v1")["layers"]
    assert [(layer["digest"], layer["size"]) for layer in one["layers"]] == [
        (layer["digest"], layer["size"]) for layer in layers
    ]
    assert any("echo built > /x" in layer["made_by"] for layer in one["layers"])
    assert told["dockerfile"].startswith("# Rendered by envbuild.")
    assert shown(shelf, "web") == told


def test_as_text(shelf: Shelf) -> None:
    """For people, with every secret of a URL masked, also in steps of a base."""
    shelf.project.run("apply", "-q")
    lines = shelf.project.run("show", "web", "--image").out.splitlines()
    assert lines[0] == "web  version 1"
    assert f"  digest      {shelf.digest('v1')}" in lines
    assert "  entrypoint  /bin/echo 'it is'" in lines
    at = lines.index("  label       index=https://***@example.com/")
    assert lines[at + 1] == "              team=growth"
    at = lines.index("Layers of linux/amd64")
    assert lines[at + 1].split() == ["layer", "size", "made", "by"]
    assert "USER root" in lines[lines.index("Dockerfile") :]
    assert "hunter2" not in "\n".join(lines)


def test_an_image_that_an_engine_keeps(shelf: Shelf) -> None:
    """The same of one that was never pushed; gone, it is told so."""
    shelf.project.run("apply", "-q", "--no-push")
    told = shown(shelf, "web@1")
    (one,) = told["platforms"]
    assert told["reference"] == told["digest"] == one["digest"]
    assert (one["platform"], one["user"]) == ("linux/amd64", "nobody")
    assert any("echo built > /x" in layer["made_by"] for layer in one["layers"])
    shelf.engine.docker("image", "rm", "--force", told["digest"])
    (error,) = shelf.project.json("show", "web@1", "--image", check=1)["errors"]
    assert error["message"] == "web@1 was not pushed, and is not in this machine's engine"


def test_what_only_the_registry_knows(shelf: Shelf) -> None:
    """Without records: by its number, by the latest, and by its content; what is no image, or not there, is told."""
    shelf.project.run("apply", "-q")
    told = shown(shelf, "web@1")
    other = shelf.elsewhere("other")
    for words in ("web@1", "web@latest", "web"):
        found = other.json("show", words, "--image")["image"]
        assert found == {**told, "dockerfile": ""}
    (error,) = other.json("show", "web@7", "--image", check=64)["errors"]
    home = f"{shelf.registry.server}/team/web"
    assert error["message"] == f"'web' has no version '7', neither in the records nor in {home}"
    assert error["hint"] == "known are: 1"
    other.write("manifests/here.yaml", "builder: local\n")
    (error,) = other.json("show", "here", "--image", check=64)["errors"]
    assert error["message"] == "'here' is no image: its builder is 'local'"
