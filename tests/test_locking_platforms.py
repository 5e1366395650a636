"""Locks for several platforms from one machine: the best wheel of each, hashes, and nothing run that is not ours."""

import hashlib
import os
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML
from support.index import Index
from support.line import apply_twice, write_base, write_child
from support.loopback import Request
from support.project import Project
from support.wheels import sdist_bytes

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.uname().machine != "x86_64", reason="says what linux-64 locks for others"
)

_ALL = "platforms: [linux-64, linux-aarch64, osx-arm64]\n"


def _packages(project: Project, name: str = "a") -> list[dict[str, Any]]:
    content: Any = YAML(typ="safe").load(project.read(f"locks/{name}.conda-lock.yml"))
    found: list[dict[str, Any]] = content["package"]
    return found


def _files(project: Project, package: str) -> dict[str, str]:
    """Platform -> file, for one package."""
    return {
        entry["platform"]: entry["url"].rpartition("/")[2] for entry in _packages(project) if entry["name"] == package
    }


def test_each_platform_gets_its_best_wheel(project: Project, index: Index) -> None:
    """Newest manylinux that the platform's libc reads, before older ones, before the pure one."""
    for tag in (
        "py3-none-any", "py3-none-manylinux2014_x86_64", "py3-none-manylinux_2_28_x86_64",
        "py3-none-manylinux_2_39_x86_64", "py3-none-manylinux_2_17_aarch64", "py3-none-macosx_11_0_arm64",
        "py3-none-macosx_10_9_x86_64", "py3-none-win_amd64", "py3-none-musllinux_1_2_x86_64",
    ):  # fmt: skip
        index.add("native", "1.0", tag=tag)
    write_base(project, index)
    write_child(project, "a", "native", "gamma", more=_ALL)
    project.run("lock")
    assert _files(project, "native") == {
        "linux-64": "native-1.0-py3-none-manylinux_2_28_x86_64.whl",
        "linux-aarch64": "native-1.0-py3-none-manylinux_2_17_aarch64.whl",
        "osx-arm64": "native-1.0-py3-none-macosx_11_0_arm64.whl",
    }
    assert set(_files(project, "alpha")) == {"linux-64", "linux-aarch64", "osx-arm64"}
    apply_twice(project, "--locked")


def test_markers_hold_for_each_platform(project: Project, index: Index) -> None:
    """A package for one system is locked there and nowhere else; a root with a marker likewise."""
    index.add("mixed", "1.0", requires=["beta; sys_platform == 'darwin'", "delta; platform_machine == 'aarch64'"])
    write_base(project, index)
    write_child(project, "a", "mixed", "tool ; sys_platform == 'linux'", more=_ALL)
    project.run("lock")
    assert {name: sorted(_files(project, name)) for name in ("beta", "delta", "tool")} == {
        "beta": ["osx-arm64"],
        "delta": ["linux-aarch64"],
        "tool": ["linux-64", "linux-aarch64"],
    }
    project.run("lock", "--check")
    apply_twice(project)


def test_every_package_has_the_hash_of_its_file(project: Project, index: Index) -> None:
    """SHA-256 as the index serves it, on every platform."""
    write_base(project, index)
    write_child(project, "a", "gamma", "tool", more=_ALL)
    project.run("lock")
    packages = _packages(project)
    assert len(packages) == 4 * 3
    for package in packages:
        served = index.reply(Request("GET", urlsplit(package["url"]).path, {})).body
        assert package["hash"] == {"sha256": hashlib.sha256(served).hexdigest()}


def test_a_source_distribution_is_refused_for_other_platforms(project: Project, index: Index) -> None:
    """Here it may be built; for another platform nothing is run, and nothing is half-written, in either order."""
    index.add_file(*sdist_bytes("sourced", "1.0"))
    write_base(project, index)
    write_child(project, "a", "sourced", more="platforms: [linux-64]\n")
    apply_twice(project)
    assert _files(project, "sourced") == {"linux-64": "sourced-1.0.tar.gz"}
    code = "import sourced; print(sourced.__version__)"
    assert project.run("run", "a", "--", "python", "-c", code).out == "1.0\n"
    before = project.tree()
    for platforms in ("[linux-64, osx-arm64]", "[linux-aarch64]"):
        write_child(project, "a", "sourced", more=f"platforms: {platforms}\n")
        run = project.run("lock", check=1)
        assert "sourced" in run.err
        assert "manifests/a.yaml:4" in run.err
    locks = {path: digest for path, digest in project.tree().items() if path.startswith("locks/")}
    assert locks == {path: digest for path, digest in before.items() if path.startswith("locks/")}


def test_a_wheel_of_another_system_is_not_taken_before_the_source(project: Project, index: Index) -> None:
    """Where no wheel fits, the source does; never a wheel that cannot be installed."""
    index.add("partly", "1.0", tag="py3-none-win_amd64")
    index.add("partly", "1.0", tag="py3-none-macosx_11_0_arm64")
    index.add_file(*sdist_bytes("partly", "1.0"))
    write_base(project, index)
    write_child(project, "a", "partly", more="platforms: [linux-64, osx-arm64]\n")
    apply_twice(project)
    assert _files(project, "partly") == {
        "linux-64": "partly-1.0.tar.gz",
        "osx-arm64": "partly-1.0-py3-none-macosx_11_0_arm64.whl",
    }


def test_another_platform_s_pins_are_no_part_of_this_machine_s_content(project: Project, index: Index) -> None:
    """A platform more makes the lock stale, and changes nothing that is built here."""
    write_base(project, index)
    write_child(project, "a", "alpha", more="platforms: [linux-64]\n")
    apply_twice(project)
    write_child(project, "a", "alpha", more="platforms: [linux-64, osx-arm64]\n")
    (row,) = project.json("lock", "--check", check=3)["environments"]
    assert row["reasons"] == [{"change": "platform osx-arm64 is not locked", "where": "manifests/a.yaml:5"}]
    project.run("lock")
    assert project.run("plan").out.startswith("No changes.")


def test_a_machine_that_is_not_among_the_platforms_cannot_build(project: Project, index: Index) -> None:
    """It can lock; plan and apply say which line, and what to do."""
    write_base(project, index)
    write_child(project, "a", "alpha", more="platforms: [osx-arm64]\n")
    project.run("lock")
    for command in ("plan", "apply"):
        run = project.run(command, check=1)
        assert run.err.startswith("manifests/a.yaml:5:")
        assert "hint: add linux-64" in run.err
