"""A small world of conda packages to be solved, not installed: what manifests ask for in tests of locks."""

from collections.abc import Iterator
from pathlib import Path

from envbuild.lock import Pins, lock_path, read_lock

from .condachannel import Channel
from .condapkg import Package
from .project import Project

PLATFORMS = ("linux-64", "linux-aarch64", "osx-arm64", "win-64")
MINORS = {"3.11.9": "3.11", "3.12.4": "3.12"}


def world(folder: Path) -> Channel:
    """Python and pip, numpy for each Python, pytorch in kinds, and a pair that cannot be together."""
    packages = [package for platform in PLATFORMS for package in _everywhere(platform)]
    return Channel(folder, *packages, *_linux(), *_noarch())


def second(folder: Path) -> Channel:
    """Make a channel that has a newer libfoo, what needs that, and something of its own."""
    return Channel(
        folder,
        Package(name="libfoo", version="3.0"),
        Package(name="only2", depends=["libfoo >=3"]),
        Package(name="extra"),
    )


def _everywhere(platform: str) -> Iterator[Package]:
    glibc = ["__glibc >=2.17"] if platform.startswith("linux") else []
    for version in MINORS:
        yield Package(name="python", version=version, build="h0_0_cpython", subdir=platform, depends=glibc)
    for version, minor in (("1.26.4", "3.11"), ("2.0.0", "3.11"), ("2.0.0", "3.12"), ("2.1.0", "3.12")):
        major, _, number = minor.partition(".")
        yield Package(
            name="numpy",
            version=version,
            build=f"py{major}{number}_0",
            subdir=platform,
            depends=[f"python >={minor},<{major}.{int(number) + 1}.0a0", "libblas"],
            purls=["pkg:pypi/numpy"],
        )
    yield Package(name="libblas", version="3.9", build=f"{platform.partition('-')[0]}_0", subdir=platform)


def _linux() -> Iterator[Package]:
    for version, cuda in (("2.3.0", "12.1"), ("2.4.0", "12.4")):
        yield Package(name="pytorch", version=version, build="cpu_0", number=1)
        build = f"cuda{cuda.replace('.', '')}_0"
        yield Package(name="pytorch", version=version, build=build, depends=[f"__cuda >={cuda}"])
    for version in ("1.0", "1.5", "2.0"):
        yield Package(name="libfoo", version=version)
    yield Package(name="libfoo", version="2.0", build="1", number=1)
    yield Package(name="app", version="1.0", depends=["libfoo >=1"])
    yield Package(name="app", version="2.0", depends=["libfoo >=2"])
    yield Package(name="legacy", version="0.1", depends=["libfoo <2"])
    yield Package(name="modern", version="1.0", depends=["__glibc >=2.35"])
    yield Package(name="fast", version="1.0", depends=["__archspec 1.* x86_64_v3"])
    yield Package(name="orphan", version="1.0", depends=["nowhere >=1"])
    yield Package(name="only-mac", version="1.0", subdir="osx-arm64")


def _noarch() -> Iterator[Package]:
    pure = {"subdir": "noarch", "noarch": "python"}
    yield Package(name="pip", version="24.0", build="pyh0_0", depends=["python >=3.8"], **pure)  # type: ignore[arg-type]
    yield Package(name="pure", version="1.0", build="pyh0_0", depends=["python >=3.8"], **pure)  # type: ignore[arg-type]
    yield Package(name="data", version="1.0", subdir="noarch", noarch="generic")


def settings(project: Project, *channels: str, more: str = "", platforms: str = "[linux-64]") -> None:
    """Write the project's settings with these channels."""
    listed = ", ".join(f'"{url}"' for url in channels)
    project.write("envbuild.yaml", f"channels: [{listed}]\nplatforms: {platforms}\n{more}")


def manifest(project: Project, name: str, *specs: str, more: str = "") -> None:
    """Write a manifest whose dependencies start at line 2; MORE follows them."""
    lines = "".join(f"  - {spec}\n" for spec in specs)
    project.write(f"manifests/{name}.yaml", f"dependencies:\n{lines}{more}")


def pinned(project: Project, name: str = "k") -> dict[str, Pins]:
    path = lock_path(name)
    return read_lock(path, project.read(path)).pins


def versions(project: Project, name: str = "k", platform: str = "linux-64") -> dict[str, str]:
    """Map each package that a lock pins to its version; the key is as manifests say it."""
    return {pin.key: pin.version for pin in pinned(project, name)[platform].pins}


def builds(project: Project, name: str = "k", platform: str = "linux-64") -> dict[str, str]:
    return {pin.key: f"{pin.version} {pin.build}" for pin in pinned(project, name)[platform].conda}
