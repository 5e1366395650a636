"""Conda specs as texts of a request: their channel by its URL, their name, what else they say."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from envbuild.resolve import channel_url

_ENTRY = re.compile(r"(\w+)=\"([^\"]*)\"")
_NAME = re.compile(r"[^\s=<>!~\[;]+")
_KNOWN = 16_384  # a channel says the same few things of many packages


def split_spec(text: str) -> tuple[str, str]:
    """A canonical spec's channel, by its URL, and the spec without it."""
    channel, separator, rest = text.partition("::")
    if separator:
        return channel_url(channel), rest
    if "[" not in text:
        return "", text
    head, entries = text.partition("[")[0], spec_fields(text)
    stated = entries.pop("channel", "")
    if not stated:
        return "", text
    shown = ",".join(f'{key}="{value}"' for key, value in entries.items())
    return channel_url(stated), f"{head}[{shown}]" if shown else head


def located_spec(text: str) -> str:
    """A canonical spec whose channel, if it names one, is a URL."""
    channel, bare = split_spec(text)
    return f"{channel}::{bare}" if channel else bare


@lru_cache(maxsize=_KNOWN)
def spec_name(spec: str) -> str:
    """The package that a spec is about."""
    match = _NAME.match(split_spec(spec)[1].strip())
    return match[0].lower() if match else ""


def spec_fields(spec: str) -> dict[str, str]:
    """What stands in the brackets of a canonical spec."""
    return dict(_ENTRY.findall(spec.partition("[")[2]))


def joined_specs(specs: Iterable[str]) -> tuple[str, ...]:
    """One spec for each package, sorted: what is said of one in several places holds together.

    Of two builds no spec can speak at once: each further one has a spec of its own.
    """
    said = tuple(specs)
    if len({spec_name(spec) for spec in said}) == len(said):
        return tuple(sorted(map(_alone, said)))
    found: dict[str, list[str]] = {}
    for spec in said:
        name = spec_name(spec)
        found.setdefault(name, []).append(_asked(name, spec))
    return tuple(sorted(f"{name} {one}".removesuffix(" *") for name, asked in found.items() for one in _joined(asked)))


@lru_cache(maxsize=_KNOWN)
def _alone(spec: str) -> str:
    """What is said of a package in one place only."""
    name = spec_name(spec)
    return f"{name} {next(_joined([_asked(name, spec)]))}".removesuffix(" *")


def _asked(name: str, spec: str) -> str:
    return spec.strip()[len(name) :].strip() or "*"


def _joined(asked: list[str]) -> Iterator[str]:
    """Versions with commas, which bind closer than `or`, and beside them the builds that are named."""
    if any("[" in one for one in asked):
        yield from dict.fromkeys(asked)
        return
    words = [one.split() for one in dict.fromkeys(asked)]
    versions = list(dict.fromkeys(one[0] for one in words if one[0] != "*"))
    builds = list(dict.fromkeys(one[1] for one in words if one[1:] and one[1] != "*"))
    version = ",".join(f"({one})" if "|" in one and versions[1:] else one for one in versions) or "*"
    yield " ".join([version, *builds[:1]])
    yield from (f"* {build}" for build in builds[1:])
