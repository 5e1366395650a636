"""A platform as uv, wheels and markers know it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from envbuild.errors import SolveError
from envbuild.lock import Request, virtual_packages
from envbuild.resolve import Environment

if TYPE_CHECKING:
    from packaging.tags import Tag

# The versions of glibc that uv can solve for; a platform between two of them takes the lower one.
_GLIBC = (17, 28, *range(31, 41))
_MUSL = (1, 2)
_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_MACHINES = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "osx-64": "x86_64",
    "osx-arm64": "arm64",
    "win-64": "AMD64",
    "win-arm64": "ARM64",
}
_SYSTEMS = {
    "linux": ("posix", "linux", "Linux"),
    "osx": ("posix", "darwin", "Darwin"),
    "win": ("nt", "win32", "Windows"),
}


class Target(msgspec.Struct, frozen=True):
    """What uv calls a platform, the variables that say the rest of it, and its tags of wheels, best first."""

    name: str
    variables: dict[str, str]
    tags: tuple[str, ...]


def target(request: Request, environment: Environment) -> Target:
    """Refused with the line that asks for what uv cannot solve for."""
    system, _, _ = request.platform.partition("-")
    if request.platform not in _MACHINES:
        what = f"PyPI packages cannot be solved for {request.platform}"
        raise SolveError(what, environment.where("platforms"), f"known are: {', '.join(_MACHINES)}")
    offered = virtual_packages(request.platform, request.system)
    if system == "osx":
        return _macos(request.platform, _numbers(offered["__osx"]))
    if system == "win":
        machine = _MACHINES[request.platform].lower()
        triple = "x86_64" if machine == "amd64" else "aarch64"
        return Target(f"{triple}-pc-windows-msvc", {}, (f"win_{machine}",))
    stated = offered.get("__musl") or offered["__glibc"]
    found = (_musl if "__musl" in offered else _glibc)(_MACHINES[request.platform], _numbers(stated))
    if found is None:
        kind, least = ("musl", _MUSL) if "__musl" in offered else ("glibc", (2, _GLIBC[0]))
        what = f"PyPI packages cannot be solved for {kind} {stated}"
        hint = f"state {kind} {least[0]}.{least[1]} or newer, or take the pip list out"
        raise SolveError(what, environment.where("system_requirements", "libc"), hint)
    return found


def _numbers(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    return int(major), int(rest.partition(".")[0] or 0)


def _macos(platform: str, version: tuple[int, int]) -> Target:
    from packaging.tags import mac_platforms

    machine = _MACHINES[platform]
    triple = "aarch64" if machine == "arm64" else machine
    variables = {"MACOSX_DEPLOYMENT_TARGET": ".".join(map(str, version))}
    return Target(f"{triple}-apple-darwin", variables, tuple(mac_platforms(version, machine)))


def _glibc(machine: str, version: tuple[int, int]) -> Target | None:
    known = [minor for minor in _GLIBC if (2, minor) <= version]
    if not known:
        return None
    return Target(f"{machine}-manylinux_2_{known[-1]}", {}, tuple(_manylinux(machine, known[-1])))


def _manylinux(machine: str, newest: int) -> Iterator[str]:
    for minor in range(newest, 4, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_{machine}"
    yield f"linux_{machine}"


def _musl(machine: str, version: tuple[int, int]) -> Target | None:
    if version < _MUSL:
        return None
    tags = [f"musllinux_{_MUSL[0]}_{minor}_{machine}" for minor in range(_MUSL[1], -1, -1)]
    return Target(f"{machine}-unknown-linux-musl", {}, (*tags, f"linux_{machine}"))


def ranks(target: Target, python: str) -> "dict[Tag, int]":
    """How well each wheel tag fits, best first, as an installer on that platform would see it."""
    from packaging.tags import compatible_tags, cpython_tags

    major, minor = _numbers(python)
    ordered = [
        *cpython_tags((major, minor), platforms=target.tags),
        *compatible_tags((major, minor), f"cp{major}{minor}", target.tags),
    ]
    return {tag: rank for rank, tag in reversed(list(enumerate(ordered)))}


def ranks_here(python: str) -> "dict[Tag, int]":
    """The same for this machine; without a version, for the Python that we run on."""
    from packaging.tags import platform_tags, sys_tags

    if not python:
        return {tag: rank for rank, tag in reversed(list(enumerate(sys_tags())))}
    return ranks(Target("", {}, tuple(platform_tags())), python)


def holds(marker: str, platform: str, python: str) -> bool:
    """Whether a requirement with this marker counts there; one about an extra never does by itself."""
    from packaging.markers import Marker

    if not marker:
        return True
    name, system, title = _SYSTEMS[platform.partition("-")[0]]
    major, minor = _numbers(python)
    patch = python.split(".")[2] if python.count(".") > 1 else "0"
    known = {
        "implementation_name": "cpython",
        "implementation_version": f"{major}.{minor}.{patch}",
        "os_name": name,
        "platform_machine": _MACHINES.get(platform, platform.partition("-")[2]),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": title,
        "platform_version": "",
        "python_full_version": f"{major}.{minor}.{patch}",
        "python_version": f"{major}.{minor}",
        "sys_platform": system,
        "extra": "",
    }
    return Marker(marker).evaluate(known)
