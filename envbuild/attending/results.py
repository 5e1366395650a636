"""What a run has written into `outputs/` and `logs/` of its folder: found by comparing, and kept by content."""

import os

from envbuild.attending.shelf import Shelf
from envbuild.attending.snapshot import RESULTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Sight = tuple[int, ...]

_MIB = 1 << 20


class Results:
    """Looked at before the run, and gathered after it."""

    def __init__(self, folder: str, limit: int, secret: "frozenset[str]") -> None:
        self._folder = folder
        self._room = limit * _MIB
        self._secret = secret
        self._before = dict(self._seen())

    def gathered(self, shelf: Shelf) -> "tuple[list[list[object]], list[str]]":
        """What is new or was changed, and which of it is not kept: it was too much, or could not be read."""
        kept: list[list[object]] = []
        left: list[str] = []
        for name, sight in sorted(self._seen()):
            if self._before.get(name) == sight:
                continue
            size = sight[0]
            try:
                if size > self._room:
                    left.append(name)
                    continue
                kept.append([name, shelf.put_file(f"{self._folder}/{name}"), size])
                self._room -= size
            except OSError:
                left.append(name)
        return kept, left

    def _seen(self) -> "Iterator[tuple[str, Sight]]":
        waiting = list(RESULTS)
        while waiting:
            here = waiting.pop()
            try:
                entries = list(os.scandir(f"{self._folder}/{here}"))
            except OSError:
                continue
            for entry in entries:
                name = f"{here}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(name)
                elif entry.is_file(follow_symlinks=False) and self._may_keep(name):
                    found = entry.stat(follow_symlinks=False)
                    yield name, (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)

    def _may_keep(self, name: str) -> bool:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            return False
        return not self._secret or os.path.realpath(f"{self._folder}/{name}") not in self._secret
