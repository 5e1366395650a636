"""Which repository of a registry has a blob, as far as this user has seen: it is mounted from there, not sent again.

It is a hint and no more: a registry is asked each time, and what it does not mount is sent.
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

_MOST_BYTES = 8 * 1024 * 1024


class Landed:
    """Of one registry. What several threads push at once is sent by one, and mounted by the others."""

    def __init__(self, server: str, folder: Path | None = None) -> None:
        self._file = folder / sha256(server.encode()).hexdigest()[:32] if folder else None
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()
        self._known: dict[str, str] | None = None

    @contextlib.contextmanager
    def turn(self, digest: str) -> Iterator[str]:
        """Nobody else sends it meanwhile; gives where it was seen."""
        with self._guard:
            turn = self._turns[digest]
        with turn:
            yield self._places().get(digest, "")

    def note(self, digest: str, repository: str) -> None:
        places = self._places()
        with self._guard:
            if places.get(digest):
                return
            places[digest] = repository
            self._write(f"{digest} {repository}\n")

    def _places(self) -> dict[str, str]:
        with self._guard:
            if self._known is None:
                self._known = self._read()
            return self._known

    def _read(self) -> dict[str, str]:
        """What is torn or foreign is passed over."""
        if self._file is None:
            return {}
        try:
            lines = self._file.read_text(encoding="ascii", errors="ignore").splitlines()
        except OSError:
            return {}
        pairs = (line.partition(" ") for line in lines)
        return {digest: repository for digest, _, repository in pairs if repository}

    def _write(self, line: str) -> None:
        """What cannot be kept is sent once more another time."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            is_full = self._file.exists() and self._file.stat().st_size > _MOST_BYTES
            with self._file.open("w" if is_full else "a", encoding="ascii") as stream:
                stream.write(line)
