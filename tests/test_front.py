"""The front before a real registry does each fault that it is told of, once, and is no obstacle else."""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.engine import Engine
from support.front import Front, answers, cuts_reply, cuts_upload, hangs_up, loses_reply, waits
from support.loopback import Reply
from support.registry import LOGIN, Registry
from support.services import require

_MANIFEST = "/v2/some/image/manifests/v1"
_LAYER = b"0123456789" * 1000
_DIGEST = f"sha256:{hashlib.sha256(_LAYER).hexdigest()}"
_KINDS = "*/*, application/vnd.oci.image.index.v1+json"
_LOST = (RemoteDisconnected, ConnectionResetError, BrokenPipeError)
Ask = Callable[..., Reply]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    require("registry")
    with Registry(tmp_path / "registry") as registry:
        registry.push("some/image", "v1")
        yield registry


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


def asking(server: str) -> Ask:
    """Make a client of one connection for each request."""

    def ask(method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        connection = HTTPConnection(server, timeout=20)
        try:
            connection.request(method, path, body, {"Accept": _KINDS, **headers})
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), dict(answer.headers))
        finally:
            connection.close()

    return ask


@pytest.fixture
def ask(front: Front) -> Ask:
    return asking(front.address)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_an_answer_in_the_registrys_stead(front: Front, ask: Ask, status: int) -> None:
    """For so many requests of this method and path, and no others, with headers and a body as registries send."""
    front.inject(answers(status, Retry_After="1"), "GET", "/manifests/", times=2)
    assert ask("HEAD", _MANIFEST).status == ask("GET", "/v2/").status == 200
    for _ in range(2):
        answer = ask("GET", _MANIFEST)
        assert (answer.status, answer.headers["Retry-After"]) == (status, "1")
        assert json.loads(answer.body)["errors"][0]["message"] == f"told to answer {status}"
    assert ask("GET", _MANIFEST).status == 200
    assert (front.count("GET", "/manifests/"), front.count("HEAD"), front.count()) == (3, 1, 5)


def test_a_reply_that_is_cut(front: Front, ask: Ask) -> None:
    """More is announced than comes."""
    front.inject(cuts_reply, path=_MANIFEST)
    with pytest.raises(IncompleteRead) as cut:
        ask("GET", _MANIFEST)
    assert cut.value.partial
    assert json.loads(ask("GET", _MANIFEST).body)["schemaVersion"] == 2


def test_a_reply_that_is_lost(front: Front, ask: Ask, registry: Registry) -> None:
    """The registry has done what it was asked, which the client cannot know."""
    answer = ask("GET", _MANIFEST)
    kind, manifest = answer.headers["Content-Type"], answer.body
    put = ("PUT", "/v2/some/image/manifests/v2", manifest)
    front.inject(loses_reply, "PUT")
    with pytest.raises(_LOST):
        ask(*put, **{"Content-Type": kind})
    assert asking(registry.server)("GET", "/v2/some/image/manifests/v2").body == manifest
    assert ask(*put, **{"Content-Type": kind}).status == 201


def test_a_request_that_is_lost(front: Front, ask: Ask) -> None:
    """The registry has never heard of it."""
    front.inject(hangs_up, "DELETE")
    path = f"/v2/some/image/manifests/{ask('HEAD', _MANIFEST).headers['Docker-Content-Digest']}"
    with pytest.raises(_LOST):
        ask("DELETE", path)
    assert ask("HEAD", path).status == 200
    assert ask("DELETE", path).status == 202
    assert ask("HEAD", path).status == 404


def test_an_upload_that_is_cut(front: Front, ask: Ask, registry: Registry) -> None:
    """The registry gives up what it has in part, so it is to begin again, at a place that leads through the front."""
    uploads = "/v2/some/image/blobs/uploads/"
    octets = {"Content-Type": "application/octet-stream"}
    front.inject(cuts_upload(4000), "PATCH")
    begun = ask("POST", uploads).headers["Location"]
    with pytest.raises(_LOST):
        ask("PATCH", begun, _LAYER, **octets)
    assert ask("GET", begun).status == 404
    again = ask("PATCH", ask("POST", uploads).headers["Location"], _LAYER, **octets).headers["Location"]
    assert urlsplit(again).netloc == front.address
    assert ask("PUT", f"{again}&digest={_DIGEST}").status == 201
    assert asking(registry.server)("GET", f"/v2/some/image/blobs/{_DIGEST}").body == _LAYER


def test_how_many_requests_there_are_at_once(front: Front, ask: Ask) -> None:
    """Counted from when they come until they are answered."""
    front.inject(waits(0.5), times=3)
    with ThreadPoolExecutor(3) as pool:
        statuses = pool.map(lambda _: ask("HEAD", _MANIFEST).status, range(3))
    assert [*statuses] == [200] * 3
    assert front.most_at_once == 3


def test_docker_pushes_and_pulls_through_a_front(engine: Engine, tmp_path: Path) -> None:
    """To a registry that asks who is there, with uploads in pieces of a length that is not said before."""
    require("registry")
    with Registry(tmp_path / "registry", private=True) as registry, Front(registry.server) as front:
        docker = engine.client(tmp_path / "client", {front.address: LOGIN})
        tag = f"{front.address}/some/image:v1"
        docker("tag", engine.base("busybox"), tag)
        docker("push", tag)
        docker("image", "rm", tag)
        docker("pull", tag)
        assert docker("run", "--rm", tag, "echo", "it runs") == "it runs\n"
        docker("image", "rm", tag)
    uploads = [request for request in front.log if request.method == "PATCH"]
    assert {request.headers.get("transfer-encoding") for request in uploads} == {"chunked"}
    assert front.count("PUT", "/manifests/v1$") == 1
