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


def test_who_built_a_share_adopts_the_whole(shelf: Shelf) -> None:
    """Its record is restored, and it builds nothing; one without records adopts; both give it the same number."""
    one, other = shelf.project, shelf.elsewhere("other")
    one.run("apply", "--platform", "linux-64")
    assert one.json("plan", "--no-refresh")["steps"][0]["reasons"][0]["change"] == "it is not built for linux-aarch64"
    for words in (("apply", "--platform", "linux-64"), ("plan", "--platform", "linux-64")):
        assert one.json(*words)["steps"] == []
    assert one.run("plan", env={"ENVBUILD_PLATFORM": "linux-64"}).out.startswith("No changes.")
    assert one.json("plan")["steps"] != []
    other.run("apply", "--platform", "linux-aarch64")
    other.run("publish", "web")
    (step,) = one.json("plan")["steps"]
    assert (step["action"], step["version"]) == ("restore", 1)
    assert "context" not in one.run("apply").err  # which is what a build begins with
    fresh = shelf.elsewhere("fresh")
    (step,) = fresh.json("plan")["steps"]
    assert (step["action"], step["version"]) == ("adopt", 1)
    fresh.run("apply")
    references = {machine.json("show", "web@1")["environment"]["reference"] for machine in (one, other, fresh)}
    assert references == {f"{shelf.registry.server}/team/web@{shelf.digest('v1')}"}
    assert fresh.json("apply", "--platform", "linux-64")["steps"] == []
    assert all(machine.json("plan", "--refresh")["steps"] == [] for machine in (one, other, fresh))


def test_a_share_is_adopted_as_well(shelf: Shelf) -> None:
    """By another machine for the same platform: it is there under its name."""
    shelf.project.run("apply", "--platform", "linux-64")
    other = shelf.elsewhere("other")
    assert other.json("plan")["steps"][0]["action"] == "create"
    done = other.run("apply", "--platform", "linux-64")
    assert "= web  adopt  version 1" in done.out
    assert "-amd64" in done.out
    assert set(shares(shelf)) == {"-amd64"}


def test_what_is_missing_is_named(shelf: Shelf) -> None:
    """With what to run; nothing is tagged or recorded before, and a share gets no tags at all."""
    shelf.project.run("apply", "--platform", "linux-64")
    (error,) = shelf.project.json("publish", "web", check=1)["errors"]
    assert error["message"] == "'web' as it is now was not built for linux-aarch64"
    assert (error["path"], error["line"]) == ("envbuild.yaml", 2)
    assert "'envbuild apply web --platform linux-aarch64'" in error["hint"]
    assert set(shares(shelf)) == {"-amd64"} == {tag[69:] for tag in shelf.tags()}
    (other,) = shelf.project.json("promote", "web@1", "--tag", "prod", check=1)["errors"]
    assert other["message"] == "web@1 was built for linux-64 alone"
    third = shelf.elsewhere("third")
    assert third.json("publish", "web", check=1)["errors"] == [error]
    assert third.json("history", "web", check=64)["errors"]


def test_a_version_is_published(shelf: Shelf) -> None:
    """As it was built, whatever the manifest says now; its record gets the whole, and no new number is taken."""
    base = f"{shelf.registry.server}/wide:1"
    for platform in _PLATFORMS:
        shelf.project.run("apply", "--platform", platform)
    shelf.web(base, "2")
    done = shelf.project.run("publish", "web@1", "--also-tag", "stable")
    assert "Publish: 1 done." in done.out
    assert shelf.digest("v1") == shelf.digest("stable")
    (record,) = shelf.project.json("history", "web")["records"]
    assert record["reference"].rpartition("@")[2] == shelf.digest("v1")
    (error,) = shelf.project.json("publish", "web", "web@1", check=64)["errors"]
    assert error["message"] == "one environment is named twice"
    assert len(shelf.project.json("publish", "web", check=1)["errors"]) == 2


def test_versions_and_what_is_said_now_are_one_apply(shelf: Shelf) -> None:
    """With --atomic nothing of it is named when one of it cannot be had, be it a version or what manifests say."""
    shelf.project.write("manifests/other.yaml", "extends: web\nvariables: {OTHER: x}\n")
    shelf.project.run("lock")
    for platform in _PLATFORMS:
        shelf.project.run("apply", "web", "--platform", platform)
    shelf.project.run("apply", "other", "--platform", "linux-64")
    done = shelf.project.run("publish", "web@1", "other", "--atomic", check=1)
    assert done.out.splitlines()[-1] == "Publish: 1 failed, 1 skipped."
    assert "web: skipped, made, and not named, since another one failed" in done.err.splitlines()
    assert "v1" not in shelf.tags()
    shelf.project.run("apply", "other", "--platform", "linux-aarch64")
    assert "Publish: 2 done." in shelf.project.run("publish", "web@1", "other", "--atomic").out
    assert all("v1" in shelf.tags(name) for name in ("team/web", "team/other"))
    (error,) = shelf.project.json("publish", "web@1", "web@latest", check=64)["errors"]
    assert error["message"] == "one environment is named twice"
    shelf.web(f"{shelf.registry.server}/wide:1", "2")
    shelf.project.run("apply", "web", "--platform", "linux-64")
    assert "Publish: 1 done." in shelf.project.run("publish", "web@1").out  # also where it is not the latest


def test_a_share_that_is_of_another_platform(shelf: Shelf) -> None:
    """A name is not believed: the image itself says what it is for."""
    shelf.project.run("apply", "--platform", "linux-64")
    name = shares(shelf)["-amd64"]
    home = f"{shelf.registry.server}/team/web"
    source = f"{home}@{shelf.digest(name)}"
    shelf.engine.docker("buildx", "imagetools", "create", "--tag", f"{home}:{name[:-6]}-arm64", source)
    (error,) = shelf.project.json("publish", "web", check=1)["errors"]
    assert error["message"].endswith("is for amd64, and is called arm64")


def test_an_environment_of_one_platform_is_whole(shelf: Shelf) -> None:
    """Named or not: there is nothing to join."""
    shelf.project.write("manifests/single.yaml", "extends: web\nplatforms: [linux-64]\n")
    shelf.project.run("apply", "single", "--platform", "linux-64")
    assert {tag[69:] for tag in shelf.tags("team/single")} == {"", "-parts"}
    assert "v1" in shelf.tags("team/single")
    assert shelf.project.run("publish", "single").out == "No changes. 1 environment is up to date.\n"


def refused(shelf: Shelf, *words: str, code: int = 1) -> tuple[str, str, int]:
    (error,) = shelf.project.json(*words, check=code)["errors"]
    assert error["hint"]
    return error["message"], error["path"], error["line"]


def test_what_cannot_be_had(shelf: Shelf) -> None:
    """Is refused with its line, before anything is built."""
    three = "platforms: [linux-64, linux-aarch64, linux-s390x]\n"
    shelf.project.write("manifests/three.yaml", f"extends: web\n{three}")
    shelf.project.write("manifests/here.yaml", "builder: local\n")
    assert refused(shelf, "apply", "web", "--platform", "linux-s390x") == (
        "'web' is not for linux-s390x", "envbuild.yaml", 2
    )  # fmt: skip
    both = ("--platform", "linux-64", "--platform", "linux-aarch64")
    assert refused(shelf, "apply", "three", *both) == (
        "'three' is for 3 platforms, of which one is built at a time, or all together", "manifests/three.yaml", 2
    )  # fmt: skip
    assert refused(shelf, "apply", "web", "--platform", "linux-64", "--also-tag", "x", code=64)[0] == (
        "'web' is built for linux-64 alone, and a tag is for the whole of it"
    )
    assert refused(shelf, "publish", "here", code=64)[0] == "'here' is no image: its builder is 'local'"
    assert refused(shelf, "publish", "h*", code=64)[0] == "nothing of what is selected is an image"
    shelf.project.write("envbuild.yaml", f"platforms: {_BOTH}\nbuilder: docker\n")
    assert refused(shelf, "publish", "web")[0] == "'web' has no registry"
    assert shelf.tags() == set()


def test_shares_that_an_engine_pushes(engine: Engine, tmp_path: Path, uv_cache: Path) -> None:
    """One that keeps no indexes: its shares are single images, and what they are for stands in the index."""
    require("registry")
    with Registry(tmp_path / "registry") as registry:
        shelf = Shelf(tmp_path, uv_cache, engine, registry, platforms=_BOTH)
        shelf.web(shelf.base())
        for platform in _PLATFORMS:
            shelf.project.run("apply", "--platform", platform)
        assert "manifests" not in shelf.manifest(shares(shelf)["-amd64"])
        shelf.project.run("publish", "web")
        found = shelf.manifest("v1")
        assert [one["platform"]["architecture"] for one in found["manifests"]] == ["amd64", "arm64"]
        assert found["annotations"]["org.opencontainers.image.title"] == "web"
        told = shelf.project.json("show", "web", "--image")["image"]
        assert [one["platform"] for one in told["platforms"]] == ["linux/amd64", "linux/arm64"]
