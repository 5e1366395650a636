"""A platform as uv and wheels know it: which wheels are locked for a libc, a macOS, a machine."""

from pathlib import Path

import pytest
from support.asked import Asked, request_of
from support.index import Index
from support.manifests import environment

from envbuild.errors import SolveError
from envbuild.solvers.targets import holds, target

_PIP = "dependencies: [{pip: [native]}]\n"

TAGS = (
    "py3-none-any", "py3-none-manylinux2014_x86_64", "py3-none-manylinux_2_28_x86_64", "py3-none-manylinux_2_34_x86_64",
    "py3-none-musllinux_1_1_x86_64", "py3-none-musllinux_1_2_x86_64", "py3-none-macosx_11_0_arm64",
    "py3-none-macosx_14_0_arm64",
)  # fmt: skip


@pytest.fixture
def asked(index: Index, tmp_path: Path, uv_cache: Path) -> Asked:
    return Asked(index, tmp_path, uv_cache)


@pytest.mark.parametrize(
    ("platform", "system", "tag"),
    [
        ("linux-64", "", "manylinux_2_28_x86_64"),
        ("linux-64", 'libc: "2.17"', "manylinux2014_x86_64"),
        ("linux-64", 'libc: "2.30"', "manylinux_2_28_x86_64"),
        ("linux-64", 'libc: "2.99"', "manylinux_2_34_x86_64"),
        ("linux-64", "libc: musl 1.2", "musllinux_1_2_x86_64"),
        ("linux-aarch64", "", "any"),
        ("osx-arm64", "", "macosx_11_0_arm64"),
        ("osx-arm64", 'macos: "14.0"', "macosx_14_0_arm64"),
        ("osx-arm64", 'macos: "10.15"', "any"),
    ],
)
def test_the_best_wheel_of_what_a_platform_offers(
    asked: Asked, index: Index, platform: str, system: str, tag: str
) -> None:
    """As `system_requirements` say, whatever the machine that locks has; a newer one than asked for is never taken."""
    for one in TAGS:
        index.add("native", "1.0", tag=one)
    stated = f"system_requirements: {{{system}}}\n" if system else ""
    (pin,) = asked.pins(f"{_PIP}{stated}", platform=platform).pins
    assert pin.url.endswith(f"{tag}.whl")


def test_a_version_with_wheels_for_a_newer_system_alone_is_passed_over(asked: Asked, index: Index) -> None:
    """What uv is told is the system that wheels are chosen for: the newest version that runs there is locked."""
    index.add("native", "1.0", tag="py3-none-macosx_11_0_arm64")
    index.add("native", "2.0", tag="py3-none-macosx_14_0_arm64")
    for stated, version in (("13.0", "1.0"), ("14.0", "2.0")):
        text = f'{_PIP}system_requirements: {{macos: "{stated}"}}\n'
        assert [pin.version for pin in asked.pins(text, platform="osx-arm64").pins] == [version]


def test_the_machine_that_locks_does_not_say_which_macos(index: Index, tmp_path: Path, uv_cache: Path) -> None:
    """MACOSX_DEPLOYMENT_TARGET, which uv reads, is what the project says."""
    index.add("native", "1.0", tag="py3-none-macosx_11_0_arm64")
    asked = Asked(index, tmp_path, uv_cache)
    hostile = Asked(index, tmp_path, uv_cache)
    hostile.uv = type(asked.uv)(asked.uv._programs, {**asked.host, "MACOSX_DEPLOYMENT_TARGET": "10.9"}, tmp_path)  # noqa: SLF001
    assert hostile.pins(_PIP, platform="osx-arm64") == asked.pins(_PIP, platform="osx-arm64")


@pytest.mark.parametrize(
    ("platform", "system", "what", "line"),
    [
        ("linux-ppc64le", "", "PyPI packages cannot be solved for linux-ppc64le", 2),
        ("linux-s390x", "", "PyPI packages cannot be solved for linux-s390x", 2),
        ("linux-64", 'libc: "2.12"', "PyPI packages cannot be solved for glibc 2.12", 3),
        ("linux-64", "libc: musl 1.1", "PyPI packages cannot be solved for musl 1.1", 3),
    ],
)
def test_what_uv_cannot_solve_for_is_refused_at_its_line(platform: str, system: str, what: str, line: int) -> None:
    """Never solved for something else instead."""
    stated = f"system_requirements: {{{system}}}\n" if system else ""
    text = f"{_PIP}platforms: [{platform}]\n{stated}"
    with pytest.raises(SolveError) as told:
        target(request_of(f"{_PIP}{stated}", platform), environment({"k": text}))
    assert (told.value.message, told.value.where.line if told.value.where else 0) == (what, line)


def test_markers_hold_as_on_the_platform() -> None:
    """Those of the platform that is locked for, not of this machine."""
    assert holds("", "linux-64", "3.11")
    assert holds("sys_platform == 'darwin' and platform_machine == 'arm64'", "osx-arm64", "3.11")
    assert not holds("sys_platform == 'darwin'", "linux-64", "3.11")
    assert holds("python_full_version >= '3.11.7'", "win-64", "3.11.7")
    assert not holds("python_version < '3.10'", "linux-64", "3.10")
    assert not holds("extra == 'fast'", "linux-64", "3.11")
