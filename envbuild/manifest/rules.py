"""How each key is inherited: a rule that stands beside the key's type."""

import enum
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import inspect

T = TypeVar("T")


class Rule(enum.Enum):
    """How what a child states meets what it inherits."""

    OWN = "never inherited"
    REPLACE = "the nearest wins"
    OVERLAY = "key by key, the nearest wins; null removes"
    VARIABLES = "as overlay; prepend and append add to what is inherited"
    OWN_FIRST = "own items first, then inherited ones not yet named"
    APPEND = "inherited items first, then own"
    APPEND_NEW = "inherited items first, then own ones not yet named"
    STEPS = "inherited steps first, then own; one with the same id replaces in place"
    TARGETS = "by 'to': the nearest wins, in place"
    PACKAGES = "package by package, the nearest definition wins"
    MATRIX = "axis by axis, the nearest wins; include and exclude append"
    FIELDS = "each key within by its own rule"


class KeyRule(msgspec.Struct, frozen=True):
    """The rule of one key, and of the keys within it where they have rules of their own."""

    rule: Rule
    within: Mapping[str, "KeyRule"] = {}


def _rule(rule: Rule) -> msgspec.Meta:
    return msgspec.Meta(extra={"rule": rule})


Own = Annotated[T, _rule(Rule.OWN)]
Replace = Annotated[T, _rule(Rule.REPLACE)]
Overlay = Annotated[T, _rule(Rule.OVERLAY)]
Variables = Annotated[T, _rule(Rule.VARIABLES)]
OwnFirst = Annotated[T, _rule(Rule.OWN_FIRST)]
Append = Annotated[T, _rule(Rule.APPEND)]
AppendNew = Annotated[T, _rule(Rule.APPEND_NEW)]
Steps = Annotated[T, _rule(Rule.STEPS)]
Targets = Annotated[T, _rule(Rule.TARGETS)]
Packages = Annotated[T, _rule(Rule.PACKAGES)]
Matrix = Annotated[T, _rule(Rule.MATRIX)]
Fields = Annotated[T, _rule(Rule.FIELDS)]

Word = Annotated[str, msgspec.Meta(min_length=1)]
Quoted = Annotated[str, msgspec.Meta(extra={"quoted": True})]
Data = Annotated[Any, msgspec.Meta(extra={"data": True})]
Named = Annotated[str, msgspec.Meta(min_length=1, extra={"environment": "name"})]
File = Annotated[str, msgspec.Meta(min_length=1, extra={"path": "file"})]


def about(text: str) -> msgspec.Meta:
    """What a key is for: shown by editors through the JSON Schema."""
    return msgspec.Meta(description=text)


def rules_of(shape: type) -> dict[str, KeyRule]:
    """The rule of each key of a struct; a key without one is a mistake in its type."""
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - narrows for the type checker
    return {field.encode_name: _stated(field, None) for field in info.fields}


def _stated(field: inspect.Field, default: Rule | None) -> KeyRule:
    info, rule = field.type, default
    while isinstance(info, inspect.Metadata):
        rule = (info.extra or {}).get("rule", rule)
        info = info.type
    if rule is None:
        raise TypeError(f"the key '{field.encode_name}' says nowhere how it is inherited")
    return KeyRule(rule, _within(info, rule))


def _within(info: inspect.Type, rule: Rule) -> dict[str, KeyRule]:
    """Keys of a struct that merges key by key; in an overlay those that say nothing replace."""
    parts = info.types if isinstance(info, inspect.UnionType) else (info,)
    structs = [part for part in parts if isinstance(part, inspect.StructType)]
    if rule not in {Rule.FIELDS, Rule.OVERLAY} or not structs:
        return {}
    default = Rule.REPLACE if rule is Rule.OVERLAY else None
    return {field.encode_name: _stated(field, default) for field in structs[0].fields}
