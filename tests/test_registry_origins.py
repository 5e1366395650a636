"""Whom a registry's login is shown: the registry, and who gives its tokens if that is one's own; nobody else, ever."""

import base64
import itertools
import json
import os
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import pytest
from support.authority import authority
from support.front import Ask, Fault, Front, answers, hangs_up
from support.loopback import Loopback, Reply, Request, basic
from support.registered import blob, client, docker_config
from support.registry import LOGIN
from support.registry import Registry as Real
from support.relay import Names
from support.services import require
from support.tokens import Tokens

from envbuild.errors import BrokenError, LoginError, RegistryError, SilentError
from envbuild.registry.admission import related
from envbuild.registry.client import Registry

_LAYER = b"0123456789" * 1000


class Elsewhere(Loopback):
    """A storage that takes and gives whatever comes, and asks for nothing."""

    def __init__(self, **options: object) -> None:
        self.stored: dict[str, bytes] = {}
        super().__init__(**options)  # type: ignore[arg-type]

    def reply(self, request: Request) -> Reply:
        self.log.append(request)
        place = request.path.partition("?")[0]
        if request.method in {"PATCH", "PUT"}:
            self.stored[place] = self.stored.get(place, b"") + b"".join(request.body)
            return Reply(HTTPStatus.CREATED if request.method == "PUT" else HTTPStatus.ACCEPTED)
        return Reply(body=self.stored.get(place, _LAYER))


def leads(status: int, place: str) -> Fault:
    return lambda _request, _ask: Reply(status, headers={"Location": place})


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Real]:
    require("registry")
    with Real(tmp_path / "registry", private=True) as real:
        real.push("a", "1")
        yield real


@pytest.fixture
def front(private: Real) -> Iterator[Front]:
    with Front(private.server) as front:
        yield front


@pytest.fixture
def registry(front: Front, tmp_path: Path) -> Iterator[Registry]:
    """One that has been shown its login already."""
    with client(front.address, docker_config(tmp_path / "docker", **{front.address: LOGIN})) as (registry, _):
        registry.push_blob("a", blob(_LAYER))
        yield registry


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_blob_that_is_stored_elsewhere(front: Front, registry: Registry, status: int) -> None:
    """The storage sees no login, and no header of ours but who we are."""
    with Elsewhere() as storage:
        front.inject(leads(status, f"http://{storage.address}/x?signature=1"), "GET", "/blobs/", times=2)
        assert registry.blob("a", blob(_LAYER).digest) == _LAYER
        with registry.stream("a", blob(_LAYER).digest) as source:
            assert source.read(10) == _LAYER[:10]
    assert [one.path for one in storage.log] == ["/x?signature=1"] * 2
    assert [sorted(one.headers) for one in storage.log] == [["accept-encoding", "host", "user-agent"]] * 2


def test_an_upload_that_goes_elsewhere(front: Front, registry: Registry) -> None:
    """What is sent arrives there, and is no proof of who we are."""
    with Elsewhere() as storage:
        front.inject(leads(202, f"http://{storage.address}/upload?signature=1"), "POST")
        assert registry.push_blob("a", blob(b"other bytes"))
    assert storage.stored["/upload"] == b"other bytes"
    assert [one.method for one in storage.log] == ["PATCH", "PUT"]
    assert storage.log[1].path.startswith("/upload?signature=1&digest=sha256")
    assert not any("authorization" in one.headers for one in storage.log)


def test_a_write_is_led_nowhere(front: Front, registry: Registry) -> None:
    """A registry that sends a manifest elsewhere is not followed."""
    with Elsewhere() as storage:
        found = registry.manifest("a", "1")
        assert found is not None
        front.inject(leads(307, f"http://{storage.address}/m"), "PUT")
        with pytest.raises(BrokenError, match="answers 307"):
            registry.put("a", "2", found)
        assert storage.log == []


def test_a_storage_that_asks_who_we_are(front: Front, registry: Registry) -> None:
    """It is told nothing, and gets no token."""
    with Loopback(auth=("somebody", "else")) as storage:
        front.inject(leads(307, f"http://{storage.address}/x"), "GET", "/blobs/")
        with pytest.raises(LoginError, match="401"):
            registry.blob("a", blob(_LAYER).digest)
        assert not any("authorization" in one.headers for one in storage.log)


@pytest.mark.parametrize("place", ["http://[", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://127.0.0.1:x/"])
def test_places_that_are_none(front: Front, registry: Registry, place: str) -> None:
    """Neither for reading nor for an upload."""
    front.inject(leads(307, place), "GET", "/blobs/")
    with pytest.raises(BrokenError, match="leads to"):
        registry.blob("a", blob(_LAYER).digest)
    front.inject(leads(202, place), "POST")
    with pytest.raises(BrokenError, match="leads to"):
        registry.push_blob("a", blob(b"more"))


def test_a_circle(front: Front, registry: Registry) -> None:
    """It is left."""
    front.inject(leads(307, f"/v2/a/blobs/{blob(_LAYER).digest}"), "GET", times=99)
    with pytest.raises(BrokenError, match="leads in a circle"):
        registry.blob("a", blob(_LAYER).digest)


@pytest.mark.parametrize(
    ("own", "others", "strangers"),
    [
        ("registry-1.docker.io", "docker.io auth.docker.io registry-1.docker.io", "docker.com evil-docker.io io"),
        ("registry.example.com", "gitlab.example.com example.com a.b.example.com", "example.org com xexample.com"),
        ("example.com", "auth.example.com example.com", "evil.com com"),
        ("example.co.uk", "auth.example.co.uk", "evil.co.uk co.uk uk"),
        ("r.example.co.uk", "auth.example.co.uk example.co.uk", "evil.co.uk"),
        ("10.0.0.1", "10.0.0.1", "10.0.0.2 1.10.0.0.1 0.0.1"),
        ("registry", "registry", "auth localhost"),
        ("localhost", "localhost", "127.0.0.1 evil.localdomain"),
    ],
)
def test_hosts_of_ones_own(own: str, others: str, strangers: str) -> None:
    """The same, one below the other, or right below one name that is somebody's."""
    assert [one for one in others.split() if not related(own, one)] == []
    assert [one for one in strangers.split() if related(own, one)] == []


def test_tokens_that_are_had_elsewhere(tmp_path: Path) -> None:
    """A login is not shown there, and both are named; who has none is nobody there as well."""
    require("registry")
    with (
        Tokens(tmp_path / "tokens", LOGIN) as tokens,
        Real(tmp_path / "registry", auth=tokens.auth("localhost")) as real,
    ):
        host = docker_config(tmp_path / "docker", **{real.server: LOGIN})
        with client(real.server, host) as (registry, told), pytest.raises(LoginError) as refused:
            registry.head("a", "1")
        assert (tokens.log, told) == ([], [])
        assert f"{real.server} sends to localhost for a token" in refused.value.message
        assert "REGISTRY_AUTH_FILE" in refused.value.hint
        with client(real.server) as (registry, _), pytest.raises(LoginError, match="without credentials"):
            registry.head("a", "1")
        assert [one.headers.get("authorization") for one in tokens.log] == [None]


class Guarded(Loopback):
    """A registry of one empty manifest that wants a token of REALM; it has what stands on the paper it gets."""

    def __init__(self, realm: str, **options: object) -> None:
        self.realm = realm
        self.leads = ""
        super().__init__(**options)  # type: ignore[arg-type]

    def reply(self, request: Request) -> Reply:
        self.log.append(request)
        if request.headers.get("authorization") != "Bearer t0ken-of-the-day":
            challenge = f'Bearer realm="{self.realm}",service="s",scope="repository:a:pull"'
            return Reply(401, headers={"WWW-Authenticate": challenge})
        if self.leads:
            return Reply(307, headers={"Location": self.leads})
        return Reply(body=b'{"schemaVersion": 2}')


class Giving(Loopback):
    def reply(self, request: Request) -> Reply:
        self.log.append(request)
        return Reply(body=b'{"token": "t0ken-of-the-day"}')


_NAMES = ("registry.example.com", "auth.example.com", "auth.example.net", "registry-1.docker.io", "auth.docker.io")


def test_names_and_tls(tmp_path: Path) -> None:
    """Through a proxy, by a bundle of certificates: tokens of a neighbour, none of a stranger, never without TLS."""
    bundle, tls = authority(tmp_path / "tls", *_NAMES)
    login = {"registry.example.com": LOGIN, "https://index.docker.io/v1/": ("me", "at the hub")}
    config = docker_config(tmp_path / "docker", **login)
    with Giving(tls=tls) as giving, Guarded("https://auth.example.com/token", tls=tls) as guarded:
        places = {name: giving.address for name in _NAMES if name.startswith("auth.")}
        places |= {name: guarded.address for name in _NAMES if name.startswith("registry")}
        with Names(places) as names:
            host = {**config, "HTTPS_PROXY": f"http://proxy:pass%20word@{names.address}"}

            def head(server: str) -> None:
                with client(server, host, ca_bundle=str(bundle)) as (registry, _):
                    registry.head("a", "1")

            head("registry.example.com")
            assert [one.headers.get("authorization") for one in giving.log] == [basic(*LOGIN)]
            guarded.realm = "https://auth.docker.io/token"
            head("docker.io")
            assert giving.log[-1].headers["authorization"] == basic("me", "at the hub")
            guarded.realm = "https://auth.example.net/token"
            with pytest.raises(LoginError, match=r"registry.example.com sends to auth.example.net for a token"):
                head("registry.example.com")
            guarded.realm = "http://auth.example.com/token"
            with pytest.raises(LoginError, match=r"sends to 'http://auth.example.com' .* no place of https"):
                head("registry.example.com")
            guarded.realm, guarded.leads = "https://auth.example.com/token", f"http://{giving.address}/x"
            with pytest.raises(BrokenError, match=r"leads to 'http://127.0.0.1', which is no place of https"):
                head("registry.example.com")
            with pytest.raises(SilentError, match=r"the registry auth.example.org does not answer: Tunnel"):
                head("auth.example.org")
            proxied = {line for text in names.heads for line in text.split("\r\n") if "uthorization" in line}
            assert proxied == {f"Proxy-Authorization: {basic('proxy', 'pass word')}"}
            host["NO_PROXY"] = "example.com"
            with pytest.raises(SilentError):
                head("registry.example.com")
            assert names.asked.count("auth.example.com") == 2
        assert "auth.example.net" not in names.asked
    assert not any("proxy-authorization" in one.headers for one in (*giving.log, *guarded.log))


@pytest.mark.parametrize("scheme", ["socks5", "https"])
@pytest.mark.parametrize("server", ["registry.example.com", "plain.example.com"])
def test_a_proxy_that_cannot_be_spoken_to(scheme: str, server: str) -> None:
    """It is told nothing, and no password in plain words."""
    with Elsewhere() as proxy:
        host = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"{scheme}://me:too@{proxy.address}")
        with client(server, host, plain={"plain.example.com"}) as (registry, told):
            with pytest.raises(SilentError, match=f"a proxy by {scheme} is none that registries are"):
                registry.head("a", "1")
            assert (told, proxy.log) == ([], [])


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    """It ends there, at once."""
    _, tls = authority(tmp_path / "tls", "registry.example.com")
    with (
        Guarded("https://x", tls=tls) as guarded,
        Names({"registry.example.com": guarded.address}) as names,
        client("registry.example.com", {"https_proxy": names.address}) as (registry, told),
        pytest.raises(SilentError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        registry.head("a", "1")
    assert (guarded.log, told) == ([], [])


def test_plain_http_beyond_loopback() -> None:
    """Only where the settings say so; its proxy sees the whole URL, and its own login alone."""
    with Elsewhere() as proxy:
        host = {"HTTP_PROXY": f"http://me:too@{proxy.address}", "NO_PROXY": "other.example.com"}
        with client("plain.example.com", host, plain=["plain.example.com"]) as (registry, _):
            assert registry.head("a", "1")
        assert proxy.log[0].path == "http://plain.example.com/v2/a/manifests/1"
        assert proxy.log[0].headers["proxy-authorization"] == basic("me", "too")
        assert proxy.log[0].headers["host"] == "plain.example.com"


def repeats(request: Request, _: Ask) -> Reply:
    """Say what we were shown, in as many ways as there are."""
    for _piece in request.body:
        pass
    shown = request.headers.get("authorization", "")
    paper = shown.partition(" ")[2]
    with_password = paper if shown.startswith("Bearer") else base64.b64decode(paper).decode()
    text = f"{shown} {paper} {with_password} {quote(with_password)} {quote(paper, safe='')}"
    return Reply(HTTPStatus.BAD_REQUEST, json.dumps({"errors": [{"message": text}]}).encode())


@pytest.mark.parametrize("kind", ["password", "token"])
def test_no_secret_is_told(tmp_path: Path, kind: str) -> None:
    """Whatever fails, and whatever a registry repeats: not in an error, nor in what is told, nor to anybody else."""
    require("registry")
    with Tokens(tmp_path / "tokens", LOGIN) as tokens, Elsewhere() as storage:
        auth = tokens.auth() if kind == "token" else None
        with Real(tmp_path / "registry", private=not auth, auth=auth) as real, Front(real.server) as front:
            host = docker_config(tmp_path / "docker", **{front.address: LOGIN})
            with client(front.address, host) as (registry, told):
                registry.push_blob("a", blob(_LAYER))
                texts = [*failures(registry, front, storage)]
                texts += [f"{one!r} {one}" for one in told]
        secrets = [LOGIN[1], quote(LOGIN[1]), basic(*LOGIN).partition(" ")[2], *tokens.given]
        assert len(texts) > 20
        assert [(secret, text) for secret, text in itertools.product(secrets, texts) if secret in text] == []
        seen = [f"{one.path} {dict(one.headers)}" for one in storage.log]
        assert seen
        assert [(secret, text) for secret, text in itertools.product(secrets, seen) if secret in text] == []


def failures(registry: Registry, front: Front, storage: Elsewhere) -> Iterator[str]:
    """What is said of each call by each fault."""
    there = f"http://{storage.address}/x"
    faults = [repeats, hangs_up, answers(401), answers(403), answers(429), answers(500), answers(200)]
    calls: list[Callable[[], object]] = [
        lambda: registry.manifest("a", "1"),
        lambda: registry.tags("a"),
        lambda: registry.blob("a", blob(_LAYER).digest),
        lambda: registry.push_blob("a", blob(os.urandom(100))),
    ]
    for fault in (*faults, leads(307, there), leads(202, there), leads(307, "http://[")):
        for call in calls:
            front.inject(fault, times=9)
            try:
                call()
            except RegistryError as error:
                yield f"{error!r} {error} {error.__cause__} {error.__context__}"
            front.forget()
