"""Builder `oci` as a whole: images that are pushed with no engine, the same wherever they are made, layer by layer."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.assembling import World, made_by
from support.condachannel import Channel
from support.condapkg import File, Package
from support.front import Front
from support.index import Index
from support.registry import Registry

_COMMITTED = re.compile(r"/v2/(?P<repository>[^?]+)/blobs/uploads/.*digest=(?P<digest>sha256(?::|%3A)[0-9a-f]{64})")
_MOUNTED = re.compile(r"/v2/[^?]+/blobs/uploads/\?mount=(?P<digest>sha256:[0-9a-f]{64})&from=(?P<source>.+)")


@pytest.fixture
def front(registry: Registry) -> Iterator[Front]:
    with Front(registry.server) as front:
        yield front


@pytest.fixture
def world(front: Front, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    return World(tmp_path, uv_cache, index, front.address)


def sent(front: Front) -> set[str]:
    """Digests of the blobs that came, whole, since the log was last cleared."""
    found = (_COMMITTED.search(one.path) for one in front.log if one.method == "PUT")
    return {match["digest"].replace("%3A", ":") for match in found if match}


def begun(front: Front) -> int:
    return front.count("POST", "/blobs/uploads/")


def of_parts(world: World, name: str) -> set[str]:
    """What tells beside each image of what it is made."""
    served = world.served(name)
    stated = [served.stated(tag) for tag in served.tags() if tag.endswith("-parts")]
    return {one["digest"] for each in stated for one in (each["config"], *each["layers"])}


def test_an_image_without_an_engine(world: World) -> None:
    """What a registry serves is sound to the last byte: base, packages, copies; a plan has nothing more to do then."""
    world.project.write("app.py", "print(1)\n")
    image = "  copy: [{from: ../app.py, to: /srv/app.py}]\n  command: [python, /srv/app.py]\n"
    base = world.base()
    world.write("web", base, "alpha", "beta", image=image, more="variables: {MODE: fast}\n")
    world.apply()
    root = world.judge()
    served = world.served()
    assert made_by(served.layers("v1")) == ["", "alpha 2.0", "beta 1.0", "python 3.11.7 image", ""]
    config = served.config("v1")
    assert config["config"]["Env"] == [
        "PATH=/opt/env/bin:/usr/local/bin:/usr/bin",
        "GPG_KEY=7169",
        "PYTHON_VERSION=3.11.7",
        "LANG=C.UTF-8",
        "MODE=fast",
        "VIRTUAL_ENV=/opt/env",
    ]
    assert config["config"]["Cmd"] == ["python", "/srv/app.py"]
    assert {config["created"], *(one.get("created") for one in config["history"][1:])} == {"1970-01-01T00:00:00Z"}
    annotations = served.stated("v1")["annotations"]
    assert annotations["org.opencontainers.image.base.digest"] == world.served("../base/python").manifest("1").digest
    assert f"fp-{annotations['dev.envbuild.fingerprint'].replace(':', '-')}" in served.tags()
    assert (world.changes(), world.changes("--refresh")) == ({}, {})
    other = world.elsewhere("other")
    assert other.changes() == {"web": "adopt"}
    other.apply()
    assert (other.changes(), other.digest()) == ({}, root.digest)


def test_the_same_bytes_everywhere(world: World) -> None:
    """In another folder, by another user, with other times, words, masks, job counts and orders of files."""
    for name in ("one", "two", "three"):
        world.project.write(f"app/{name}.py", f"{name} = 1\n")
    base = world.base()
    image = "  copy: [{from: ../app, to: /srv/app}]\n  user: {name: app}\n"
    world.write("web", base, "alpha", "delta[fast]", "tool", image=image)
    world.write("job", base, "beta==1.0", image=image)
    world.project.run("lock")
    kept = {name: _kept(world, name) for name in ("web", "job") if world.apply("--no-push")}
    other = world.elsewhere("x/far away", TZ="Asia/Kathmandu", LANG="tr_TR.UTF-8", LC_ALL="C", USER="else")
    shutil.rmtree(other.project.path / "app")
    for name in ("two", "three", "one"):
        other.project.write(f"app/{name}.py", f"{name} = 1\n")
        os.utime(other.project.path / f"app/{name}.py", (1e9, 1e9))
    before = os.umask(0o077)
    try:
        other.apply("--no-push", "-j", "1")
    finally:
        os.umask(before)
    assert {name: _kept(other, name) for name in kept} == kept
    assert len({*kept.values()}) == 2
    assert all(one.startswith("oci@sha256:") for one in kept.values())


def _kept(world: World, name: str) -> str:
    return str(world.project.json("history", name)["records"][0]["reference"])


def test_a_changed_package_is_one_layer(world: World, front: Front) -> None:
    """Its layer, configuration and manifest are sent; of the rest the registry is asked whether it has it, no more."""
    base = world.base()
    world.write("web", base, "alpha==1.0", "beta", "gamma", "tool")
    world.apply()
    before = world.served().layers("v1")
    shutil.rmtree(Path(world.project.environ["XDG_CACHE_HOME"], "envbuild/layers"))  # which others may not have, either
    front.log.clear()
    world.write("web", base, "alpha==1.1", "beta", "gamma", "tool")
    world.apply()
    world.judge(tag="v2")
    after = world.served().layers("v2")
    assert [one for one in made_by(after) if one not in made_by(before)] == ["alpha 1.1"]
    (changed,) = [one["digest"] for one in after if one not in before]
    config = world.served().stated("v2")["config"]["digest"]
    log = sent(front)
    assert log - of_parts(world, "web") == {changed, config}
    assert begun(front) == len(log)


def test_environments_share_layers(world: World, front: Front) -> None:
    """What another one has is mounted from there: of the packages and the base nothing is sent a second time."""
    base = world.base()
    world.write("web", base, "alpha", "beta")
    world.apply()
    front.log.clear()
    world.write("job", base, "alpha", "beta", "tool")
    world.apply("job")
    world.judge("job")
    layers = world.served("job").layers("v1")
    own = {one["digest"] for one in layers if one not in world.served("web").layers("v1")}
    assert made_by(layers)[-1] == "tool 1.0"
    assert sent(front) - of_parts(world, "job") == own | {world.served("job").stated("v1")["config"]["digest"]}
    mounted = {match["digest"] for one in front.log if (match := _MOUNTED.search(one.path))}
    assert mounted >= {one["digest"] for one in layers} - own
    shown = world.project.json("show", "job", "--image", "--layers")["image"]
    assert "alpha 2.0" in json.dumps(shown)


def test_environments_share_layers_in_one_apply(world: World, front: Front) -> None:
    """Also of those that are made at once each layer is sent by one of them."""
    base = world.base()
    for name in ("a", "b", "c"):
        world.write(name, base, "alpha", "beta", image=f"  labels: {{name: {name}}}\n")
    world.apply("-j", "3")
    every = [_COMMITTED.search(one.path) for one in front.log if one.method == "PUT"]
    digests = [match["digest"].replace("%3A", ":") for match in every if match and match["repository"] != "base/python"]
    layers = {one["digest"] for name in ("a", "b", "c") for one in world.served(name).layers("v1")}
    assert len(layers) == 4
    assert {digests.count(one) for one in layers} <= {0, 1}


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    """A Python with no interpreter, a package of its own, a pure one, and data."""
    files = {"bin/python3.11": File(b"\x7fELF", 0o755), "bin/python": File(link="python3.11")}
    site = "lib/python3.11/site-packages"
    return Channel(
        tmp_path / "channel",
        *(Package(name="python", version="3.11.9", subdir=one, files=files) for one in ("linux-64", "linux-aarch64")),
        Package(name="pip", subdir="noarch", noarch="python", depends=["python"]),
        *(
            Package(name="fast", subdir=one, depends=["python"], files={f"{site}/fast/__init__.py": File(one.encode())})
            for one in ("linux-64", "linux-aarch64")
        ),
        Package(
            name="pure", subdir="noarch", noarch="python", depends=["python"],
            files={"site-packages/pure.py": File(b"pure = 1\n")},
        ),
        Package(name="data", subdir="noarch", noarch="generic", files={"share/data.txt": File(b"data\n")}),
    )  # fmt: skip


def test_a_conda_environment_upon_nothing(world: World, channel: Channel) -> None:
    """From scratch, for two processors that are not there; an index has both, and shares what is the same for both."""
    world.settings(platforms="[linux-64, linux-aarch64]")
    head = f'channels: ["{channel.url}"]\npython: {{from: conda}}\ndependencies: [fast, pure, data, {{pip: [alpha]}}]\n'
    world.project.write("manifests/web.yaml", f"{head}image: {{base: scratch, command: [python]}}\n")
    world.apply()
    world.judge(base=0)
    served = world.served()
    entries = served.stated("v1")["manifests"]
    assert [one["platform"] for one in entries] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]
    intel, arm = (served.layers(one["digest"]) for one in entries)
    assert made_by(intel) == ["alpha 2.0", "data 1.0 0", "fast 1.0 0", "pip 1.0 0", "pure 1.0 0", "python 3.11.9 0"]
    same = {name for name, one in zip(made_by(intel), intel, strict=True) if one in arm}
    assert {"data 1.0 0", "pure 1.0 0", "alpha 2.0"} <= same
    assert not {one for one in same if one.startswith("fast")}
    fast = next(one["digest"] for one in arm if made_by([one])[0].startswith("fast"))
    files = served.files(fast)
    assert files["opt/env/lib/python3.11/site-packages/fast/__init__.py"][1] == b"linux-aarch64"
    assert "opt/env/conda-meta/fast-1.0-0.json" in files
    assert world.changes("--refresh") == {}


def test_two_platforms_upon_a_base(world: World) -> None:
    """Each upon its own base; a wheel for all is one layer in both."""
    world.settings(platforms="[linux-64, linux-aarch64]")
    world.write("web", world.base(arm=True), "alpha")
    world.apply()
    world.judge()
    served = world.served()
    entries = served.stated("v1")["manifests"]
    intel, arm = (served.layers(one["digest"]) for one in entries)
    assert [one["platform"]["architecture"] for one in entries] == ["amd64", "arm64"]
    assert [*made_by(intel)] == [*made_by(arm)] == ["", "alpha 2.0", "python 3.11.7 image"]
    assert intel[1] == arm[1]
