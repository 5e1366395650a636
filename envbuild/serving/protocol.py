"""What uvicorn leaves open: bounds of a request's head, JSON also for what is no HTTP, and answers in one piece.

Of uvicorn's two protocols the quicker one where it can be had: that of httptools, which is compiled for one machine.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from envbuild.serving.answer import refusal
from envbuild.serving.patience import Patience

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import H11Protocol as Base

    from envbuild.serving.journal import Journal
    from envbuild.serving.metrics import Metrics
else:
    try:
        from envbuild.serving.compiled import Compiled as Base
    except ImportError:
        from uvicorn.protocols.http.h11_impl import H11Protocol as Base

HEAD_BYTES = 64 * 1024
_PIECE = 64 * 1024
_DEAF_SECONDS = 1.0


class _Corked:
    """A transport that sends what is written within one step of the loop as one piece."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, patience: Patience) -> None:
        self._transport = transport
        self._patience = patience
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self.flush)
        self._pieces.append(data)
        if len(data) > _PIECE:
            self.flush()

    def flush(self) -> None:
        if self._pieces:
            data, self._pieces = b"".join(self._pieces), []
            self._transport.write(data)
            self._patience.wrote(len(data))

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(Base):
    journal: Journal
    metrics: Metrics
    head_seconds: float
    answer_seconds: float
    _patience: Patience
    _late: asyncio.TimerHandle | None = None
    _answered: object = None
    _head_bytes = 0
    _is_deaf = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._patience = Patience(transport, self.loop, self.answer_seconds, self._is_deserted)
        super().connection_made(_Corked(transport, self.loop, self._patience))  # type: ignore[arg-type]
        self._late = self.loop.call_later(self.head_seconds, self._is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        self._patience.end()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self.transport.flush()  # type: ignore[attr-defined]
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        before = self.cycle
        super().data_received(data)
        if self._is_deaf or self.cycle is not before or not self._is_of_head:
            self._in_time()
        elif self.transport is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._turn_away(431, f"the request's head has more than {HEAD_BYTES:,} bytes")
            elif self._late is None:
                self._late = self.loop.call_later(self.head_seconds, self._is_late)

    @property
    def _is_of_head(self) -> bool:
        """Whether what comes now begins a request: there is none that is not answered."""
        return self.cycle is None or self.cycle.response_complete

    def _in_time(self) -> None:
        self._head_bytes = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_late(self) -> None:
        """Who has said nothing at all is told nothing."""
        self._late = None
        if self._head_bytes:
            self._turn_away(408, f"the request's head did not come within {self.head_seconds:g} s")
        else:
            self.transport.close()

    def _is_deserted(self) -> None:
        self.journal.say(f"{self._who} has not read its answer: its connection is closed")

    @property
    def _who(self) -> str:
        return self.client[0] if self.client else "-"

    def send_400_response(self, _text: str) -> None:
        self._turn_away(400, "this is no HTTP request, or its head is too long")

    def _turn_away(self, status: int, text: str) -> None:
        """Where an answer is due to an earlier request nothing can be put in its way."""
        if self._is_of_head or not self.cycle.response_started:
            body = refusal(status, text).body
            head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode() + body)
            self.metrics.requests["other", status] += 1
            self.journal.request(f"{self._who} - - {status} 0.000ms {len(body)}B -")
        self._in_time()
        self._leave()

    def _leave(self) -> None:
        """What still comes is thrown away for a moment: who is cut off while sending reads no answer."""
        self._is_deaf = True
        self.transport.flush()  # type: ignore[attr-defined]
        if not self.transport.is_closing():
            self.transport.write_eof()
            self.loop.call_later(_DEAF_SECONDS, self.transport.close)
