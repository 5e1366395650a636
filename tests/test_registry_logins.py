"""Who we are to a registry: by Docker's config, helpers and REGISTRY_AUTH_FILE, by password and by token."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.front import Front
from support.registered import blob, client, config_file, docker_config, encoded
from support.registry import LOGIN
from support.registry import Registry as Real
from support.services import require
from support.tokens import Tokens

from envbuild.errors import LoginError
from envbuild.process import Programs
from envbuild.registry import Line
from envbuild.registry.login import Login
from envbuild.registry.logins import Logins

_REFRESH = "an identity token 7c1d"
_SERVER = "registry.example.com"


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Real]:
    require("registry")
    with Real(tmp_path / "registry", private=True) as real:
        real.push("some/image", "v1")
        yield real


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    with Tokens(tmp_path / "tokens", LOGIN, _REFRESH) as tokens:
        yield tokens


@pytest.fixture
def guarded(tmp_path: Path, tokens: Tokens) -> Iterator[Front]:
    """A real registry that wants tokens, with an image in it."""
    require("registry")
    with Real(tmp_path / "registry") as real:
        real.push("some/image", "v1")
    with Real(tmp_path / "registry", auth=tokens.auth()) as real, Front(real.server) as front:
        yield front


def helper(folder: Path, name: str, script: str) -> str:
    """A credential helper that logs what it is told; gives the PATH that it is found by."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / f"docker-credential-{name}"
    program.write_text(f'#!/bin/sh\nread -r server\necho "$# $1 $server" >>"{folder}/asked"\n{script}\n')
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def gives(user: str, secret: str) -> str:
    return f"printf '%s' '{json.dumps({'ServerURL': 'x', 'Username': user, 'Secret': secret})}'"


def found(host: Mapping[str, str], repository: str = "a", server: str = _SERVER) -> Login | None:
    return Logins(server, Line(host, programs=Programs())).of(repository)


def test_a_password(private: Real, tmp_path: Path) -> None:
    """As `docker login` writes it; it is shown once asked for, and then at once."""
    host = docker_config(tmp_path / "docker", **{private.server: LOGIN})
    with Front(private.server) as front, client(front.address, host) as (registry, _), pytest.raises(LoginError):
        registry.head("some/image", "v1")
    with client(private.server, host) as (registry, _):
        assert registry.head("some/image", "v1")
        assert registry.push_blob("other", blob(b"bytes"))
    with Front(private.server) as front:
        host = docker_config(tmp_path / "docker", **{front.address: LOGIN})
        with client(front.address, host) as (registry, _):
            assert registry.head("some/image", "v1")
            assert registry.tags("some/image") == ["v1"]
        assert ["authorization" in one.headers for one in front.log] == [False, True, True]


def test_nobody_and_somebody_else(private: Real, tmp_path: Path) -> None:
    """Told apart, with how to mend either."""
    with client(private.server) as (registry, told), pytest.raises(LoginError) as refused:
        registry.head("some/image", "v1")
    assert f"{private.server} lets nobody at {private.server}/some/image:v1 without" in refused.value.message
    assert refused.value.hint == (
        f"run 'docker login {private.server}', set REGISTRY_AUTH_FILE, or name a secret that is for it"
    )
    host = docker_config(tmp_path / "docker", **{private.server: ("robot", "wrong")})
    with client(private.server, host) as (registry, told), pytest.raises(LoginError) as refused:
        registry.manifest("some/image", "v1")
    assert f"does not let 'robot' at {private.server}/some/image:v1 (401)" in refused.value.message
    assert refused.value.hint == f"check the login in '{tmp_path}/docker/config.json', and what it may do there"
    assert told == []


def test_tokens_are_had_for_what_is_done_and_kept(guarded: Front, tokens: Tokens, tmp_path: Path) -> None:
    """One for each repository and what is done there, with the place that is mounted from."""
    host = docker_config(tmp_path / "docker", **{guarded.address: LOGIN})
    with client(guarded.address, host) as (registry, _):
        for _ in range(3):
            assert registry.head("some/image", "v1")
        layer = blob(b"bytes")
        assert registry.push_blob("some/image", layer)
        assert not registry.push_blob("other", layer, source="some/image")
        assert registry.head("other", "v1") is None
    asked = [form["scope"] for form in tokens.forms]
    assert asked[:2] == ["repository:some/image:pull", "repository:some/image:pull,push"]
    assert len(tokens.given) == 5
    assert [one.headers["authorization"] for one in guarded.log[1:4]] == [f"Bearer {tokens.given[0]}"] * 3


def test_a_token_is_renewed_once(guarded: Front, tokens: Tokens, tmp_path: Path) -> None:
    """One that the registry takes no more is had anew; when that helps nothing, it is over."""
    host = docker_config(tmp_path / "docker", **{guarded.address: LOGIN})
    with client(guarded.address, host) as (registry, told):
        registry.head("some/image", "v1")
        tokens.stale = 1
        assert registry.push_blob("some/image", blob(b"bytes"))
        tokens.stale = 9
        with pytest.raises(LoginError, match="does not let 'robot' at"):
            registry.head("another", "v1")
    assert tokens.stale == 7
    assert told == []


def test_an_identity_token(guarded: Front, tokens: Tokens, tmp_path: Path) -> None:
    """It is sent in a form, as OAuth 2 has it, and stands in no URL."""
    entry = {"auth": encoded("<token>", ""), "identitytoken": _REFRESH}
    with client(guarded.address, config_file(tmp_path / "d", {"auths": {guarded.address: entry}})) as (registry, _):
        assert registry.head("some/image", "v1")
    assert [(one.method, one.path) for one in tokens.log] == [("POST", "/token")]
    assert (tokens.forms[0]["grant_type"], tokens.forms[0]["client_id"]) == ("refresh_token", "envbuild")
    program = helper(tmp_path / "bin", "h", gives("<token>", _REFRESH))
    host = {**config_file(tmp_path / "d", {"credsStore": "h"}), "PATH": program}
    with client(guarded.address, host, programs=Programs()) as (registry, _):
        assert registry.head("some/image", "v1")


def test_a_token_server_that_refuses(guarded: Front, tmp_path: Path) -> None:
    """It is named, and what it repeats of us is hidden."""
    host = docker_config(tmp_path / "docker", **{guarded.address: ("robot", "hush-41c7")})
    with client(guarded.address, host) as (registry, told), pytest.raises(LoginError) as refused:
        registry.head("some/image", "v1")
    assert "does not let 'robot' at a token of 127.0.0.1" in refused.value.message
    assert "no Basic ***" in refused.value.message
    assert told == []


def test_the_files_and_their_order(tmp_path: Path) -> None:
    """REGISTRY_AUTH_FILE stands before Docker's; what it does not know is looked for there."""
    host = docker_config(tmp_path / "docker", **{_SERVER: ("docker", "1"), "other.example.com": ("other", "2")})
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {_SERVER: {"auth": encoded("own", "3")}}}))
    both = {**host, "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    names = [login and login.user for login in (found(host), found(both), found(both, server="other.example.com"))]
    assert names == ["docker", "own", "other"]
    home = tmp_path / "home"
    config_file(home / ".docker", {"auths": {_SERVER: {"username": "at home", "password": "4"}}})
    at_home = found({"HOME": str(home)})
    assert (at_home and at_home.user, found({"HOME": "/nowhere"}), found({})) == ("at home", None, None)


def test_what_is_nearest_to_a_repository(tmp_path: Path) -> None:
    """A file may hold logins for parts of a registry; old keys are URLs."""
    auths = {_SERVER: ("all", "1"), f"{_SERVER}/team": ("team", "2"), f"{_SERVER}/team/base": ("base", "3")}
    host = docker_config(tmp_path / "docker", **auths, **{"https://old.example.com/v1/": ("old", "4")})
    for repository, user in [("a", "all"), ("team/x", "team"), ("team/base", "base"), ("teams", "all")]:
        login = found(host, repository)
        assert login is not None
        assert login.user == user
    old = found(host, server="old.example.com")
    assert old is not None
    assert old.user == "old"


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_the_odd_key_of_docker_hub(tmp_path: Path, key: str) -> None:
    """As `docker login` without a name writes it; a helper is asked by that name."""
    login = found(docker_config(tmp_path / "docker", **{key: ("me", "1")}), "library/debian", "docker.io")
    assert login is not None
    assert login.user == "me"
    path = helper(tmp_path / "bin", "h", gives("helped", "2"))
    helped = found({**config_file(tmp_path / "d", {"credHelpers": {key: "h"}}), "PATH": path}, server="docker.io")
    assert helped is not None
    assert helped.user == "helped"
    assert (tmp_path / "bin/asked").read_text() == "1 get https://index.docker.io/v1/\n"


def test_helpers(private: Real, tmp_path: Path) -> None:
    """The one of a registry stands before the one of all; the server is told on standard input, once."""
    path = helper(tmp_path / "bin", "own", gives(*LOGIN))
    config = {"credHelpers": {private.server: "own"}, "credsStore": "absent", "auths": {private.server: {}}}
    host = {**config_file(tmp_path / "docker", config), "PATH": path}
    with client(private.server, host, programs=Programs()) as (registry, _):
        assert registry.tags("some/image") == ["v1"]
        assert registry.head("other", "v1") is None
    assert (tmp_path / "bin/asked").read_text() == f"1 get {private.server}\n"


def test_a_helper_that_knows_nothing(tmp_path: Path) -> None:
    """Then what the file itself holds counts, and else we are nobody."""
    path = helper(tmp_path / "bin", "h", "echo 'credentials not found in native keychain'; exit 1")
    config = {"credsStore": "h", "auths": {"other.example.com": {"auth": encoded("filed", "1")}}}
    host = {**config_file(tmp_path / "docker", config), "PATH": path}
    other = found(host, server="other.example.com")
    assert other is not None
    assert (found(host), other.user) == (None, "filed")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo hush-2b90 >&2; exit 3", "docker-credential-h fails for registry.example.com: it ends with 3"),
        ("echo hush-2b90", "docker-credential-h gives no login that can be read"),
        ("echo '[\"hush-2b90\"]'", "docker-credential-h gives no login that can be read"),
    ],
)
def test_a_helper_that_fails(tmp_path: Path, script: str, told: str) -> None:
    """What it says is repeated nowhere: it may be the secret."""
    host = {**config_file(tmp_path / "docker", {"credsStore": "h"}), "PATH": helper(tmp_path / "bin", "h", script)}
    with pytest.raises(LoginError) as failed:
        found(host)
    assert failed.value.message == told
    assert "hush-2b90" not in str(failed.value)
    assert failed.value.hint == f"see that docker-credential-h works, or change '{tmp_path}/docker/config.json'"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{hush-2b90", "' is no JSON"),
        ("[]", "' is no JSON object"),
        ('{"auths": {"registry.example.com": {"auth": "hush-2b90 !"}}}', "holds no login for registry.example.com"),
        ('{"auths": {"registry.example.com": "hush-2b90"}}', "holds no login for registry.example.com"),
        ('{"credsStore": "absent"}', "cannot start docker-credential-absent: No such file"),
        ('{"credsStore": "../../bin/sh"}', "names no credential helper with '../../bin/sh'"),
    ],
)
def test_files_that_hold_no_login(tmp_path: Path, content: str, told: str) -> None:
    """Each is named; what it holds is not repeated."""
    host = config_file(tmp_path / "docker", {})
    (tmp_path / "docker/config.json").write_text(content)
    with pytest.raises(LoginError, match=r".+") as failed:
        found(host)
    assert told in failed.value.message
    assert str(tmp_path / "docker/config.json") in str(failed.value)
    assert "hush-2b90" not in str(failed.value)


def test_a_file_that_is_named_and_not_there() -> None:
    """Only Docker's own may be absent."""
    with pytest.raises(LoginError, match="there is no file '/nowhere', which REGISTRY_AUTH_FILE names"):
        found({"REGISTRY_AUTH_FILE": "/nowhere"})


def test_a_login_shows_nothing_of_itself() -> None:
    """However it is printed."""
    login = Login("here", "me", "hush-2b90", "hush-2b91", "hush-2b92")
    assert {repr(login), str(login), f"{[login]}"} == {"Login(of here)", "[Login(of here)]"}
