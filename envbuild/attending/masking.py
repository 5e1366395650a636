"""What is logged of a stream: all of it but secrets, also where one comes in pieces."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MASK = b"***"
_LEAST = 4  # what is shorter stands in many words


class Log:
    """A file that is only added to. When it cannot be written the run goes on, and `is_whole` tells."""

    def __init__(self, path: str, secrets: "Iterable[bytes]") -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._secrets = {one for one in secrets if len(one) >= _LEAST}
        self._kept = b""
        self.is_whole = True

    def add(self, data: bytes) -> None:
        """What may be the beginning of a secret waits for the rest, and so does one that reaches into that."""
        whole = self._kept + data
        cut = len(whole) - max((_begun(whole, one) for one in self._secrets), default=0)
        cut = next((start for start, end in _spans(whole, self._secrets) if start < cut < end), cut)
        self._kept = whole[cut:]
        self._write(masked(whole[:cut], self._secrets))

    def close(self) -> None:
        self._write(masked(self._kept, self._secrets))
        os.close(self._handle)

    def _write(self, data: bytes) -> None:
        try:
            while data and self.is_whole:
                data = data[os.write(self._handle, data) :]
        except OSError:
            self.is_whole = False


def masked(data: bytes, secrets: "Iterable[bytes]") -> bytes:
    pieces, at = [], 0
    for start, end in _spans(data, secrets):
        pieces += [data[at:start], _MASK]
        at = end
    return b"".join([*pieces, data[at:]])


def _spans(data: bytes, secrets: "Iterable[bytes]") -> "list[tuple[int, int]]":
    """Where they stand, in order; those that overlap are one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(place for one in secrets if len(one) >= _LEAST for place in _places(data, one)):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _places(data: bytes, secret: bytes) -> "Iterator[tuple[int, int]]":
    start = data.find(secret)
    while start >= 0:
        yield start, start + len(secret)
        start = data.find(secret, start + len(secret))


def _begun(data: bytes, secret: bytes) -> int:
    """How much of the end may be the beginning of a secret."""
    most = min(len(secret) - 1, len(data))
    return next((count for count in range(most, 0, -1) if data.endswith(secret[:count])), 0)
