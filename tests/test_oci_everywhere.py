"""Twenty environments, made in two folders by two users who have nothing in common: equal, digest by digest (P13)."""

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.assembling import World
from support.condachannel import Channel
from support.condapkg import File, Package
from support.index import Index
from support.registry import Registry

_CONDA = (
    Package(name="data", subdir="noarch", noarch="generic", files={"share/data.txt": File(b"data\n")}),
    Package(name="text", subdir="noarch", noarch="generic", files={"share/text.txt": File(b"text\n")}),
    Package(name="text", version="2.0", subdir="noarch", noarch="generic", files={"share/text.txt": File(b"more\n")}),
)
_IMAGES = (
    "  command: [python]\n",
    "  user: {name: app}\n  copy: [{from: ../../app, to: /srv/app, owner: app}]\n",
    "  workdir: /srv\n  labels: {team: growth}\n  copy: [{from: ../../app, to: /bin/tools/, mode: '0755'}]\n",
    "  expose: ['8080']\n  entrypoint: [python, -m]\n  stop_signal: SIGINT\n",
    "  prefix: /usr/local/own\n",
)
_SOMEBODY = "12345"
_PACKAGES = (("alpha",), ("alpha==1.0", "beta"), ("delta[fast]", "tool"))


@pytest.fixture
def world(registry: Registry, tmp_path: Path, uv_cache: Path, index: Index) -> World:
    channel = Channel(tmp_path / "channel", *_CONDA)
    made = World(tmp_path, uv_cache, index, registry.server, pushes=False)
    for name in ("one", "two", "three"):
        made.project.write(f"app/{name}.py", f"{name} = 1\n")
    base = made.base(arm=True)
    for number, (packages, image) in enumerate((each, image) for each in _PACKAGES for image in _IMAGES):
        made.write(
            f"pip/{number}", base, *packages, image=image, more="variables: {WHERE: '{{ environment.prefix }}'}\n"
        )
    for number, names in enumerate(("data", "text", "data, text", "text=1.0", "data, text=1.0")):
        platforms = "platforms: [linux-64, linux-aarch64]\n" if number % 2 else ""
        head = f'channels: ["{channel.url}"]\n{platforms}python: {{managed: true}}\ndependencies: [{names}]\n'
        made.project.write(f"manifests/conda/{number}.yaml", f"{head}image: {{base: scratch}}\n")
    made.project.run("lock")
    return made


@contextmanager
def masked(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_twenty_environments_are_equal(world: World) -> None:
    """With another user, home, time zone, language, mask, number of jobs, and order of files."""
    other = world.elsewhere("x/far away", TZ="Asia/Kathmandu", LANG="tr_TR.UTF-8", LC_ALL="C", USER="else")
    shutil.rmtree(other.project.path / "app")
    for name in ("two", "three", "one"):
        path = other.project.write(f"app/{name}.py", f"{name} = 1\n")
        os.utime(path, (1e9, 1e9))
    world.apply("-j", "3")
    with masked(0o077):
        _apply_as(_SOMEBODY, other)
    ours, theirs = _references(world), _references(other)
    assert ours == theirs
    assert len(ours) == len(set(ours.values())) == 20


def _apply_as(user: str, world: World) -> None:
    command = ["unshare", "--user", f"--map-user={user}", f"--map-group={user}"]
    ran = subprocess.run([*command, "id", "-u"], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == user
    command += [sys.executable, "-m", "envbuild", "apply", "-j", "1"]
    subprocess.run(command, cwd=world.project.path, env=world.project.environ, check=True, capture_output=True)


def test_a_channel_that_is_a_folder_may_lie_anywhere(world: World) -> None:
    """Its own name is all that an image knows of it."""
    (world.project.path / "manifests/pip").rename(world.folder / "left")
    world.apply()
    other = world.elsewhere("another/place")
    here, there = world.folder / "channel", other.folder / "channel"
    here.rename(there)
    for path in other.project.path.rglob("manifests/conda/*"):
        path.write_text(path.read_text().replace(str(here), str(there)))
    shutil.rmtree(other.project.path / "locks")
    other.project.run("lock")
    other.apply()
    assert _references(world) == _references(other)
    for blob in (world.folder / "registry").rglob("data"):
        plain = gzip.decompress(data) if (data := blob.read_bytes())[:2] == b"\x1f\x8b" else data
        assert str(world.folder).encode() not in plain


def _references(world: World) -> dict[str, str]:
    listed = world.project.json("list")["environments"]
    names = [one["name"] for one in listed]
    return {name: world.project.json("history", name)["records"][0]["reference"] for name in names}
