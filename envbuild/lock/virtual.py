"""Virtual packages: what a platform itself offers to packages. Never looked up on the machine that locks."""

import re
from collections.abc import Iterator, Mapping

from envbuild.manifest import SystemRequirements

_GLIBC, _KERNEL, _MACOS = "2.28", "5.10", "13.0"
_ARCHITECTURES = {"64": "x86_64", "32": "x86", "arm64": "aarch64"}
_ARM = re.compile(r"aarch64|arm|neoverse|graviton|ampere|apple|m[0-9]|cortex|thunderx|a64fx")
_POWER = re.compile(r"ppc|power")
_KNOWN = ("__archspec", "__cuda", "__glibc", "__linux", "__osx", "__win")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")


def stated_system(system: SystemRequirements, platform: str) -> dict[str, str]:
    """The virtual packages that a project speaks of, as far as they are for this platform."""
    family = platform.partition("-")[0]
    found: dict[str, str] = {}
    if family == "linux" and system.libc:
        kind, _, version = f"glibc {system.libc}".rpartition(" ")
        musl = kind.endswith("musl")
        found |= {"__glibc": "", "__musl": version} if musl else {"__glibc": version}
    if family == "linux" and system.linux:
        found["__linux"] = system.linux
    if family == "osx" and system.macos:
        found["__osx"] = system.macos
    if family in {"linux", "win"} and system.cuda:
        found["__cuda"] = system.cuda
    if system.archspec and _is_of(system.archspec, platform):
        found["__archspec"] = system.archspec
    return {name: found[name] for name in sorted(found)}


def host_system(host: Mapping[str, str], platform: str) -> dict[str, str]:
    """What conda's own variables say in place of a detection: CONDA_OVERRIDE_CUDA and its like; empty means none."""
    offered = virtual_packages(platform, {})
    return {name: value for name, value in _overrides(host) if name in offered or name == "__cuda"}


def _overrides(host: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in _KNOWN:
        value = host.get(f"CONDA_OVERRIDE_{name.removeprefix('__').upper()}")
        if value is not None and (name == "__archspec" or not value.strip() or _VERSION.fullmatch(value.strip())):
            yield name, value.strip()


def virtual_packages(platform: str, stated: Mapping[str, str]) -> dict[str, str]:
    """Every virtual package by its name: what is stated, else what each platform of the kind has."""
    found = {**_defaults(platform), **stated}
    return {name: found[name] for name in sorted(found) if found[name]}


def _defaults(platform: str) -> dict[str, str]:
    family, _, machine = platform.partition("-")
    architecture = "m1" if platform == "osx-arm64" else _ARCHITECTURES.get(machine, machine)
    own = {
        "linux": {"__linux": _KERNEL, "__glibc": _GLIBC, "__unix": "0"},
        "osx": {"__osx": _MACOS, "__unix": "0"},
        "win": {"__win": "0"},
    }
    return {**own.get(family, {}), "__archspec": architecture}


def _is_of(archspec: str, platform: str) -> bool:
    machine = platform.partition("-")[2]
    if _ARM.match(archspec):
        return machine in {"arm64", "aarch64"}
    if _POWER.match(archspec):
        return machine == "ppc64le"
    return machine == "64"
