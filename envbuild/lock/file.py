"""Text -> Lock: the head says whether a lock is current, the body, in conda-lock's unified format, holds the pins."""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from envbuild.errors import LockError, NewerLockError, Place
from envbuild.lock.bases import Base
from envbuild.lock.body import plain_body
from envbuild.lock.pins import Member, Pin, Pins
from envbuild.lock.request import Request
from envbuild.typed import converted, from_json

FOLDER = "locks"
SUFFIX = ".conda-lock.yml"
_BODY = "package:"
_CUSTOM = re.compile(r"^ +envbuild\.(?P<key>[a-z]+): (?P<value>.*)$", re.MULTILINE)
HEAD_LINE = re.compile(r"^(?P<key> +envbuild\.head: ).*\n", re.MULTILINE)
_EDITED = "edited by hand or by a merge"
_RELOCK = "run 'envbuild lock' to pin all of it anew, or take the file from git again"
_NEWER = "a newer envbuild wrote it"
_UPGRADE = "upgrade envbuild, or remove the file to lock it anew"
_FORMAT = re.compile(r"^version: (?P<number>.*)$", re.MULTILINE)
_KNOWN_FORMAT = "1"


class Head(msgspec.Struct, frozen=True):
    """What the first lines of a lock say: enough to know whether it is current, and for a fingerprint."""

    python: str
    requests: dict[str, Request]
    pins: dict[str, str]
    base: Base | None = None


class CondaFacts(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is known of a conda pin, and conda-lock's format has no place for."""

    number: int = 0
    constrains: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    site: str = ""


class Lock(msgspec.Struct, frozen=True):
    head: Head
    pins: dict[str, Pins]

    @property
    def has_packages(self) -> bool:
        """On any platform, were it Python alone."""
        return bool(self.head.python) or any(found.pins or found.members for found in self.pins.values())


def lock_path(name: str) -> str:
    return f"{FOLDER}/{name}{SUFFIX}"


def make_lock(python: str, requests: tuple[Request, ...], solved: Mapping[str, Pins], base: Base | None = None) -> Lock:
    pins = {request.platform: solved[request.platform] for request in requests}
    head = Head(
        python,
        {request.platform: request for request in requests},
        {platform: found.digest for platform, found in pins.items()},
        base,
    )
    return Lock(head, pins)


def head_digest(head: str) -> str:
    """Over every line of a head but the one that holds this digest."""
    return hashlib.sha256(HEAD_LINE.sub("", head).encode()).hexdigest()


def read_head(path: str, text: str) -> Head:
    """The head, once the body is known to be what was written with it."""
    custom = _custom(path, text)
    try:
        return Head(
            custom["python"],
            from_json(custom["request"], dict[str, Request]),
            from_json(custom["pins"], dict[str, str]),
            from_json(custom["base"], Base) if "base" in custom else None,
        )
    except (KeyError, msgspec.DecodeError):
        raise NewerLockError(_NEWER, Place(path), _UPGRADE) from None


def _custom(path: str, text: str) -> dict[str, str]:
    """Our lines of the head, read without a YAML parser: they are ours, each on a line of its own."""
    text = text.replace("\r\n", "\n")  # as git writes files on some machines
    at = text.find(f"\n{_BODY}") + 1
    head = text[:at]
    custom = {match["key"]: _unquoted(match["value"]) for match in _CUSTOM.finditer(head)}
    stated = _FORMAT.search(head)
    if stated and stated["number"] != _KNOWN_FORMAT and stated["number"].isdecimal():
        what = f"it is in version {stated['number']} of conda-lock's format, and version {_KNOWN_FORMAT} is known here"
        raise NewerLockError(what, Place(path), _UPGRADE)
    whole = hashlib.sha256(text[at:].encode()).hexdigest()
    if not at or custom.get("body") != whole or custom.get("head") != head_digest(head):
        raise LockError(_EDITED, Place(path), _RELOCK)
    return custom


def _unquoted(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value


def read_lock(path: str, text: str) -> Lock:
    """The whole lock; only to solve, to build or to explain.

    Its body is known to be what conda-lock's models made; reading it without them saves half a second.
    """
    head, custom = read_head(path, text), _custom(path, text)
    try:
        members = from_json(custom.get("wheels", "{}"), dict[str, tuple[Member, ...]])
        facts = from_json(custom.get("conda", "{}"), dict[str, dict[str, CondaFacts]])
        body = _read_body(text[text.find(f"\n{_BODY}") + 1 :])
    except (msgspec.DecodeError, ValueError):
        raise NewerLockError(_NEWER, Place(path), _UPGRADE) from None
    pins: dict[str, list[Pin]] = {platform: [] for platform in head.requests}
    for platform, pin in body:
        known = facts.get(platform, {}).get(pin.name) if pin.manager == "conda" else None
        pins.setdefault(platform, []).append(_completed(pin, known) if known else pin)
    return Lock(
        head, {platform: Pins(platform, tuple(found), members.get(platform, ())) for platform, found in pins.items()}
    )


def _completed(pin: Pin, known: CondaFacts) -> Pin:
    return msgspec.structs.replace(
        pin,
        dependencies=tuple(sorted((*pin.dependencies, *known.besides))),
        number=known.number,
        constrains=known.constrains,
        distributions=known.distributions,
        site=known.site,
    )


@lru_cache(maxsize=32)
def _read_body(body: str) -> tuple[tuple[str, Pin], ...]:
    """Platform and pin of each package; twins have one body, which is parsed once."""
    content = converted(plain_body(body) or _parsed(body), _Body)
    return tuple((package.platform, _pin(package)) for package in content.package)


def _parsed(body: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml: Any = YAML(typ="safe")
    try:
        return yaml.load(body)
    except YAMLError as error:
        raise ValueError from error


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
    depends = (f"{name} {spec}".removesuffix(" *") for name, spec in package.dependencies.items())
    return Pin(
        package.manager,
        package.name,
        package.version,
        package.url,
        package.hash.sha256,
        package.build,
        tuple(depends),
        package.hash.md5,
    )
