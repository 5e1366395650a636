"""The JSON Schema of a type, for editors: what a file may say before Jinja has replaced anything.

Scalars are text as it is written, so that numbers and booleans may stand for text; a text with `{{ }}` may stand for
any value; a key without a value says nothing.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BRACES: Schema = {"type": "string", "pattern": r"\{\{"}
_TEXT = ["string", "number", "boolean"]


def json_schema(shape: type, title: str, extra: Mapping[str, Schema]) -> Schema:
    """Generated from the type; `extra` are schemas of keys whose values are read by other means."""
    (root,), defined = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    name = root["$ref"].rpartition("/")[2]
    shapes = _shapes(inspect.type_info(shape))
    loose = {key: _loosened(value, shapes.get(key, ())) for key, value in defined.items()}
    top = loose.pop(name)
    top["properties"] = {**top["properties"], **extra}
    return {"$schema": _DIALECT, **top, "title": title, "type": "object", "$defs": loose}


def _shapes(info: inspect.Type) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Which keys go together, for each struct that says so, however deep it lies."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    match info:
        case inspect.Metadata():
            found |= _shapes(info.type)
        case inspect.UnionType():
            for part in info.types:
                found |= _shapes(part)
        case inspect.VarTupleType():
            found |= _shapes(info.item_type)
        case inspect.DictType():
            found |= _shapes(info.value_type)
        case inspect.StructType():
            found[info.cls.__name__] = getattr(info.cls, "SHAPES", ())
            for field in info.fields:
                found |= _shapes(field.type)
    return found


def _loosened(schema: Schema, shapes: tuple[tuple[str, ...], ...] = ()) -> Schema:
    """One schema and all within it."""
    if "properties" in schema:
        return _object(schema, shapes)
    kept = {key: schema[key] for key in ("description",) if key in schema}
    if "anyOf" in schema:
        return {**kept, "anyOf": [*(_loosened(one) for one in schema["anyOf"]), _BRACES]}
    return {**kept, **_single(schema)}


def _single(schema: Schema) -> Schema:
    match schema.get("type"):
        case "string":
            rest: Schema = {key: schema[key] for key in ("minLength", "pattern") if key in schema}
            return {"anyOf": [{"type": _TEXT, **rest}, _BRACES]} if "pattern" in rest else {"type": _TEXT, **rest}
        case "array":
            items = schema.get("items", {})
            return {"anyOf": [{"type": "array", "items": _loosened(items)}, _BRACES]}
        case "object":
            values = schema.get("additionalProperties")
            inner = {"additionalProperties": _nullable(_loosened(values))} if isinstance(values, dict) else {}
            return {"anyOf": [{"type": "object", **inner}, _BRACES]}
        case None if "enum" in schema:
            return {"anyOf": [{"enum": [value for word in schema["enum"] for value in _spellings(word)]}, _BRACES]}
        case None:
            return {"$ref": schema["$ref"]} if "$ref" in schema else {}
    return {"anyOf": [{"type": schema["type"]}, _BRACES]}


def _spellings(word: Any) -> list[Any]:
    """`true` is a word here and a boolean to who reads YAML."""
    return [word, word == "true"] if word in {"true", "false"} else [word]


def _object(schema: Schema, shapes: tuple[tuple[str, ...], ...]) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": {key: _nullable(_loosened(value)) for key, value in schema["properties"].items()},
        "additionalProperties": False,
    }
    if schema.get("required"):
        found["required"] = schema["required"]
    if shapes:
        found["oneOf"] = [_together(shape) for shape in shapes]
    return found


def _together(shape: tuple[str, ...]) -> Schema:
    needed = [key for key in shape if not key.endswith("?")]
    known: Schema = {key.removesuffix("?"): True for key in shape}
    return {"required": needed, "properties": known, "additionalProperties": False}


def _nullable(schema: Schema) -> Schema:
    if not schema:
        return schema
    kept = {"description": schema["description"]} if "description" in schema else {}
    rest = {key: value for key, value in schema.items() if key != "description"}
    parts = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
    return {**kept, "anyOf": [*parts, {"type": "null"}]}
