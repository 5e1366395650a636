"""Text -> Document: YAML with positions, its bounds held."""

from envbuild.document.extent import extent
from envbuild.document.parse import LIMIT_BYTES, LIMIT_DEPTH, LIMIT_NODES, decode, parse, unprintable
from envbuild.document.values import (
    OVERRIDE,
    PREFIX,
    RAW,
    RESET,
    Document,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Value,
    is_null,
    plain_data,
    plain_value,
    scalars,
)
from envbuild.document.write import escaped, quoted, write, written

__all__ = [
    "LIMIT_BYTES",
    "LIMIT_DEPTH",
    "LIMIT_NODES",
    "OVERRIDE",
    "PREFIX",
    "RAW",
    "RESET",
    "Document",
    "Entry",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Value",
    "decode",
    "escaped",
    "extent",
    "is_null",
    "parse",
    "plain_data",
    "plain_value",
    "quoted",
    "scalars",
    "unprintable",
    "write",
    "written",
]
