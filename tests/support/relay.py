"""Relays on loopback: they count connections, change or cut what a server says, or are a proxy for made-up names."""

import contextlib
import socket
from collections.abc import Callable, Mapping
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Self

_PIECE = 1 << 16
_HEAD_LIMIT = 1 << 14


class Relay:
    """Passes on every connection to SERVER, for the length of the block; what is open then is cut."""

    def __init__(self, server: str = "") -> None:
        self._server = server
        self._lock = Lock()
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listening = _Listening(("127.0.0.1", 0), _Connection)
        self._listening.relay = self
        self._thread = Thread(target=self._listening.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listening.server_address[1]}"

    def pass_on(self, client: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        if server := self.target(client):
            with _connected(server) as beyond:
                self._open += (client, beyond)
                back = Thread(target=_pipe, args=(beyond, client, self.changed))
                back.start()
                _pipe(client, beyond)
                back.join()

    def changed(self, piece: bytes) -> bytes:
        """What is passed on of what the server said."""
        return piece

    def target(self, _: socket.socket) -> str:
        return self._server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._listening.shutdown()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listening.server_close()
        self._thread.join()


class Posing(Relay):
    """Makes the SERVER, a socket's path too, say a WORD where it would say OWN, of the same length."""

    def __init__(self, server: str, own: str, word: str) -> None:
        assert len(own) == len(word)
        self._words = (own.encode(), word.encode())
        super().__init__(server)

    def changed(self, piece: bytes) -> bytes:
        return piece.replace(*self._words)


class Cutting(Relay):
    """Hangs up as soon as the SERVER says a WORD."""

    def __init__(self, server: str, word: str) -> None:
        self._word = word.encode()
        super().__init__(server)

    def changed(self, piece: bytes) -> bytes:
        if self._word in piece:
            raise ConnectionAbortedError
        return piece


class Names(Relay):
    """A proxy for HTTPS: each of PLACES is a name with the server that answers by it. `heads` is what it was told."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places
        self.heads: list[str] = []
        super().__init__()

    @property
    def asked(self) -> list[str]:
        return [head.split()[1].partition(":")[0] for head in self.heads]

    def target(self, client: socket.socket) -> str:
        data = b""
        while not data.endswith(b"\r\n\r\n") and len(data) < _HEAD_LIMIT and (piece := client.recv(1)):
            data += piece
        with self._lock:
            self.heads.append(data.decode())
        server = self._places.get(self.asked[-1], "")
        client.sendall(b"HTTP/1.1 %b\r\n\r\n" % (b"200 OK" if server else b"502 Bad Gateway"))
        return server


class _Listening(ThreadingTCPServer):
    daemon_threads = False
    relay: Relay


class _Connection(BaseRequestHandler):
    server: _Listening

    def handle(self) -> None:
        self.server.relay.pass_on(self.request)


def _connected(server: str) -> socket.socket:
    if server.startswith("/"):
        beyond = socket.socket(socket.AF_UNIX)
        beyond.connect(server)
        return beyond
    host, _, port = server.partition(":")
    return socket.create_connection((host, int(port)))


def _pipe(source: socket.socket, target: socket.socket, changed: Callable[[bytes], bytes] = bytes) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(changed(piece))
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
