"""Several machines at the same moment: one content is one image, and one number is one environment's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.front import Ask, Front, waits
from support.imaging import Imaging
from support.loopback import Reply, Request
from support.registry import Registry

_OF_CONTENT = "/manifests/fp-[^/]*[0-9a-f]{64}$"


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


@pytest.fixture
def imaging(engine: Engine, front: Front, tmp_path: Path, uv_cache: Path) -> Imaging:
    return Imaging(tmp_path, engine, front.address, uv_cache)


def test_what_another_has_pushed_meanwhile_is_adopted(imaging: Imaging, front: Front, registry: Registry) -> None:
    """Between the last look and the push; who comes later finds one image, under one number."""
    imaging.image("web")
    imaging.project.run("lock")
    theirs: list[str] = []

    def pushed(request: Request, ask: Ask) -> Reply:
        theirs.append(registry.push("team/web", request.path.rpartition("/")[2], says="theirs"))
        return ask(request.body)

    front.inject(waits(0), "HEAD", _OF_CONTENT, times=2)  # the plan's, and that before the build
    front.inject(pushed, "HEAD", _OF_CONTENT)
    imaging.apply()
    assert imaging.reference("web").endswith(theirs[0])
    assert imaging.digest("web", "v1") == theirs[0]
    imaging.forget()
    assert imaging.actions() == {"web": "adopt"}
    imaging.apply()
    assert imaging.actions("--refresh") == {}


def test_a_number_that_was_taken_while_an_image_stayed_here(imaging: Imaging, registry: Registry) -> None:
    """What was built with `--no-push` takes the next one."""
    imaging.image("web", "mine")
    imaging.apply("--no-push")
    theirs = registry.push("team/web", "v1", says="theirs")
    (step,) = imaging.plan()
    assert (step["action"], step["version"]) == ("adopt", 2)
    imaging.apply()
    assert imaging.digest("web", "v1") == theirs
    assert imaging.said(imaging.reference("web")) == "mine\n"
    assert imaging.actions("--refresh") == {}


def test_a_number_that_records_alone_have_chosen(imaging: Imaging, registry: Registry) -> None:
    """Is told when it is another's; the next apply asks the registry which is free."""
    imaging.image("web", "mine")
    imaging.project.run("lock")
    registry.push("team/web", "v1", says="theirs")
    assert "is not moved to" in imaging.project.run("apply", "--no-refresh", check=1).out
    imaging.apply()
    assert imaging.project.json("history", "web")["records"][0]["version"] == 2
