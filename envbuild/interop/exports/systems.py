"""`[system-requirements]` of pixi: one statement for all platforms, where a lock has one for each."""

from collections.abc import Iterator
from typing import Any

from envbuild.errors import Note
from envbuild.interop.exports.subject import Subject

_WORDS = {"__cuda": "cuda", "__glibc": "libc", "__musl": "libc", "__linux": "linux", "__osx": "macos"}
_OF = {"__cuda": ("linux", "win", "osx"), "__glibc": ("linux",), "__musl": ("linux",), "__linux": ("linux",)}


def system_requirements(subject: Subject, platforms: tuple[str, ...]) -> dict[str, Any]:
    """What all platforms of a kind agree on."""
    found: dict[str, Any] = {}
    for name, versions in _said(subject, platforms).items():
        if name in _WORDS and len(set(versions.values())) == 1:
            (version,) = set(versions.values())
            found[_WORDS[name]] = {"family": "musl", "version": version} if name == "__musl" else version
    return found


def _said(subject: Subject, platforms: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """The versions of each virtual package, by platform; what a platform is said not to have is not said."""
    found: dict[str, dict[str, str]] = {}
    for one in platforms:
        for name, version in subject.request(one).system.items():
            if version:
                found.setdefault(name, {})[one] = version
    return found


def system_notes(subject: Subject, platforms: tuple[str, ...]) -> Iterator[Note]:
    where = subject.environment.where_said("system_requirements")
    for name, versions in _said(subject, platforms).items():
        shown = ", ".join(f"{version} on {one}" for one, version in versions.items())
        if name not in _WORDS or len(set(versions.values())) > 1:
            what = f"pixi.toml has no place for {name}: {shown}"
            yield subject.note("system_requirements", what, where)
            continue
        kind = _OF.get(name, ("osx",))
        silent = [one for one in platforms if one.partition("-")[0] in kind and one not in versions]
        if silent:
            what = f"{name} {shown}: pixi.toml says it of {', '.join(silent)} as well"
            yield subject.note("system_requirements", what, where)
