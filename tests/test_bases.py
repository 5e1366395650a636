"""Base images in locks: found by a real registry once, held by their digest, moved only when that is asked for."""

import hashlib
import json
from pathlib import Path

import pytest
from support.loopback import Loopback, Reply, Request
from support.project import Project
from support.registered import docker_config
from support.registry import LOGIN, Registry
from support.services import require

from envbuild.lock import ImageName, image_name, read_head

_LOCK = "locks/a.conda-lock.yml"
_DIGEST = "sha256:" + "a" * 64


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def write(project: Project, base: str) -> None:
    project.write("manifests/a.yaml", f"builder: docker\nimage: {{base: {base}}}\n")


def held(project: Project) -> tuple[str, str, str]:
    """The base of the lock: name, tag, digest."""
    base = read_head(_LOCK, (project.path / _LOCK).read_text()).base
    assert base is not None
    return base.name, base.tag, base.digest


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("debian", ImageName("docker.io", "library/debian", "latest")),
        ("debian:12", ImageName("docker.io", "library/debian", "12")),
        ("acme/base:1.2-x", ImageName("docker.io", "acme/base", "1.2-x")),
        ("localhost/base", ImageName("localhost", "base", "latest")),
        ("127.0.0.1:5000/a/b:c", ImageName("127.0.0.1:5000", "a/b", "c")),
        ("reg.example.com/a/b", ImageName("reg.example.com", "a/b", "latest")),
        (f"debian:12@{_DIGEST}", ImageName("docker.io", "library/debian", "12", _DIGEST)),
        ("debian ~ 1[23]", ImageName("docker.io", "library/debian", "latest", "", "1[23]")),
        *((text, None) for text in ("", "Debian", "a b", "-x", "a:", "a@sha256:12", "https://a/b", "a//../b", "a\nb")),
    ],
)
def test_references(text: str, name: ImageName | None) -> None:
    """As Docker understands them; what is none is none."""
    assert image_name(text) == name


def test_a_tag_is_held_by_its_digest(project: Project, registry: Registry) -> None:
    """The registry is asked once: what it calls so later changes nothing before an upgrade, which is shown."""
    first = registry.push("team/base", "12")
    write(project, f"'{registry.server}/team/base:12'")
    assert project.run("lock").out == f"a  solved  {_LOCK}\nLock: 1 solved.\n"
    assert held(project) == (f"{registry.server}/team/base", "12", first)
    text = (project.path / _LOCK).read_text()
    second = registry.push("team/base", "12", says="newer")
    assert second != first
    assert project.run("lock").out == "Lock: 1 current.\n"
    project.run("lock", "--check")
    assert (project.path / _LOCK).read_text() == text
    project.write("envbuild.yaml", "platforms: [linux-64, osx-arm64]\n")
    assert project.run("lock").out == f"a  solved  {_LOCK}\nLock: 1 solved.\n"
    assert held(project)[2] == first
    told = project.json("lock", "--upgrade", "--diff")["environments"][0]["moves"]
    assert [(one["manager"], one["before"], one["now"]) for one in told] == [
        ("image", f"12 {first[7:19]}", f"12 {second[7:19]}")
    ]
    assert held(project)[2] == second


def test_the_newest_tag_that_matches(project: Project, registry: Registry) -> None:
    """By its numbers, not by its letters; none that matches is an error that shows what there is."""
    for tag in ("12.9-slim", "12.10-slim", "13.1", "latest"):
        registry.push("base", tag, says=tag)
    write(project, f"{{image: '{registry.server}/base', tag: '12\\.[0-9]+-slim'}}")
    project.run("lock")
    assert held(project)[1] == "12.10-slim"
    write(project, f"{{image: '{registry.server}/base', tag: '14.*'}}")
    run = project.run("lock", check=1)
    assert "manifests/a.yaml:2:15: no tag of" in run.err
    assert "hint: choose among its tags: latest, 12.9-slim, 12.10-slim, 13.1" in run.err
    assert held(project)[1] == "12.10-slim"
    write(project, f"{{image: '{registry.server}/base', tag: '['}}")
    assert "'[' is no regular expression" in project.run("lock", check=1).err


def test_a_private_base(project: Project, tmp_path: Path) -> None:
    """It is asked for with the login of Docker's config; without one that is said, and no lock is written."""
    require("registry")
    with Registry(tmp_path / "private", private=True) as private:
        digest = private.push("base", "12")
        write(project, f"'{private.server}/base:12'")
        told = project.run("lock", check=1, env={"DOCKER_CONFIG": str(tmp_path)}).err
        assert f"{private.server} lets nobody at {private.server}/base:12 without credentials" in told
        assert not (project.path / _LOCK).exists()
        ran = project.run("lock", env=docker_config(tmp_path / "docker", **{private.server: LOGIN}))
    assert held(project)[2] == digest
    assert LOGIN[1] not in ran.out + ran.err + project.read(_LOCK)


def test_another_base_makes_the_lock_stale(project: Project, registry: Registry) -> None:
    """With the line that says so; what a digest names asks nobody."""
    registry.push("base", "12")
    write(project, f"'{registry.server}/base:12'")
    project.run("lock")
    write(project, f"'{registry.server}/base:13@{_DIGEST}'")
    assert f"base {registry.server}/base:12 -> " in project.run("lock", "--check", check=3).out
    registry.close()
    project.run("lock")
    assert held(project) == (f"{registry.server}/base", "13", _DIGEST)


def test_local_prefixes_ask_no_registry(project: Project) -> None:
    """They are made of no image."""
    project.write("manifests/a.yaml", "image: {base: 'localhost:1/base'}\nvariables: {A: b}\n")
    assert project.run("lock").out == "Lock: 1 current.\n"


def test_what_a_registry_lacks(project: Project, registry: Registry) -> None:
    """The image, the tag; and a registry that is none."""
    registry.push("base", "12")
    write(project, f"'{registry.server}/base:13'")
    assert f"manifests/a.yaml:2:15: there is no image {registry.server}/base:13\n" in project.run("lock", check=1).err
    write(project, "'localhost:1/base'")
    told = project.run("lock", check=1).err
    assert "manifests/a.yaml:2:15: the registry localhost:1 does not answer: Connection refused\n" in told
    assert not (project.path / _LOCK).exists()


_CONFIG = b'{"config":{"User":"app"}}'


class _Guarded(Loopback):
    """A registry of one image that wants a token, which everybody gets; CONFIG is what it says of containers."""

    config = _CONFIG
    gives = True
    said = ""

    def reply(self, request: Request) -> Reply:
        self.log.append(request)
        if request.path.startswith("/token"):
            return Reply(body=json.dumps({"token": "t0ken"} if self.gives else {}).encode())
        if request.headers.get("authorization") != "Bearer t0ken":
            realm = f'Bearer realm="http://127.0.0.1:{self.port}/token",service="s",scope="repository:base:pull"'
            return Reply(401, headers={"WWW-Authenticate": realm})
        if request.path.startswith("/v2/base/blobs/"):
            return Reply(body=self.config)
        return Reply(body=self.manifest, headers={"Docker-Content-Digest": self.said} if self.said else {})

    @property
    def manifest(self) -> bytes:
        config = {"digest": digest_of(self.config), "size": len(self.config)}
        return json.dumps({"config": config}).encode()

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2].partition("/")[0]


def test_a_token_that_everybody_gets(project: Project) -> None:
    """As public registries give it; where there is none, that is said, with the way around it."""
    with _Guarded() as guarded:
        write(project, f"'127.0.0.1:{guarded.port}/base:1'")
        project.run("lock")
        assert held(project)[2] == digest_of(guarded.manifest)
        assert [one.path.partition("?")[0] for one in guarded.log][:2] == ["/v2/base/manifests/1", "/token"]
        guarded.gives = False
        told = project.run("lock", "--upgrade", check=1).err
        assert "lets nobody at" in told
        assert "IMAGE@sha256:" in told


def test_a_digest_that_is_none_of_it(project: Project) -> None:
    """A registry whose bytes are not what it says they are is not believed."""
    with _Guarded() as guarded:
        guarded.said = _DIGEST
        write(project, f"'127.0.0.1:{guarded.port}/base:1'")
        assert f"is {_DIGEST}, and sends sha256:" in project.run("lock", check=1).err
