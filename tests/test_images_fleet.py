"""Many images and one registry: how often it is asked, how many questions are in flight, and what an empty runner does.

Most is built nowhere here, so that no engine is needed; what envbuild itself pushed is found in `test_docker_builder`.
"""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.adopted import Adopted
from support.engine import Engine
from support.front import Front, waits
from support.imaging import Imaging
from support.registry import Registry
from support.services import require

_MANY = 100
_THERE = 50
_AT_ONCE = 20


@pytest.fixture
def fleet(tmp_path: Path, uv_cache: Path) -> Iterator[Adopted]:
    """A project of many images, none of which any registry has; all questions come through a front."""
    require("registry")
    with Registry(tmp_path / "registry") as real, Front(real.server) as front:
        fleet = Adopted(tmp_path, uv_cache, real, front)
        for number in range(_MANY):
            fleet.image(f"e{number}", number=number)
        fleet.project.run("lock")
        yield fleet


def test_each_content_is_asked_for_once(fleet: Adopted) -> None:
    """And no more than twenty questions are in flight, however many environments there are and slow the registry is."""
    fleet.front.inject(waits(0.25), times=_MANY)
    assert {step["action"] for step in fleet.steps()} == {"create"}
    asked = [request.path for request in fleet.front.log if request.method == "HEAD"]
    assert len(asked) == len({*asked}) == _MANY
    assert fleet.front.count() <= 2 * _MANY
    assert _AT_ONCE / 2 < fleet.front.most_at_once <= _AT_ONCE


def test_an_empty_runner_adopts_them_and_asks_no_more(fleet: Adopted) -> None:
    """Without an engine, since nothing is built; afterwards the records answer."""
    steps = fleet.steps()[:_THERE]
    names = [step["environment"] for step in steps]
    fleet.push(steps)
    assert f"Plan: {_THERE} to adopt, 0 unchanged." in fleet.project.run("plan", *names).out
    fleet.project.run("apply", *names, env={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    before = fleet.front.count()
    assert fleet.project.run("plan", *names).out.startswith(f"No changes. {_THERE} environments are up to date.")
    assert fleet.front.count() == before


def test_another_empty_runner_sends_nothing(fleet: Adopted) -> None:
    """What stands in the registry stays as it is: neither blobs nor names are put there again."""
    (step,) = fleet.steps()[:1]
    fleet.push([step])
    fleet.project.run("apply", step["environment"])
    records = fleet.project.path / ".envbuild"
    records.rename(records.with_name("of-the-first"))
    before = len(fleet.front.log)
    fleet.project.run("apply", step["environment"])
    asked = fleet.front.log[before:]
    assert {request.method for request in asked} == {"GET", "HEAD"}
    assert len(asked) <= 12


def test_layers_of_a_base_of_the_same_registry_are_mounted(
    containerd_engine: Engine, registry: Registry, tmp_path: Path, uv_cache: Path
) -> None:
    """From where they are: of an image that is no environment, too, no layer is sent."""
    with Front(registry.server) as front:
        imaging = Imaging(tmp_path, containerd_engine, front.address, uv_cache)
        imaging.image("web")
        imaging.project.run("lock")
        before = len(front.log)
        imaging.apply()
    asked = front.log[before:]
    wanted = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    url = f"http://{registry.server}/v2/base/busybox/manifests/1"
    with urllib.request.urlopen(urllib.request.Request(url, headers=wanted)) as answer:
        layers = [layer["digest"] for layer in json.load(answer)["layers"]]
    for layer in layers:
        mount = f"/v2/team/web/blobs/uploads/?mount={layer}&from=base%2Fbusybox"
        assert [request.path for request in asked if layer in request.path and request.method == "POST"] == [mount]
        assert not [request.path for request in asked if layer in request.path and request.method in {"PUT", "PATCH"}]
