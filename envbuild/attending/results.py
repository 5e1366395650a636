"""What a run has written into `outputs/` and `logs/` of its folder: found by comparing, and kept by content."""

import contextlib
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
        self._real = os.path.realpath(folder)
        self._room = limit * _MIB
        self._secret = secret
        self._before = dict(self._seen())

    def gathered(self, shelf: Shelf) -> "tuple[list[list[object]], list[str]]":
        """What is new or was changed, and which of it is not kept: too much, a link elsewhere, not to be read."""
        kept: list[list[object]] = []
        left: list[str] = []
        for name, sight in sorted(self._seen()):
            if self._before.get(name) == sight:
                continue
            size = sight[0]
            try:
                if not 0 <= size <= self._room:
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
                elif self._may_keep(name):
                    with contextlib.suppress(OSError):  # gone meanwhile
                        if sight := self._sight(entry):
                            yield name, sight

    def _sight(self, entry: "os.DirEntry[str]") -> "Sight | None":
        """Its size first. A link is as what it leads to, if that is an output, else of no size that can be kept."""
        if not entry.is_symlink():
            return _of(entry.stat()) if entry.is_file() else None
        place, real = entry.stat(follow_symlinks=False), os.path.realpath(entry.path)
        if entry.is_file() and any(real.startswith(f"{self._real}/{name}/") for name in RESULTS):
            return (*_of(entry.stat()), *_of(place))
        return (-1, *_of(place))

    def _may_keep(self, name: str) -> bool:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            return False
        return not self._secret or os.path.realpath(f"{self._folder}/{name}") not in self._secret


def _of(status: os.stat_result) -> "Sight":
    return (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
