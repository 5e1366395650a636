"""Text -> Document: YAML with positions, its bounds held."""

from envbuild.document.parse import LIMIT_BYTES, LIMIT_DEPTH, LIMIT_NODES, decode, parse
from envbuild.document.values import (
    OVERRIDE,
    RESET,
    Document,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Value,
    is_null,
    scalars,
)

__all__ = [
    "LIMIT_BYTES",
    "LIMIT_DEPTH",
    "LIMIT_NODES",
    "OVERRIDE",
    "RESET",
    "Document",
    "Entry",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Value",
    "decode",
    "is_null",
    "parse",
    "scalars",
]
