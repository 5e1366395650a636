"""Lock -> text, in conda-lock's unified format and through its own models: sorted and stable."""

import hashlib
import io
import json
import posixpath
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from envbuild.lock.bases import Base
from envbuild.lock.body import WORDS
from envbuild.lock.condalock import models
from envbuild.lock.file import HEAD_LINE, CondaFacts, Lock, head_digest, lock_path
from envbuild.lock.pins import Pin, Pins
from envbuild.lock.request import canonical
from envbuild.lock.specs import spec_name

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./:@%+-]*")


def lock_text(lock: Lock, manifest_path: str, name: str) -> str:
    """The same lock is the same bytes, whoever writes it and when."""
    lockfile = models().lockfile.Lockfile
    content = lockfile(package=_packages(lock), metadata=_metadata(lock, manifest_path, name, ""))
    content.alphasort_inplace()
    body = _dump({"package": content.to_v1().dict_for_output()["package"]})
    metadata = _metadata(lock, manifest_path, name, hashlib.sha256(body.encode()).hexdigest())
    whole = lockfile(package=[], metadata=metadata).to_v1().dict_for_output()
    head = _dump({"version": whole["version"], "metadata": whole["metadata"]})
    line = HEAD_LINE.search(head)
    assert line is not None  # noqa: S101 - it was put there above
    return f"{head[: line.start()]}{line['key']}'{head_digest(head)}'\n{head[line.end() :]}{body}"


def _dump(value: Any) -> str:
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe")
    yaml.default_flow_style = False  # before there is a representer, which takes it over
    yaml.representer.add_representer(str, _represent_text)
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 1_000_000
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _represent_text(representer: Any, text: str) -> Any:
    """Quoted wherever a reader of any version of YAML could take the text for something else."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in WORDS
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


def _packages(lock: Lock) -> list[Any]:
    known = models().lockfile
    return [
        known.LockedDependency(
            name=pin.name,
            version=pin.version,
            manager=pin.manager,
            platform=platform,
            dependencies=_dependencies(pin),
            url=pin.url,
            hash=known.HashModel(md5=pin.md5 or None, sha256=pin.sha256),
            build=pin.build or None,
            categories={"main"},
        )
        for platform, pins in lock.pins.items()
        for pin in pins.pins
    ]


def _dependencies(pin: Pin) -> dict[str, str]:
    """By name; no platform is a package."""
    besides = {*_besides(pin)} if pin.manager == "conda" else set()
    names = ((spec_name(spec), spec) for spec in pin.dependencies if spec not in besides)
    return {name: spec[len(name) :].strip() or "*" for name, spec in names}


def _besides(pin: Pin) -> Iterator[str]:
    """What is asked of the platform itself, and what a second spec says of a package: one stands by each name."""
    known: set[str] = set()
    for spec in pin.dependencies:
        name = spec_name(spec)
        if name.startswith("__") or name in known:
            yield spec
        known.add(name)


def _metadata(lock: Lock, manifest_path: str, name: str, body: str) -> Any:
    folder = posixpath.dirname(lock_path(name))
    requests = lock.head.requests
    asked = [conda for platform in sorted(requests) if (conda := requests[platform].conda)]
    channels = dict.fromkeys(url for conda in asked for url in conda.channels)
    return models().lockfile.LockMeta(
        content_hash={platform: request.digest for platform, request in sorted(requests.items())},
        channels=[models().channel.Channel.from_string(url) for url in channels],
        platforms=sorted(requests),
        sources=[posixpath.relpath(manifest_path, folder)],
        custom_metadata=_custom(lock, body),
    )


def _custom(lock: Lock, body: str) -> dict[str, str]:
    custom = {
        "envbuild.body": body,
        "envbuild.head": "-",
        "envbuild.pins": canonical(lock.head.pins).decode(),
        "envbuild.python": lock.head.python,
        "envbuild.request": canonical(lock.head.requests).decode(),
    }
    if lock.head.base:
        custom["envbuild.base"] = _in_ascii(lock.head.base)
    if members := {platform: pins.members for platform, pins in lock.pins.items() if pins.members}:
        custom["envbuild.wheels"] = canonical(members).decode()  # as it was called when that was all there was
    if facts := {platform: found for platform, pins in lock.pins.items() if (found := _facts(pins))}:
        custom["envbuild.conda"] = canonical(facts).decode()
    return custom


def _in_ascii(base: Base) -> str:
    """As canonical as the others, on one line of any reader: a registry's words may hold any letter."""
    text = json.dumps(msgspec.to_builtins(base), sort_keys=True, separators=(",", ":"))
    return text.replace("\x7f", "\\u007f")


def _facts(pins: Pins) -> dict[str, CondaFacts]:
    """What the format has no place for."""
    known = {pin.name: _of(pin) for pin in pins.conda}
    return {name: facts for name, facts in known.items() if facts != CondaFacts()}


def _of(pin: Pin) -> CondaFacts:
    return CondaFacts(pin.number, pin.constrains, pin.distributions, tuple(_besides(pin)), pin.site)
