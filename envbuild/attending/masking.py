"""What is logged of a stream: all of it but secrets, also where one comes in pieces."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MASK = b"***"
_LEAST = 4  # what is shorter stands in many words


class Log:
    """A file that is only added to. When it cannot be written the run goes on, and `is_whole` tells."""

    def __init__(self, path: str, secrets: "Iterable[bytes]") -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._secrets = sorted({one for one in secrets if len(one) >= _LEAST}, key=len, reverse=True)
        self._kept = b""
        self.is_whole = True

    def add(self, data: bytes) -> None:
        whole = masked(self._kept + data, self._secrets)
        held = max((_begun(whole, one) for one in self._secrets), default=0)
        self._kept = whole[len(whole) - held :]
        self._write(whole[: len(whole) - held])

    def close(self) -> None:
        self._write(self._kept)
        os.close(self._handle)

    def _write(self, data: bytes) -> None:
        try:
            while data and self.is_whole:
                data = data[os.write(self._handle, data) :]
        except OSError:
            self.is_whole = False


def masked(data: bytes, secrets: "Iterable[bytes]") -> bytes:
    for one in secrets:
        if len(one) >= _LEAST:
            data = data.replace(one, _MASK)
    return data


def _begun(data: bytes, secret: bytes) -> int:
    """How much of the end may be the beginning of a secret."""
    most = min(len(secret) - 1, len(data))
    return next((count for count in range(most, 0, -1) if data.endswith(secret[:count])), 0)
