"""Twenty environments, made in two folders by two users who have nothing in common: equal, digest by digest (P13)."""

import os
import shutil
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
    """With another home, name, time zone, language, mask, number of jobs, and order of files."""
    other = world.elsewhere("x/far away", TZ="Asia/Kathmandu", LANG="tr_TR.UTF-8", LC_ALL="C", USER="else")
    shutil.rmtree(other.project.path / "app")
    for name in ("two", "three", "one"):
        path = other.project.write(f"app/{name}.py", f"{name} = 1\n")
        os.utime(path, (1e9, 1e9))
    world.apply("-j", "3")
    with masked(0o077):
        other.apply("-j", "1")
    ours, theirs = _references(world), _references(other)
    assert ours == theirs
    assert len(ours) == len(set(ours.values())) == 20


def _references(world: World) -> dict[str, str]:
    listed = world.project.json("list")["environments"]
    names = [one["name"] for one in listed]
    return {name: world.project.json("history", name)["records"][0]["reference"] for name in names}
