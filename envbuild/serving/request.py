"""One request as it comes: its headers, its body within limits, and what of it is told to a worker."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LONGEST_ID, _LONGEST_NUMBER = 100, 18
_GONE = 499  # of nginx: nobody reads it but the log
_IDS = (b"x-ms-request-id", b"x-ms-client-request-id")
_DRAIN_SECONDS, _DRAIN_BYTES = 2.0, 16 * 1024 * 1024


class Refused(Exception):  # noqa: N818 - it is an answer
    def __init__(self, status: int, message: str, headers: list[list[str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or []


class Request:
    """`echoed` are the headers by which a client finds its answer again, as Azure has them."""

    __slots__ = (
        "_receive", "_scope", "began", "client", "echoed", "headers", "id", "is_unread", "method", "path", "refused",
        "size",
    )  # fmt: skip

    def __init__(self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self.began = time.perf_counter()
        self._scope = scope
        self._receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.client = scope["client"][0] if scope["client"] else "-"
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.is_unread = b"content-length" in self.headers or b"transfer-encoding" in self.headers
        self.refused: Refused | None = None
        self.size = 0
        self.id = ""
        self.echoed: list[tuple[bytes, bytes]] = []
        self._identify()

    def _identify(self) -> None:
        found = self.headers
        own = found.get(b"x-request-id") or str(uuid.uuid4()).encode()
        if len(own) > _LONGEST_ID:
            self.refused = Refused(431, f"x-request-id has more than {_LONGEST_ID} characters")
            return
        self.id = own.decode("latin-1")
        legacy, client = found.get(_IDS[0], b""), found.get(_IDS[1], b"")
        client = client or legacy
        if max(len(legacy), len(client)) > _LONGEST_ID:
            names = " and ".join(name.decode() for name in _IDS)
            self.refused = Refused(431, f"{names} have at most {_LONGEST_ID} characters")
            legacy = client = b""
        self.echoed = [(b"x-request-id", own), (_IDS[0], legacy or client or own)]
        if client:
            self.echoed.append((_IDS[1], client))
        if trace := found.get(b"traceid"):
            self.echoed.append((b"traceid", trace))

    def admitted(self) -> Request:
        if self.refused:
            raise self.refused
        return self

    async def body(self, most: int, seconds: float, take: Callable[[int], None]) -> bytes:
        """All of it, unless it is too large, also where nobody has said how large it is, or too slow.

        `take` is told of each piece, and may refuse it.
        """
        if not self.is_unread:
            return b""
        stated = self.headers.get(b"content-length", b"")
        if stated.isdigit() and (len(stated) > _LONGEST_NUMBER or int(stated) > most):
            raise Refused(413, f"the body has more than {most:,} bytes")
        with _Within(seconds):
            return await self._read(most, take)
        raise Refused(408, f"the body did not come within {seconds:g} s")

    async def _read(self, most: int, take: Callable[[int], None]) -> bytes:
        pieces = []
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise Refused(_GONE, "the client is gone")
            piece = message["body"]
            self.size += len(piece)
            take(len(piece))
            if self.size > most:
                raise Refused(413, f"the body has more than {most:,} bytes")
            pieces.append(piece)
            if not message["more_body"]:
                self.is_unread = False
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def drain(self) -> None:
        """What still comes is read for a while, and thrown away: who is cut off while sending reads no answer."""
        try:
            await asyncio.wait_for(self._thrown_away(), _DRAIN_SECONDS)
        except asyncio.TimeoutError:
            return

    async def _thrown_away(self) -> None:
        size = 0
        while size < _DRAIN_BYTES:
            message = await self._receive()
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or not message["more_body"]:
                return

    def asked(self, name: str) -> str:
        """The first value of a name that stands behind `?`."""
        query: str = self._scope["query_string"].decode("latin-1")
        return parse_qs(query).get(name, [""])[0]

    def told(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "path": self.path,
            "query": self._scope["query_string"].decode("latin-1"),
            "client": self.client,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self._scope["headers"]],
        }


class _Within:
    """A time for what is awaited in it, past which it is left; with a timer alone, for there is one of each request."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_over = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task  # noqa: S101 - requests are tasks
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._timer.cancel()
        if not self._is_over or kind is not asyncio.CancelledError:
            return False
        if hasattr(self._task, "uncancel"):
            self._task.uncancel()
        return True
