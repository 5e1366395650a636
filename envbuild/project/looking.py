"""Environments and versions as they are looked at, when the manifest is there and when it is long gone."""

import json

import msgspec

from envbuild.lock import Lock
from envbuild.resolve import Environment


class Shown(msgspec.Struct, frozen=True):
    """One environment or version, as `show` tells of it."""

    name: str
    fingerprint: str | None
    version: int | None
    reference: str | None
    builder: str
    description: str
    packages: tuple[tuple[str, str, str], ...]


def packages_of(lock: Lock | None, platform: str) -> tuple[tuple[str, str, str], ...]:
    pins = lock.pins.get(platform) if lock else None
    if pins is None:
        return ()
    found = [(pin.manager, pin.name, pin.version) for pin in pins.pins]
    return tuple(sorted([*found, *(("pip", wheel.name, wheel.version) for wheel in pins.wheels)]))


def manifest_text(environment: Environment) -> str:
    """The manifest after inheritance, as YAML that needs no parents."""
    pip = [
        item.path or item.text for package in environment.packages for item in package.items if item.manager == "pip"
    ]
    conda = [item.text for package in environment.packages for item in package.items if item.manager == "conda"]
    stated = {
        "description": environment.description,
        "tags": environment.tags,
        "channels": list(environment.channels),
        "platforms": list(environment.platforms),
        "dependencies": [*conda, *([{"pip": pip}] if pip else [])],
        "variables": {one.name: msgspec.to_builtins(one) for one in environment.variables},
        "pip": {"index_url": environment.index_url} if environment.index_url else {},
        "setup": list(environment.setup),
        "builder": environment.builder,
    }
    return json.dumps({key: value for key, value in stated.items() if value}, indent=2, ensure_ascii=False) + "\n"
