"""Requests as httptools reads them, with what uvicorn leaves of it: wishes for another protocol, and trailers."""

from __future__ import annotations

import contextlib
import sys

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_WISHES = {b"upgrade", b"http2-settings"}
_TUNNEL = b"CONNECT"


class Compiled(HttpToolsProtocol):
    _piece = b""
    _anew = b""

    def data_received(self, data: bytes) -> None:
        while data:
            self._piece, self._anew = data, b""
            super().data_received(data)
            data = self._anew

    @property
    def _is_wish(self) -> bool:
        """Its parser takes what follows the head for another protocol, which nobody has agreed to."""
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != _TUNNEL

    def on_headers_complete(self) -> None:
        """What is said behind the body, in trailers, is in no header."""
        if not self._is_wish:
            super().on_headers_complete()
            self.headers = []

    def on_message_complete(self) -> None:
        if not self._is_wish:
            super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """It is read anew, without the wish: else its body were lost, and all that comes after it."""
        error = sys.exc_info()[1]
        if error is None or not self._is_wish:
            return
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % (name, value) for name, value in self.headers if name not in _WISHES]
        self._anew = b"\r\n".join([*lines, b"", b""]) + self._piece[error.args[0] :]
        self.parser = type(self.parser)(self)
        with contextlib.suppress(AttributeError):  # as uvicorn has it
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
