"""`promote`, with a real registry and a real engine: a manifest is put once more, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.front import Front
from support.registry import Registry
from support.shelf import Shelf


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


@pytest.fixture
def shelf(engine: Engine, registry: Registry, front: Front, tmp_path: Path, uv_cache: Path) -> Shelf:
    """Nothing is built yet; the registry is spoken to through a front."""
    shelf = Shelf(tmp_path, uv_cache, engine, registry, front.address)
    shelf.web(shelf.base())
    return shelf


def build(shelf: Shelf, *words: str) -> None:
    """Two versions of `web`."""
    for value in ("1", "2"):
        shelf.web(f"{shelf.registry.server}/base:1", value)
        shelf.project.run("apply", "-q", *words)


def test_a_version_gets_further_tags(shelf: Shelf, front: Front) -> None:
    """What each stood for is told first; no blob is asked for or sent, and what stands so already is left alone."""
    build(shelf)
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


def test_without_records(shelf: Shelf, front: Front) -> None:
    """A version is found by its tag, the latest by the highest number, and what a tag stood for by both."""
    build(shelf)
    other, web = shelf.elsewhere("other"), f"{front.address}/team/web"
    assert other.run("promote", "web@1", "--tag", "prod").out == f"{web}:prod -> v1 (new)\n"
    assert other.run("promote", "web@latest", "--tag", "prod").out == f"{web}:prod -> v2 (was v1)\n"
    (error,) = other.json("promote", "web@3", "--tag", "prod", check=64)["errors"]
    assert error["message"] == f"'web' has no version '3', neither in the records nor in {web}"
    assert error["hint"] == "known are: 1, 2"
    assert not (other.path / ".envbuild/state.db").exists()


@pytest.mark.parametrize("tag", ["v3", f"fp-1-{'a' * 64}", f"fp-1-{'a' * 64}-amd64", "web-v2", "-x", "a b", ""])
def test_tags_of_our_own_making(shelf: Shelf, front: Front, tag: str) -> None:
    """And what is no tag: refused before anybody is asked, by each command that gives tags."""
    front.log.clear()
    for words in (("promote", "web@1", "--tag"), ("publish", "web", "--also-tag"), ("apply", "web", "--also-tag")):
        (error,) = shelf.project.json(*words, tag, check=64)["errors"]
        assert error["message"].startswith(f"'{tag}' ")
        assert error["hint"]
    assert front.log == []


def test_an_image_of_this_machine(shelf: Shelf, front: Front) -> None:
    """It is tagged in the engine; the registry hears nothing of it."""
    build(shelf, "--no-push")
    front.log.clear()
    web = f"{front.address}/team/web"
    assert shelf.project.run("promote", "web@1", "--tag", "prod").out == f"{web}:prod -> v1 (new)\n"
    assert shelf.project.run("promote", "web@2", "--tag", "prod").out == f"{web}:prod -> v2 (was v1)\n"
    found = shelf.project.json("show", "web@2")["environment"]["reference"]
    assert shelf.engine.docker("image", "inspect", "--format={{.Id}}", f"{web}:prod").strip() == found
    assert front.log == []
    shelf.engine.docker("image", "rm", "--force", found)
    (error,) = shelf.project.json("promote", "web@2", "--tag", "prod", check=1)["errors"]
    assert error["message"] == "web@2 is not in this machine's engine, where it was built"


def test_every_registry_or_none(shelf: Shelf, front: Front, tmp_path: Path) -> None:
    """In each the same; where one of them has lost the image, nothing is moved anywhere."""
    with Registry(tmp_path / "second") as second:
        more = f"publish: {{registries: ['{front.address}/team', '{second.server}/copies']}}\n"
        shelf.web(f"{shelf.registry.server}/base:1", "1", more)
        shelf.project.run("apply", "-q")
        copies = f"{second.server}/copies/web"
        told = shelf.project.run("promote", "web@1", "--tag", "prod").out
        assert told == f"{front.address}/team/web:prod -> v1 (new)\n{copies}:prod -> v1 (new)\n"
        shelf.remove(shelf.digest("v1"))
        (error,) = shelf.project.json("promote", "web@1", "--tag", "other", check=1)["errors"]
        assert error["message"].startswith(f"{front.address} has no {front.address}/team/web@sha256:")
        assert error["hint"] == "run 'envbuild apply web' to put it there"
        assert "other" not in Shelf.tags(shelf)


def test_what_is_not_meant(shelf: Shelf) -> None:
    """No version, no image, no such name."""
    shelf.project.write("manifests/here.yaml", "builder: local\n")
    for words, message in {
        ("web", "--tag", "x"): "'web' names no version",
        ("here@1", "--tag", "x"): "'here' is no image: its builder is 'local'",
        ("web@x", "--tag", "x"): "'web' has no version 'x'",
        ("nobody@1", "--tag", "x"): "no environment is named 'nobody'",
    }.items():
        (error,) = shelf.project.json("promote", *words, check=64)["errors"]
        assert error["message"].startswith(message)
    assert "--tag" in shelf.project.run("promote", "web@1", check=64).err
