"""Lock <-> text, in conda-lock's unified format: the head says whether a lock is current, the body holds the pins."""

import hashlib
import io
import posixpath
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from envbuild.errors import LockError, Place
from envbuild.lock.pins import Pin, Pins, Wheel
from envbuild.lock.request import Request, canonical

FOLDER = "locks"
SUFFIX = ".conda-lock.yml"
_BODY = "package:"
_CUSTOM = re.compile(r"^ +envbuild\.(?P<key>[a-z]+): (?P<value>.*)$", re.MULTILINE)
_HEAD_LINE = re.compile(r"^(?P<key> +envbuild\.head: ).*\n", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./:@%+-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan", "."}
_EDITED = "edited by hand or by a merge"
_RELOCK = "run 'envbuild lock'"


class Head(msgspec.Struct, frozen=True):
    """What the first lines of a lock say: enough to know whether it is current, and for a fingerprint."""

    python: str
    requests: dict[str, Request]
    pins: dict[str, str]


class Lock(msgspec.Struct, frozen=True):
    head: Head
    pins: dict[str, Pins]


def lock_path(name: str) -> str:
    return f"{FOLDER}/{name}{SUFFIX}"


def make_lock(python: str, requests: tuple[Request, ...], solved: Mapping[str, Pins]) -> Lock:
    pins = {request.platform: solved[request.platform] for request in requests}
    head = Head(
        python,
        {request.platform: request for request in requests},
        {platform: found.digest for platform, found in pins.items()},
    )
    return Lock(head, pins)


def lock_text(lock: Lock, manifest_path: str, name: str) -> str:
    """Sorted and stable: the same lock is the same bytes, whoever writes it and when."""
    from conda_lock.lockfile.v2prelim.models import Lockfile

    content = Lockfile(package=_packages(lock), metadata=_metadata(lock, manifest_path, name, ""))
    content.alphasort_inplace()
    body = _dump({"package": content.to_v1().dict_for_output()["package"]})
    metadata = _metadata(lock, manifest_path, name, hashlib.sha256(body.encode()).hexdigest())
    whole = Lockfile(package=[], metadata=metadata).to_v1().dict_for_output()
    head = _dump({"version": whole["version"], "metadata": whole["metadata"]})
    line = _HEAD_LINE.search(head)
    assert line is not None  # noqa: S101 - it was put there above
    return f"{head[: line.start()]}{line['key']}'{_head_digest(head)}'\n{head[line.end() :]}{body}"


def _head_digest(head: str) -> str:
    """Over every line of a head but the one that holds this digest."""
    return hashlib.sha256(_HEAD_LINE.sub("", head).encode()).hexdigest()


def _dump(value: Any) -> str:
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe")
    yaml.representer.add_representer(str, _represent_text)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 1_000_000
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _represent_text(representer: Any, text: str) -> Any:
    """Quoted wherever a reader of any version of YAML could take the text for something else."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


def _packages(lock: Lock) -> list[Any]:
    from conda_lock.lockfile.v2prelim.models import HashModel, LockedDependency

    return [
        LockedDependency(
            name=pin.name,
            version=pin.version,
            manager="pip",
            platform=platform,
            dependencies=dict.fromkeys(pin.dependencies, "*"),
            url=pin.url,
            hash=HashModel(sha256=pin.sha256),
            categories={"main"},
        )
        for platform, pins in lock.pins.items()
        for pin in pins.pins
    ]


def _metadata(lock: Lock, manifest_path: str, name: str, body: str) -> Any:
    from conda_lock.lockfile.v2prelim.models import LockMeta

    folder = posixpath.dirname(lock_path(name))
    custom = {
        "envbuild.body": body,
        "envbuild.head": "-",
        "envbuild.pins": canonical(lock.head.pins).decode(),
        "envbuild.python": lock.head.python,
        "envbuild.request": canonical(lock.head.requests).decode(),
    }
    if wheels := {platform: pins.wheels for platform, pins in lock.pins.items() if pins.wheels}:
        custom["envbuild.wheels"] = canonical(wheels).decode()
    return LockMeta(
        content_hash={platform: request.digest for platform, request in sorted(lock.head.requests.items())},
        channels=[],
        platforms=sorted(lock.head.requests),
        sources=[posixpath.relpath(manifest_path, folder)],
        custom_metadata=custom,
    )


def read_head(path: str, text: str) -> Head:
    """The head, once the body is known to be what was written with it."""
    custom = _custom(path, text)
    try:
        return Head(
            custom["python"],
            msgspec.json.decode(custom["request"], type=dict[str, Request]),
            msgspec.json.decode(custom["pins"], type=dict[str, str]),
        )
    except (KeyError, msgspec.DecodeError):
        raise LockError(_EDITED, Place(path), _RELOCK) from None


def _custom(path: str, text: str) -> dict[str, str]:
    """Our lines of the head, read without a YAML parser: they are ours, each on a line of its own."""
    at = text.find(f"\n{_BODY}") + 1
    head = text[:at]
    custom = {match["key"]: _unquoted(match["value"]) for match in _CUSTOM.finditer(head)}
    whole = hashlib.sha256(text[at:].encode()).hexdigest()
    if not at or custom.get("body") != whole or custom.get("head") != _head_digest(head):
        raise LockError(_EDITED, Place(path), _RELOCK)
    return custom


def _unquoted(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def read_lock(path: str, text: str) -> Lock:
    """The whole lock; only to solve, to build or to explain.

    Its body is known to be what conda-lock's models made; reading it without them saves half a second.
    """
    head = read_head(path, text)
    wheels = msgspec.json.decode(_custom(path, text).get("wheels", "{}"), type=dict[str, tuple[Wheel, ...]])
    pins: dict[str, list[Pin]] = {platform: [] for platform in head.requests}
    for platform, pin in _read_body(text[text.find(f"\n{_BODY}") + 1 :]):
        pins.setdefault(platform, []).append(pin)
    return Lock(
        head, {platform: Pins(platform, tuple(found), wheels.get(platform, ())) for platform, found in pins.items()}
    )


@lru_cache(maxsize=32)
def _read_body(body: str) -> tuple[tuple[str, Pin], ...]:
    """Platform and pin of each package; twins have one body, which is parsed once."""
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe")
    content = msgspec.convert(yaml.load(body), _Body)
    return tuple((package.platform, _pin(package)) for package in content.package)


class _Hash(msgspec.Struct, frozen=True):
    sha256: str = ""
    md5: str = ""


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str
    manager: str
    platform: str
    url: str
    hash: _Hash
    dependencies: dict[str, str] = {}
    build: str = ""


class _Body(msgspec.Struct, frozen=True):
    package: tuple[_Package, ...]


def _pin(package: _Package) -> Pin:
    return Pin(
        package.manager,
        package.name,
        package.version,
        package.url,
        package.hash.sha256,
        package.build,
        tuple(package.dependencies),
    )
