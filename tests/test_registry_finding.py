"""What a registry has, by tag and by fingerprint: further tags, all tags, where content is and which number is next."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from support.front import Ask, Fault, Front, answers
from support.loopback import Reply, Request
from support.registered import client, docker_config
from support.registry import LOGIN
from support.registry import Registry as Real
from support.services import require
from support.tokens import Tokens

from envbuild.errors import BrokenError, BusyError, GoneError, RegistryError, TakenError
from envbuild.registry import Line
from envbuild.registry.client import Registries, Registry
from envbuild.registry.finding import Found, find, find_all, last_version
from envbuild.registry.parts import Parts, image_tag, parts_tag, put_parts
from envbuild.registry.repositories import Repository

_ONE, _OTHER = (f"1:{number:064x}" for number in (1, 2))
_PARTS = Parts("a", 1, "sha256:" + "a" * 64, ())


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    require("registry")
    with Real(tmp_path / "registry") as real:
        yield real


@pytest.fixture
def front(real: Real) -> Iterator[Front]:
    with Front(real.server) as front:
        yield front


@pytest.fixture
def registry(front: Front) -> Iterator[Registry]:
    with client(front.address) as (registry, _):
        yield registry


def test_further_tags_send_no_blob(real: Real, front: Front, registry: Registry) -> None:
    """An image gets them by its manifest alone, which is read once; one of before is moved, twice the same is once."""
    digest = real.push("envs/train", image_tag(_ONE))
    real.push("envs/train", "latest", says="another")
    assert registry.tag("envs/train", image_tag(_ONE), ["v1", "latest", "v1"]) == digest
    assert [registry.head("envs/train", tag) for tag in ("v1", "latest")] == [digest, digest]
    assert (front.count("GET"), front.count("PUT"), front.count(path="/blobs/")) == (1, 2, 0)
    assert registry.tag("envs/train", digest, []) == digest
    with pytest.raises(RegistryError, match="'v 3' is neither a tag nor a digest"):
        registry.tag("envs/train", digest, ["v3", "v 3"])
    assert registry.head("envs/train", "v3") is None
    with pytest.raises(GoneError, match=f"has no {front.address}/envs/train:nothing"):
        registry.tag("envs/train", "nothing", ["v2"])
    assert registry.head("envs/train", "v2") is None


def test_a_tag_that_is_not_moved(real: Real, front: Front, registry: Registry) -> None:
    """Where it stands for something else that is told, and both are named; where it is right already nothing is put."""
    first, second = (real.push("envs/train", image_tag(one), says=one) for one in (_ONE, _OTHER))
    assert registry.tag("envs/train", first, ["v1"], moves=False) == first
    assert registry.tag("envs/train", first, ["v1"], moves=False) == first
    assert front.count("PUT") == 1
    with pytest.raises(TakenError, match=f"envs/train:v1 is {first}, and is not moved to {second}"):
        registry.tag("envs/train", second, ["v1"], moves=False)
    assert registry.head("envs/train", "v1") == first


def test_tagging_needs_one_token(tmp_path: Path) -> None:
    """What is read for it is read as one who may write."""
    require("registry")
    with Tokens(tmp_path / "tokens", LOGIN) as tokens, Real(tmp_path / "r", auth=tokens.auth()) as real:
        host = docker_config(tmp_path / "docker", **{real.server: LOGIN})
        with client(real.server, host) as (registry, _):
            assert put_parts(registry, "envs/a", _PARTS) == registry.tag("envs/a", parts_tag(_PARTS.fingerprint), ["2"])
    assert len(tokens.given) == 1


def pages(size: int, place: str = "") -> Fault:
    """Give what the real registry lists by so many at a time, as large registries do; PLACE leads to the next ones."""

    def fault(request: Request, ask: Ask) -> Reply:
        begin = int(parse_qs(urlsplit(request.path).query).get("last", ["0"])[0])
        reply = ask(b"", replace(request, path=urlsplit(request.path).path))
        every = sorted(json.loads(reply.body)["tags"])
        further = place or f"/v2/envs/tags/list?last={begin + size}"
        link = {"Link": f'<{further}>; rel="next"'} if begin + size < len(every) else {}
        return Reply(200, json.dumps({"tags": every[begin : begin + size]}).encode(), link)

    return fault


def test_tags_come_in_pages(real: Real, front: Front, registry: Registry) -> None:
    """All of them are read, in as many questions as there are pages."""
    for number in range(1, 13):
        real.push("envs", f"v{number}")
    front.inject(pages(5), path="/tags/list", times=99)
    assert sorted(registry.tags("envs")) == sorted(f"v{number}" for number in range(1, 13))
    assert front.count(path="/tags/list") == 3
    assert last_version(registry, Repository(registry.server, "envs")) == 12


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("http://localhost:1/v2/envs/tags/list", "leads elsewhere for further tags, to localhost"),
        ("/v2/envs/tags/list", "does not come to an end of the tags of envs"),
    ],
)
def test_some_of_the_tags_are_none(real: Real, front: Front, registry: Registry, place: str, told: str) -> None:
    """Pages that are elsewhere, or lead in a circle: nobody gets a part for the whole."""
    for tag in "abc":
        real.push("envs", tag)
    front.inject(pages(2, place), path="/tags/list", times=99)
    with pytest.raises(BrokenError, match=told):
        registry.tags("envs")


@pytest.mark.parametrize(
    ("tags", "last"),
    [([], 0), (["latest", "v", "v0", "v01", "version2", "v3-rc", "fp-1-v9"], 0), (["v9", "v10", "v2", "latest"], 10)],
)
def test_the_last_version(real: Real, registry: Registry, tags: list[str], last: int) -> None:
    """As a number, of tags that are a version's and nothing else."""
    for tag in tags:
        real.push("envs", tag)
    assert last_version(registry, Repository(registry.server, "envs")) == last


def test_versions_of_a_shared_repository_carry_a_name(real: Real, registry: Registry) -> None:
    """Each environment counts its own."""
    for tag in ("v9", "a-v2", "a-b-v7", "a-v03", "xa-v8"):
        real.push("envs", tag)
    shared = Repository(registry.server, "envs", "a")
    assert last_version(registry, shared) == 2
    assert shared.version_tag(3) == "a-v3"


@pytest.mark.parametrize(
    ("reference", "path"),
    [("h:1/a/b@sha256:0", "a/b"), ("h:1/a/b:v1", "a/b"), ("h:1/a/b:v1@sha256:0", "a/b"), ("h:1/a", "a")],
)
def test_a_reference_says_where_it_is(reference: str, path: str) -> None:
    assert Repository.of(reference) == Repository("h:1", path)


def test_where_content_is(real: Real, front: Front, registry: Registry) -> None:
    """By its fingerprint alone: in the first repository that has it, and nowhere where none has."""
    digest = real.push("old/train", image_tag(_ONE))
    real.push("other", image_tag(_ONE), says="later")
    found = find(registry, ["train", "old/train", "other"], _ONE)
    assert found == Found(front.address, "old/train", digest)
    assert found.reference == f"{front.address}/old/train@{digest}"
    assert find(registry, ["train", "old/train"], _OTHER) is None
    assert find(registry, [], _ONE) is None
    assert front.count("HEAD") == front.count() == 5


def test_many_are_sought_at_once(real: Real, front: Front, registry: Registry) -> None:
    """One question each; what fails for one is its answer, and is in the way of nobody who has it elsewhere."""
    digest = real.push("b", image_tag(_ONE))
    front.inject(answers(429), path="/v2/busy/", times=99)
    asked = [("a", _ONE), ("b", _ONE), ("b", _OTHER), ("busy", _ONE)]
    *known, busy = find_all(registry, asked).items()
    assert known == [(asked[0], None), (asked[1], Found(front.address, "b", digest)), (asked[2], None)]
    assert busy[0] == asked[3]
    assert isinstance(busy[1], BusyError)
    assert find(registry, ["busy", "b"], _ONE) == Found(front.address, "b", digest)
    with pytest.raises(BusyError, match=r"answers 429 for .*/busy:fp-1-"):
        find(registry, ["busy", "a"], _ONE)


def test_one_client_for_each_registry(real: Real, front: Front) -> None:
    """However often it is asked for; each knows its own server."""
    digest = real.push("a", "1")
    with Registries(Line({})) as registries:
        assert registries.of(front.address) is registries.of(front.address)
        assert [registries.of(one).head("a", "1") for one in (front.address, real.server)] == [digest, digest]
    assert front.count() == 1
