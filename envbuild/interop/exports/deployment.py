"""Plain data as YAML, for files that deploy a service."""

from collections.abc import Mapping, Sequence

from envbuild.document import Entry, Scalar, Value, write
from envbuild.document import Mapping as Node
from envbuild.document import Sequence as Items

Plain = str | int | bool | Mapping[str, "Plain"] | Sequence["Plain"]


def yaml(data: Mapping[str, Plain]) -> str:
    found = _node(data)
    return write(found) if isinstance(found, Node) else ""


def _node(data: Plain) -> Value:
    match data:
        case bool() | int():
            return Scalar("", 0, 0, None, str(data).lower(), plain=True)
        case str():
            return Scalar("", 0, 0, None, data, plain=False)
        case Mapping():
            entries = {key: Entry(Scalar("", 0, 0, None, key, plain=False), _node(one)) for key, one in data.items()}
            return Node("", 0, 0, None, entries)
        case _:
            return Items("", 0, 0, None, tuple(map(_node, data)))
