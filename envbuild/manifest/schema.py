"""The JSON Schema of a manifest, for editors."""

from typing import Any

from envbuild.manifest.keys import Keys
from envbuild.manifest.matrix import NOT_IN_FRAGMENTS
from envbuild.shape import json_schema

_VALUE = {"type": ["string", "integer", "boolean"]}
_CELLS = {"type": ["array", "null"], "items": {"type": "object", "additionalProperties": _VALUE}}


def manifest_schema() -> dict[str, Any]:
    """Generated from the types of the keys; `matrix`, whose axes have free names, is added to them."""
    schema = json_schema(Keys, "envbuild manifest", {"matrix": _matrix()})
    own = schema["properties"]
    fragment = {key: value for key, value in own.items() if key not in NOT_IN_FRAGMENTS}
    schema["$defs"]["Fragment"] = {"type": ["object", "null"], "properties": fragment, "additionalProperties": False}
    return schema


def _matrix() -> dict[str, Any]:
    axis = {
        "anyOf": [
            {"type": "array", "items": _VALUE, "minItems": 1},
            {"type": "object", "additionalProperties": {"$ref": "#/$defs/Fragment"}},
            {"type": "null"},
        ]
    }
    return {
        "description": "One environment for each combination of values.",
        "type": ["object", "null"],
        "properties": {"name": {"type": ["string", "null"]}, "include": _CELLS, "exclude": _CELLS},
        "additionalProperties": axis,
    }
