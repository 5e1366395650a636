"""Values of our types from JSON, MessagePack and plain data, in any thread.

msgspec makes what it knows of a type when that is first read, and another thread that reads it meanwhile ends the
process: so one thread at a time makes it, here.
"""

from threading import Lock
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_GUARD = Lock()
_JSON: dict[Any, msgspec.json.Decoder[Any]] = {}
_MSGPACK: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def from_json(data: bytes | str | msgspec.Raw, kind: type[T]) -> T:
    found: T = _of_json(kind).decode(data)
    return found


def from_msgpack(data: bytes, kind: type[T]) -> T:
    decoder = _MSGPACK.get(kind)
    if decoder is None:
        with _GUARD:
            decoder = _MSGPACK.setdefault(kind, msgspec.msgpack.Decoder(kind))
    found: T = decoder.decode(data)
    return found


def converted(value: object, kind: type[T], *, strict: bool = True) -> T:
    """`strict` as msgspec has it."""
    _of_json(kind)
    return msgspec.convert(value, kind, strict=strict)


def _of_json(kind: Any) -> msgspec.json.Decoder[Any]:
    decoder = _JSON.get(kind)
    if decoder is None:
        with _GUARD:
            decoder = _JSON.setdefault(kind, msgspec.json.Decoder(kind))
    return decoder
