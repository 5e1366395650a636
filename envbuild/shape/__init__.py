"""A Document against a type: what is wrong with it, the plain data of that type, and the type's JSON Schema."""

from envbuild.shape.marks import rewrite_marked
from envbuild.shape.read import Reading, is_rendered, read
from envbuild.shape.schema import json_schema
from envbuild.shape.words import damaged_number, near, nearest

__all__ = ["Reading", "damaged_number", "is_rendered", "json_schema", "near", "nearest", "read", "rewrite_marked"]
