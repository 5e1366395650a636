"""Bad days of a registry: what passes is tried again, what does not is told, and done is only what it serves."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from support.front import Ask, Fault, Front, answers, cuts_reply, cuts_upload, hangs_up, loses_reply, waits
from support.loopback import Reply, Request
from support.registered import PAUSES, blob, client
from support.registry import Registry as Real
from support.services import require

from envbuild.errors import (
    BrokenError,
    BusyError,
    DigestError,
    GoneError,
    LoginError,
    RegistryError,
    SilentError,
)
from envbuild.image.manifests import Manifest
from envbuild.registry.asking import Retry
from envbuild.registry.client import Registry
from envbuild.registry.failures import LONGEST_WAIT, failure

_TRIES = 1 + len(PAUSES)
_LAYER = os.urandom(3_000_000)
_OTHER = "sha256:" + "b" * 64


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    require("registry")
    with Real(tmp_path / "registry") as real:
        real.push("a", "1")
        yield real


@pytest.fixture
def front(real: Real) -> Iterator[Front]:
    with Front(real.server) as front:
        yield front


@pytest.fixture
def asked(front: Front) -> Iterator[tuple[Registry, list[Retry]]]:
    with client(front.address, seconds=1) as asked:
        yield asked


def says(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Answer so, without asking the registry."""

    def fault(request: Request, _: Ask) -> Reply:
        for _piece in request.body:
            pass
        return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})

    return fault


def manifest(registry: Registry) -> Manifest:
    found = registry.manifest("a", "1")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "fault",
    [*(answers(status) for status in (408, 429, 500, 502, 503, 504)), hangs_up, cuts_reply, loses_reply, waits(1.5)],
)
def test_what_passes_is_tried_again(front: Front, asked: tuple[Registry, list[Retry]], fault: Fault) -> None:
    """Twice it fails, the third time it goes well; what is waited for is told."""
    registry, told = asked
    front.inject(fault, "GET", times=2)
    assert manifest(registry).digest == registry.head("a", "1")
    assert [one.what for one in told] == [f"{front.address}/a:1"] * 2
    assert all(pause <= one.seconds <= 2 * pause for one, pause in zip(told, PAUSES, strict=False))
    assert front.count("GET") == 3


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(answers(429), BusyError), (answers(500), BrokenError), (hangs_up, SilentError), (cuts_reply, SilentError)],
)
def test_it_is_tried_a_few_times(
    front: Front, asked: tuple[Registry, list[Retry]], fault: Fault, kind: type[RegistryError]
) -> None:
    """Then it is an error, which says what to do."""
    registry, told = asked
    front.inject(fault, times=99)
    with pytest.raises(kind) as failed:
        registry.manifest("a", "1")
    assert front.address in failed.value.message
    assert failed.value.hint
    assert (front.count(), len(told)) == (_TRIES, _TRIES - 1)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, BrokenError), (401, LoginError), (403, LoginError), (405, BrokenError), (501, BrokenError)],
)
def test_what_lasts_is_told_at_once(
    front: Front, asked: tuple[Registry, list[Retry]], status: int, kind: type[RegistryError]
) -> None:
    """With the registry's own words."""
    registry, told = asked
    front.inject(answers(status), times=9)
    with pytest.raises(kind, match=rf"(?s){status}.*told to answer {status}"):
        registry.manifest("a", "1")
    assert (front.count(), told) == (1, [])


def test_what_is_gone_is_asked_for_once(front: Front, asked: tuple[Registry, list[Retry]]) -> None:
    """An image that is not there is nothing; a blob that has to be there is an error."""
    registry, told = asked
    front.inject(answers(404), times=2)
    assert registry.manifest("a", "1") is None
    with pytest.raises(GoneError):
        registry.blob("a", _OTHER)
    assert (front.count(), told) == (2, [])


@pytest.mark.parametrize(
    ("stated", "least", "most"),
    [
        ("1", 1, 1),
        ("0", 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("60", LONGEST_WAIT, LONGEST_WAIT),
        (timedelta(seconds=50), 20, 50),
        (timedelta(days=-1), 0, 0),
        ("Thu, 99 Foo 2999 00:00:00 GMT", 0, 0),
    ],
)
def test_when_a_registry_says_to_come_again(stated: str | timedelta, least: float, most: float) -> None:
    """In seconds or by a date, within bounds."""
    said = stated if isinstance(stated, str) else format_datetime(datetime.now(UTC) + stated)
    error = failure("server", "image", 429, ({"Retry-After": said}, b""), None)
    assert error.after is not None
    assert least <= error.after <= most


@pytest.mark.parametrize("stated", ["99999999999999999999", "61", timedelta(days=900)])
def test_nobody_comes_earlier_than_told_to_come_much_later(stated: str | timedelta) -> None:
    """Who would have to wait for too long gives up, and says when to come again."""
    said = stated if isinstance(stated, str) else format_datetime(datetime.now(UTC) + stated)
    for status in (429, 503):
        error = failure("server", "image", status, ({"Retry-After": said}, b""), None)
        assert error.after is None
        assert re.search(r", and says to come again in [\d,]+ seconds$", error.message)


def test_nobody_comes_earlier(front: Front, asked: tuple[Registry, list[Retry]]) -> None:
    """What it says stands before our own pauses."""
    registry, told = asked
    front.inject(answers(503, Retry_After="1"))
    manifest(registry)
    assert [one.seconds for one in told] == [1.0]


def test_a_registry_that_is_not_there() -> None:
    """Nobody waits for one that refuses, or whose name nobody knows."""
    for server, words in [("127.0.0.1:1", "Connection refused"), ("nowhere.invalid", "not known|resolution")]:
        with client(server) as (registry, told), pytest.raises(SilentError, match=words) as silent:
            registry.head("a", "1")
        assert silent.value.message.startswith(f"the registry {server} does not answer: ")
        assert told == []


def test_words_of_a_registry_forge_nothing(front: Front, asked: tuple[Registry, list[Retry]]) -> None:
    """On one line, without control characters, and not longer than anybody reads."""
    registry, _ = asked
    message = "bad\x1b[31m\r\nhint: run this\u202e" + "x" * 5000
    front.inject(says(400, json.dumps({"errors": [{"code": "X", "message": message}]}).encode()))
    with pytest.raises(BrokenError) as failed:
        registry.manifest("a", "1")
    assert ": bad [31m hint: run this x" in failed.value.message
    assert failed.value.message.isprintable()
    assert len(failed.value.message) < 500


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[]", b'{"errors": 7}', b'{"errors": []}', b"\xff" * 100])
def test_answers_without_words(front: Front, asked: tuple[Registry, list[Retry]], body: bytes) -> None:
    """A proxy's page, or nothing: the status is told."""
    registry, _ = asked
    front.inject(says(400, body))
    with pytest.raises(BrokenError, match="answers 400 for"):
        registry.manifest("a", "1")


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"code": "UNKNOWN", "message": "disk full"}]},
        {"errorDetail": {"message": "disk full"}},
        {"error": "disk full"},
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_an_error_within_success(front: Front, asked: tuple[Registry, list[Retry]], status: int, body: object) -> None:
    """It is one, wherever it comes; and it is tried again."""
    registry, told = asked
    given, fault = manifest(registry), says(status, json.dumps(body).encode())
    front.inject(fault, "PUT", times=_TRIES)
    with pytest.raises(BrokenError, match="reports an error: disk full"):
        registry.put("a", "2", given)
    assert registry.head("a", "2") is None
    front.inject(fault, "PUT")
    assert registry.put("a", "2", given) == registry.head("a", "2")
    assert len(told) == _TRIES


def lies(request: Request, ask: Ask) -> Reply:
    """Say another digest than that of what there is."""
    reply = ask(request.body)
    return replace(reply, headers={**reply.headers, "Docker-Content-Digest": _OTHER})


def changes(request: Request, ask: Ask) -> Reply:
    """Send other bytes."""
    reply = ask(request.body)
    return replace(reply, body=reply.body.replace(b"1", b"2", 1))


@pytest.mark.parametrize("fault", [lies, changes])
def test_other_bytes_than_a_registry_says(front: Front, asked: tuple[Registry, list[Retry]], fault: Fault) -> None:
    """They are not given to anybody."""
    registry, _ = asked
    digest = manifest(registry).digest
    front.inject(fault, "GET", "/manifests/")
    with pytest.raises(DigestError, match=r"says that .* is sha256:.*, and sends sha256:"):
        registry.manifest("a", "1")
    front.inject(changes, "GET", "/manifests/")
    with pytest.raises(DigestError, match=f"is {digest}, and sends"):
        registry.manifest("a", digest)


def test_other_bytes_of_a_blob(front: Front, asked: tuple[Registry, list[Retry]]) -> None:
    """Whole or in pieces: never used, whatever they look like."""
    registry, _ = asked
    layer = blob(b'{"errors": [{"message": "I am a file"}], "n": 1}')
    registry.push_blob("a", layer)
    assert registry.blob("a", layer.digest).startswith(b'{"errors"')
    front.inject(changes, "GET", "/blobs/", times=2)
    with pytest.raises(DigestError, match=rf"has sha256:.* for {front.address}/a@{layer.digest}"):
        registry.blob("a", layer.digest)
    with registry.stream("a", layer.digest) as source, pytest.raises(DigestError):
        [*iter(lambda: source.read(10), b"")]


@pytest.mark.parametrize("fault", [hangs_up, loses_reply, answers(500), answers(429), cuts_upload(100), waits(1.5)])
def test_a_manifest_is_put_whatever_becomes_of_the_answer(
    front: Front, asked: tuple[Registry, list[Retry]], fault: Fault
) -> None:
    """Done is what the registry serves."""
    registry, told = asked
    given = manifest(registry)
    front.inject(fault, "PUT")
    assert registry.put("a", "2", given) == registry.head("a", "2")
    assert len(told) == 1


def test_success_that_is_none(front: Front, asked: tuple[Registry, list[Retry]]) -> None:
    """Nothing is there, something else is, or it says that something else is: each is told."""
    registry, _ = asked
    given = manifest(registry)
    front.inject(says(201), "PUT")
    with pytest.raises(
        DigestError, match=f"has nothing for {front.address}/a:2, which was put there as {given.digest}"
    ):
        registry.put("a", "2", given)
    front.inject(lies, "PUT")
    with pytest.raises(DigestError, match=f"has {_OTHER} for"):
        registry.put("a", "3", given)
    front.inject(lies, "HEAD", times=_TRIES)
    with pytest.raises(DigestError, match=f"has {_OTHER} for"):
        registry.put("a", "4", given)
    front.inject(says(404), "HEAD", times=2)
    assert registry.put("a", "5", given) == given.digest


def test_a_manifest_whose_blobs_are_not_there(asked: tuple[Registry, list[Retry]]) -> None:
    """The registry refuses it, in its own words."""
    registry, told = asked
    given = manifest(registry)
    with pytest.raises(BrokenError, match=r"answers 400 for .*: blob unknown"):
        registry.put("elsewhere", "1", given)
    assert told == []


_UPLOADS: dict[str, tuple[Fault, str]] = {
    "cut": (cuts_upload(1_000_000), "PATCH"),
    "cut at once": (cuts_upload(1), "PATCH"),
    "lost pieces": (loses_reply, "PATCH"),
    "lost end": (loses_reply, "PUT"),
    "lost beginning": (loses_reply, "POST"),
    "never heard": (hangs_up, "PATCH"),
    "never ended": (hangs_up, "PUT"),
    "busy": (answers(429), "PATCH"),
    "broken": (answers(500), "PUT"),
    "dropped": (answers(404), "PATCH"),
    "forgotten": (answers(404), "PUT"),
    "an error within success": (answers(201), "PUT"),
    "slow": (waits(1.5), "PATCH"),
}


@pytest.mark.parametrize("name", _UPLOADS)
@pytest.mark.parametrize("times", [1, 3])
def test_an_upload_that_breaks(front: Front, asked: tuple[Registry, list[Retry]], name: str, times: int) -> None:
    """It is begun again, until all of it is there: this registry keeps nothing of what was cut."""
    registry, told = asked
    fault, method = _UPLOADS[name]
    front.inject(fault, method, "/uploads/", times=times)
    assert registry.push_blob("b", blob(_LAYER))
    assert registry.blob("b", blob(_LAYER).digest, len(_LAYER)) == _LAYER
    assert 1 <= len(told) <= times


def test_a_registry_that_takes_its_time_with_an_upload(front: Front, asked: tuple[Registry, list[Retry]]) -> None:
    """All of it is there, and is not sent again while the registry looks at it."""
    registry, told = asked
    front.inject(waits(1.5), "PUT", "/blobs/uploads/")
    assert registry.push_blob("a", blob(b"large"))
    assert (told, front.count("PATCH")) == ([], 1)


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT"])
def test_an_upload_that_breaks_again_and_again(front: Front, asked: tuple[Registry, list[Retry]], method: str) -> None:
    """After a few times it is over, and nothing is there."""
    registry, told = asked
    front.inject(answers(500), method, "/blobs/", times=99)
    with pytest.raises(BrokenError, match="answers 500 for"):
        registry.push_blob("b", blob(_LAYER))
    assert front.count(method) == _TRIES
    assert len(told) == len(PAUSES)


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_an_upload_that_is_refused(front: Front, asked: tuple[Registry, list[Retry]], status: int) -> None:
    """Once is enough, and the registry's answer is told though we still send."""
    registry, told = asked

    def refuses(request: Request, _: Ask) -> Reply:
        next(iter(request.body))
        return Reply(status, b'{"errors": [{"message": "not here"}]}')

    front.inject(refuses, "PATCH", times=9)
    with pytest.raises(RegistryError, match=rf"{status}.*: not here"):
        registry.push_blob("b", blob(os.urandom(40_000_000)))
    assert (front.count("PATCH"), told) == (1, [])


class _Keeping:
    """A front that keeps what came before a cut, and says how far that goes, as some registries do."""

    def __init__(self, front: Front, after: int, said: str = "") -> None:
        self._kept: dict[str, str] = {}
        self._after, self._said = after, said
        front.inject(self.cut, "PATCH")
        front.inject(self.status, "GET", "/uploads/")

    def cut(self, request: Request, ask: Ask) -> Reply:
        first = replace(request, headers={**request.headers, "content-length": str(self._after)})
        self._kept = dict(ask(_first(request.body, self._after), first).headers)
        return Reply(hangs_up=True)

    def status(self, _request: Request, _ask: Ask) -> Reply:
        return Reply(204, headers={"Location": self._kept["Location"], "Range": self._said or self._kept["Range"]})


def _first(body: Iterable[bytes], after: int) -> Iterator[bytes]:
    for piece in body:
        yield piece[:after]
        after -= len(piece[:after])
        if not after:
            return


def test_an_upload_goes_on_where_it_was_cut(front: Front, asked: tuple[Registry, list[Retry]]) -> None:
    """What the registry has is not sent again."""
    registry, told = asked
    _Keeping(front, 1_234_567)
    assert registry.push_blob("b", blob(_LAYER))
    assert registry.blob("b", blob(_LAYER).digest, len(_LAYER)) == _LAYER
    lengths = [int(one.headers["content-length"]) for one in front.log if one.method == "PATCH"]
    assert lengths == [len(_LAYER), len(_LAYER) - 1_234_567]
    assert front.count("POST") == len(told) == 1


def test_an_upload_that_goes_on_wrongly_is_begun_again(front: Front, asked: tuple[Registry, list[Retry]]) -> None:
    """A registry that says to have more than it has finds another hash in the end."""
    registry, told = asked
    _Keeping(front, 1000, said="0-4999")
    assert registry.push_blob("b", blob(_LAYER))
    assert registry.blob("b", blob(_LAYER).digest, len(_LAYER)) == _LAYER
    lengths = [int(one.headers["content-length"]) for one in front.log if one.method == "PATCH"]
    assert lengths == [len(_LAYER), len(_LAYER) - 5000, len(_LAYER)]
    assert len(told) == 2
