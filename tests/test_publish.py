"""Shares of several machines, pushed by `apply --platform`, and `publish`, which makes one image of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.registry import Registry
from support.services import require
from support.shelf import Shelf

_BOTH = "[linux-64, linux-aarch64]"
_PLATFORMS = ("linux-64", "linux-aarch64")


@pytest.fixture
def shelf(containerd_engine: Engine, tmp_path: Path, uv_cache: Path) -> Iterator[Shelf]:
    """Built by an engine that keeps several platforms, with what it attests of them."""
    require("registry")
    with Registry(tmp_path / "registry") as registry:
        shelf = Shelf(tmp_path, uv_cache, containerd_engine, registry, platforms=_BOTH)
        shelf.web(shelf.wide_base())
        shelf.project.run("lock")
        yield shelf


def shares(shelf: Shelf) -> dict[str, str]:
    """What is there under names of content, by how these end."""
    return {tag[len("fp-1-") + 64 :]: tag for tag in shelf.tags() if tag.startswith("fp-1-")}


def test_two_machines_make_one_image(shelf: Shelf) -> None:
    """Each pushes its share under a name of its own; a third, with no records, joins them and records the whole."""
    one, other, third = shelf.project, shelf.elsewhere("other"), shelf.elsewhere("third")
    one.run("apply", "--platform", "linux-64")
    other.run("apply", "--platform", "linux-aarch64")
    assert set(shares(shelf)) == {"-amd64", "-arm64"} == {tag[69:] for tag in shelf.tags()}
    done = third.json("publish", "web")
    assert [(step["result"], step["version"]) for step in done["steps"]] == [("done", 1)]
    assert set(shares(shelf)) == {"", "-amd64", "-arm64", "-parts"}
    whole = shelf.manifest("v1")
    images = [entry for entry in whole["manifests"] if entry["platform"]["os"] == "linux"]
    assert [entry["platform"] for entry in images] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]
    attested = [
        entry["annotations"]["vnd.docker.reference.digest"] for entry in whole["manifests"] if entry not in images
    ]
    assert attested == [entry["digest"] for entry in images]
    assert whole["annotations"]["org.opencontainers.image.title"] == "web"
    assert shelf.digest(shares(shelf)[""]) == shelf.digest("v1")
    assert third.json("show", "web@1")["environment"]["reference"].endswith(shelf.digest("v1"))
    assert third.json("plan")["steps"] == third.json("plan", "--refresh")["steps"] == []
    assert third.run("publish", "web").out == "No changes. 1 environment is up to date.\n"
