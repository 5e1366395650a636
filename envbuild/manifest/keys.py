"""The keys of a manifest: their types, and beside each how it is inherited."""

import enum
from typing import Annotated, Any, Literal, TypeVar

import msgspec

T = TypeVar("T")


class Rule(enum.Enum):
    """How what a child states meets what it inherits."""

    OWN = "never inherited"
    REPLACE = "the nearest wins"
    OVERLAY = "key by key, the nearest wins; null removes"
    VARIABLES = "as overlay; prepend and append add to what is inherited"
    OWN_FIRST = "own items first, then inherited ones not yet named"
    APPEND = "inherited items first, then own"
    PACKAGES = "package by package, the nearest definition wins"


def _rule(rule: Rule) -> msgspec.Meta:
    return msgspec.Meta(extra={"rule": rule})


Own = Annotated[T, _rule(Rule.OWN)]
Replace = Annotated[T, _rule(Rule.REPLACE)]
Overlay = Annotated[T, _rule(Rule.OVERLAY)]
Variables = Annotated[T, _rule(Rule.VARIABLES)]
OwnFirst = Annotated[T, _rule(Rule.OWN_FIRST)]
Append = Annotated[T, _rule(Rule.APPEND)]
Packages = Annotated[T, _rule(Rule.PACKAGES)]

Word = Annotated[str, msgspec.Meta(min_length=1)]
Words = Annotated[str, msgspec.Meta(extra={"quoted": True})]

Platform = Literal[
    "linux-64", "linux-aarch64", "linux-ppc64le", "linux-s390x", "osx-64", "osx-arm64", "win-64", "win-arm64"
]

_IMAGE_LATER = "only image builders use it, and this version has none; remove it for now"
_LATER = "remove it for now"


class Python(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    managed: bool | None = None
    interpreter: str | None = None
    version: str | None = None
    source: Annotated[Literal["conda", "uv", "image"] | None, msgspec.Meta(title="from")] = msgspec.field(
        default=None, name="from"
    )


class Pip(msgspec.Struct, frozen=True):
    LATER = dict.fromkeys(
        ("extra_index_urls", "indexes", "find_links", "prerelease", "no_binary", "no_build_isolation"), _LATER
    )

    index_url: str | None = None


class Additions(msgspec.Struct, frozen=True):
    """What a variable that holds a list of paths gets at its ends."""

    prepend: tuple[str, ...] = ()
    append: tuple[str, ...] = ()


class PipList(msgspec.Struct, frozen=True):
    LATER = {"sel(linux)": _LATER, "sel(osx)": _LATER, "sel(win)": _LATER, "sel(unix)": _LATER}

    pip: tuple[str, ...] = ()


class Keys(msgspec.Struct, frozen=True):
    """Everything that a manifest may say in this version."""

    LATER = {
        "constraints": _LATER,
        "overrides": _LATER,
        "system_requirements": _LATER,
        "params": _LATER,
        "matrix": _LATER,
        "solve_group": _LATER,
        "check": _LATER,
        "test": _LATER,
        "run": _LATER,
        "serve": _LATER,
        "spark": _LATER,
        "r": _LATER,
        "image": _IMAGE_LATER,
        "publish": _IMAGE_LATER,
    }

    name: Own[Any] = None
    prefix: Own[Any] = None
    category: Own[Any] = None
    extends: Own[Word | tuple[Word, ...]] = ()
    abstract: Own[bool] = False
    description: Own[str | None] = None
    tags: Overlay[dict[str, Words | None]] = msgspec.field(default_factory=dict)
    channels: OwnFirst[tuple[str, ...]] = ()
    platforms: Replace[tuple[Platform, ...]] = ()
    dependencies: Packages[tuple[str | PipList, ...]] = ()
    without: Own[tuple[str, ...]] = ()
    variables: Variables[dict[str, str | Additions | None]] = msgspec.field(default_factory=dict)
    python: Overlay[Python] = Python()
    pip: Overlay[Pip] = Pip()
    setup: Append[tuple[Word, ...]] = ()
    builder: Replace[Literal["local", "docker", "oci"] | None] = None


def rules() -> dict[str, Rule]:
    """The rule of each key, as its type states it; a key without one is a mistake in this file."""
    hints = msgspec.inspect.type_info(Keys)
    assert isinstance(hints, msgspec.inspect.StructType)  # noqa: S101 - narrows for the type checker
    return {field.encode_name: _rule_of(field) for field in hints.fields}


def _rule_of(field: msgspec.inspect.Field) -> Rule:
    info = field.type
    while isinstance(info, msgspec.inspect.Metadata):
        rule = (info.extra or {}).get("rule")
        if isinstance(rule, Rule):
            return rule
        info = info.type
    raise TypeError(f"the key '{field.encode_name}' says nowhere how it is inherited")
