"""Conda packages from a channel into a lock: solved once, read by conda-lock, moved only when that is asked for."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from support.condachannel import Channel
from support.condapkg import Package
from support.project import Project

from envbuild.lock import read_lock

_LOCK = "locks/a.conda-lock.yml"
_PLATFORMS = ("linux-64", "osx-arm64")


def offered(name: str, version: str, *depends: str) -> list[Package]:
    """One package for each platform."""
    return [Package(name=name, version=version, subdir=one, depends=depends) for one in _PLATFORMS]


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    packages = [*offered("lib", "1.0"), *offered("lib", "2.0"), *offered("other", "1.0")]
    return Channel(tmp_path / "channel", *packages, *offered("tool", "1.0", "lib >=1"))


@pytest.fixture
def conda(project: Project, channel: Channel) -> Project:
    """A project with one environment, of a tool and something else."""
    project.write("envbuild.yaml", f"channels: ['{channel.url}']\nplatforms: [{', '.join(_PLATFORMS)}]\n")
    project.write("manifests/a.yaml", "dependencies: [tool, other]\n")
    return project


def pinned(project: Project) -> dict[str, list[str]]:
    """Names and versions by platform."""
    lock = read_lock(_LOCK, (project.path / _LOCK).read_text())
    return {platform: [f"{pin.name} {pin.version}" for pin in pins.pins] for platform, pins in lock.pins.items()}


def test_both_hashes_are_those_of_the_files(conda: Project, channel: Channel) -> None:
    """What is installed later can be held against them."""
    conda.run("lock")
    for pins in read_lock(_LOCK, (conda.path / _LOCK).read_text()).pins.values():
        for pin in pins.pins:
            data = (channel.folder / pin.subdir / pin.url.rpartition("/")[2]).read_bytes()
            md5 = hashlib.md5(data, usedforsecurity=False)
            assert (pin.md5, pin.sha256) == (md5.hexdigest(), hashlib.sha256(data).hexdigest())


def test_each_platform_is_solved_and_stays(conda: Project, channel: Channel) -> None:
    """Newer versions move nothing, and a channel that is gone is not asked."""
    assert conda.run("lock").out == f"a  solved  {_LOCK}\nLock: 1 solved.\n"
    assert pinned(conda) == {platform: ["lib 2.0", "other 1.0", "tool 1.0"] for platform in _PLATFORMS}
    text = (conda.path / _LOCK).read_bytes()
    channel.add(*offered("lib", "3.0"))
    channel.folder.rename(channel.folder.with_name("gone"))
    conda.run("lock", "--check")
    assert conda.run("lock").out == "Lock: 1 current.\n"
    assert (conda.path / _LOCK).read_bytes() == text


def test_one_package_moves_and_what_is_not_needed_goes(conda: Project, channel: Channel) -> None:
    """The rest stays where it is, though there is newer; `--dry-run` shows the same and writes nothing."""
    conda.run("lock")
    channel.add(*offered("lib", "3.0"), *offered("other", "2.0"))
    text = (conda.path / _LOCK).read_bytes()
    told = conda.run("lock", "--upgrade", "lib", "--dry-run").out
    assert told.splitlines() == [
        "lib: moved in 1 environment.",
        f"a  solved  {_LOCK}",
        "  ~ lib  2.0 -> 3.0",
        "Lock: 1 solved. Nothing was written.",
    ]
    assert (conda.path / _LOCK).read_bytes() == text
    conda.run("lock", "--upgrade", "lib")
    assert pinned(conda)["linux-64"] == ["lib 3.0", "other 1.0", "tool 1.0"]
    channel.add(offered("other", "3.0")[0])
    told = conda.run("lock", "--upgrade", "other", "--dry-run").out
    assert told.splitlines()[2:4] == ["  ~ other  1.0 -> 2.0  (osx-arm64)", "  ~ other  1.0 -> 3.0  (linux-64)"]
    conda.write("manifests/a.yaml", "dependencies: [other]\n")
    assert conda.run("lock", "--diff").out.splitlines()[1:3] == ["  - lib   3.0", "  - tool  1.0"]
    assert pinned(conda)["linux-64"] == ["other 1.0"]
    assert "no lock that was selected pins 'libb'" in conda.run("lock", "--upgrade", "libb", check=64).err


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        ("explicit", "conda-linux-64.lock", "/linux-64/lib-2.0-0.conda#"),
        ("env", "conda-linux-64.lock.yml", "lib=2.0=0"),
    ],
)
def test_conda_lock_reads_it(conda: Project, kind: str, name: str, line: str) -> None:
    """The real command renders what was written."""
    conda.run("lock")
    command = [sys.executable, "-m", "conda_lock", "render", "-k", kind, "-p", "linux-64", _LOCK]
    ran = subprocess.run(command, cwd=conda.path, env=conda.environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert line in (conda.path / name).read_text()


@pytest.mark.parametrize(
    ("packages", "message", "hint"),
    [
        ("tooll", "2:4: no package is named 'tooll' for linux-64", "did you mean 'tool'?"),
        ("lib >=9", "2:4: lib has no version >=9 for linux-64", "choose among the newest: 2.0, 1.0"),
        ("tool\n - lib <1", "3:4: lib has no version <1", "choose among the newest: 2.0, 1.0"),
    ],
)
def test_what_cannot_be_had(conda: Project, packages: str, message: str, hint: str) -> None:
    """Its line, and what to do; the lock that stands is left alone."""
    conda.run("lock")
    text = (conda.path / _LOCK).read_bytes()
    conda.write("manifests/a.yaml", f"dependencies:\n - {packages}\n")
    told = conda.run("lock", check=1).err
    assert f"manifests/a.yaml:{message}" in told
    assert f"hint: {hint}" in told
    assert (conda.path / _LOCK).read_bytes() == text
