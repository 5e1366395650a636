"""Lock <-> text, in conda-lock's unified format: the head says whether a lock is current, the body holds the pins."""

import hashlib
import io
import posixpath
from collections.abc import Mapping
from typing import Any

import msgspec

from envbuild import document
from envbuild.errors import EnvbuildError, LockError, Place
from envbuild.lock.pins import Pin, Pins, Wheel
from envbuild.lock.request import Request, canonical

FOLDER = "locks"
SUFFIX = ".conda-lock.yml"
_BODY = "package:"
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
    return _dump({"version": whole["version"], "metadata": whole["metadata"]}) + body


def _dump(value: Any) -> str:
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe")
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 1_000_000
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


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
            custom["envbuild.python"],
            msgspec.json.decode(custom["envbuild.request"], type=dict[str, Request]),
            msgspec.json.decode(custom["envbuild.pins"], type=dict[str, str]),
        )
    except (KeyError, msgspec.DecodeError):
        raise LockError(_EDITED, Place(path), _RELOCK) from None


def _custom(path: str, text: str) -> dict[str, str]:
    at = text.find(f"\n{_BODY}") + 1
    if at == 0:
        raise LockError(_EDITED, Place(path), _RELOCK)
    try:
        metadata = document.parse(path, text[:at].encode()).root.get("metadata")
    except EnvbuildError:
        raise LockError(_EDITED, Place(path), _RELOCK) from None
    stated = metadata.get("custom_metadata") if isinstance(metadata, document.Mapping) else None
    entries = stated.entries if isinstance(stated, document.Mapping) else {}
    custom = {key: entry.value.text for key, entry in entries.items() if isinstance(entry.value, document.Scalar)}
    if custom.get("envbuild.body") != hashlib.sha256(text[at:].encode()).hexdigest():
        raise LockError(_EDITED, Place(path), _RELOCK)
    return custom


def read_lock(path: str, text: str) -> Lock:
    """The whole lock; only to solve, to build or to explain."""
    from conda_lock.lockfile.v1.models import Lockfile
    from pydantic import ValidationError
    from ruamel.yaml import YAML

    head = read_head(path, text)
    wheels = msgspec.json.decode(_custom(path, text).get("envbuild.wheels", "{}"), type=dict[str, tuple[Wheel, ...]])
    try:
        content = Lockfile.model_validate(YAML(typ="safe").load(text))
    except ValidationError as error:
        raise LockError(f"not in conda-lock's format: {error.errors()[0]['msg']}", Place(path), _RELOCK) from None
    pins: dict[str, list[Pin]] = {platform: [] for platform in head.requests}
    for package in content.package:
        pins.setdefault(package.platform, []).append(_pin(package))
    return Lock(
        head, {platform: Pins(platform, tuple(found), wheels.get(platform, ())) for platform, found in pins.items()}
    )


def _pin(package: Any) -> Pin:
    return Pin(
        package.manager,
        package.name,
        package.version,
        package.url,
        package.hash.sha256 or "",
        package.build or "",
        tuple(package.dependencies),
    )
