"""Registries that a secret of the project opens: for bases, pushes and pulls, by every builder of images."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine import Engine
from support.front import Front
from support.imaging import Imaging
from support.registered import client
from support.registry import LOGIN, Registry
from support.services import require

from envbuild.builders.docker import logins_of
from envbuild.errors import LoginError
from envbuild.registry import Line, Login
from envbuild.registry.logins import Logins
from envbuild.settings import Settings
from envbuild.settings.secrets import Secret
from envbuild.solvers.secrets import Secrets

_VALUE = {"ACME_REGISTRY": LOGIN[1]}
_BASE = "base/busybox"


@pytest.fixture
def private(tmp_path: Path, engine: Engine) -> Iterator[Registry]:
    """One that lets in a single user, with a base in it."""
    require("registry")
    with Registry(tmp_path / "registry", private=True) as registry:
        docker = engine.client(tmp_path / "client", {registry.server: LOGIN})
        reference = f"{registry.server}/{_BASE}:1"
        docker("tag", engine.base("busybox"), reference)
        docker("push", reference)
        docker("image", "rm", reference)
        yield registry


@pytest.fixture
def imaging(engine: Engine, private: Registry, tmp_path: Path, uv_cache: Path) -> Imaging:
    made = Imaging(tmp_path, engine, private.server, uv_cache)
    _settings(made, "docker", private.server)
    image = f"image:\n  base: {private.server}/{_BASE}:1\n  labels: {{a: b}}\n  command: [echo, hello]\n"
    made.project.write("manifests/a.yaml", image)
    return made


def _settings(imaging: Imaging, builder: str, server: str, more: str = "") -> None:
    secret = f"{{env: ACME_REGISTRY, user: {LOGIN[0]}, for: ['http://{server}']{more}}}"
    imaging.project.write(
        "envbuild.yaml",
        f"registry: {server}/team\nbuilder: {builder}\nplatforms: [linux-64]\nsecrets: {{acme: {secret}}}\n",
    )


def _files(folder: Path) -> bytes:
    return b"\n".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())


@pytest.mark.parametrize("builder", ["docker", "oci"])
def test_a_registry_is_opened_by_a_secret(imaging: Imaging, private: Registry, builder: str) -> None:
    """The base is read, the image pushed and pulled; the value stands nowhere."""
    _settings(imaging, builder, private.server)
    applied = imaging.apply(env=_VALUE)
    assert imaging.project.run("plan", env=_VALUE).out.startswith("No changes. ")
    pulled = imaging.project.run("pull", "a", env=_VALUE)
    kept = _files(imaging.project.path) + pulled.out.encode() + json.dumps(applied).encode()
    assert LOGIN[1].encode() not in kept
    assert Login("x", *LOGIN).basic.partition(" ")[2].encode() not in kept


def test_without_its_value_the_secret_is_told(imaging: Imaging) -> None:
    """By name, with its line and what to set; nothing is made."""
    run = imaging.project.run("apply", check=1)
    assert "envbuild.yaml:4:" in run.err
    assert "the secret 'acme' has no value: the variable ACME_REGISTRY is not set\n" in run.err
    assert "hint: set ACME_REGISTRY" in run.err
    assert not (imaging.project.path / "locks").exists()


def test_a_wrong_value_says_whose_it_is(imaging: Imaging) -> None:
    """And not what it is."""
    run = imaging.project.run("apply", check=1, env={"ACME_REGISTRY": "sesame-wrong"})
    assert "the secret 'acme'" in run.err
    assert "sesame" not in run.err


def test_a_registry_is_shown_no_bearer(imaging: Imaging, private: Registry) -> None:
    """It hands out its own tokens, for a user and a password."""
    _settings(imaging, "docker", private.server, ", as: bearer")
    text = imaging.project.read("envbuild.yaml").replace(f", user: {LOGIN[0]}", "")
    imaging.project.write("envbuild.yaml", text)
    run = imaging.project.run("apply", check=1, env=_VALUE)
    assert "a registry is shown a user and a password, and the secret 'acme' is sent otherwise" in run.err
    assert "or remove 'as', or name registries under another secret" in run.err


def test_no_helper_of_docker_is_asked_for_it(imaging: Imaging, tmp_path: Path) -> None:
    """Who keeps all logins in a store that has not this one builds all the same; their own config stays as it is."""
    own = Path(imaging.project.environ["DOCKER_CONFIG"])
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "cli-plugins").symlink_to(own / "cli-plugins")
    text = json.dumps({"credsStore": "nobody", "auths": {"other.example": {}}})
    (folder / "config.json").write_text(text)
    imaging.apply(env={**_VALUE, "DOCKER_CONFIG": str(folder)})
    assert (folder / "config.json").read_text() == text


def test_a_secret_is_for_its_places_alone(private: Registry) -> None:
    """Of several the nearest; another repository, or another registry, is shown nothing of it."""
    shown: list[str] = []

    def opens(url: str) -> Login | None:
        shown.append(url)
        return Login("the secret 'acme'", *LOGIN) if url.startswith(f"http://{private.server}/base") else None

    line = Line({}, opens=opens)
    assert Logins(private.server, line).of(_BASE) == Login("the secret 'acme'", *LOGIN)
    assert Logins(private.server, line).of("team/a") is None
    assert Logins("docker.io", line).of("library/python") is None
    assert shown[-1] == "https://docker.io/library/python"
    with Front(private.server) as front, client(front.address, {}) as (registry, _), pytest.raises(LoginError):
        registry.head(_BASE, "1")
    assert not [one for one in front.log if "authorization" in one.headers]


def test_buildkit_is_shown_the_nearest_of_several(tmp_path: Path) -> None:
    """By the image that is named, in any order of the settings; of a host that is not named nothing is read."""
    host, text = "registry.example.com:5000", "FROM registry.example.com:5000/team/base:1@sha256:ab\n"
    every = {"whole": f"https://{host}", "team": f"https://{host}/team", "other": f"https://{host}/other"}
    gone = {"gone": Secret(env="NOBODY_SETS_THIS", places=("https://gone.example.com",))}
    for names in (tuple(every), tuple(reversed(every))):
        stated = {name: Secret(env=name.upper(), user=name, places=(every[name],)) for name in names}
        values = {name.upper(): f"of {name}" for name in names}
        secrets = Secrets(Settings(secrets=stated | gone), values, tmp_path)
        assert {at: one.user for at, one in logins_of(secrets, text).items()} == {host: "team"}
        assert logins_of(secrets, "FROM example.com/registry.example.com:5000/x\n") == {}
