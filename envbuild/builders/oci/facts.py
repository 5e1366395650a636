"""What is known of packages without looking into them again: by the hash of each, kept for all environments of a user.

So it is known whose file stands where, and of what a layer is made, before anything is fetched or unpacked.
"""

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from envbuild.builders.packages import key, unwritable
from envbuild.typed import from_msgpack
from envbuild.workspace.writing import replace

_Shape = TypeVar("_Shape")
_DIGEST = 32
_FORM = 1


class Facts:
    """One file for each package, whole or absent; what is damaged is not there."""

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "facts"

    def find(self, name: str, shape: type[_Shape]) -> _Shape | None:
        try:
            whole = self._place(name, shape).read_bytes()
            if hashlib.sha256(whole[_DIGEST:]).digest() == whole[:_DIGEST]:
                return from_msgpack(whole[_DIGEST:], shape)
        except (OSError, msgspec.DecodeError):
            pass
        return None

    def keep(self, name: str, found: object) -> None:
        place = self._place(name, type(found))
        data = msgspec.msgpack.encode(found)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            replace(place, hashlib.sha256(data).digest() + data)
        except OSError as error:
            raise unwritable(error.strerror, error.filename or place) from None

    def _place(self, name: str, shape: type) -> Path:
        """What is known of one package in two ways lies in two files."""
        return self._folder / key(f"{_FORM} {shape.__name__} {name}")
