"""An HTTP server on loopback that asks for credentials if told to, and whose answers may be as bad as networks are."""

import base64
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from ssl import SSLContext
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

_PIECES = 100  # a trickle's body comes in so many
_PIECE_BYTES = 1 << 16
_TLS_HANDSHAKE = b"\x16"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]  # by their names in lower case
    body: Iterator[bytes] = field(default=iter(()), compare=False, repr=False)  # in pieces, as they come in


@dataclass(frozen=True)
class Reply:
    status: int = HTTPStatus.OK
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    silence: float = 0  # seconds before the first byte
    trickle: float = 0  # seconds that the body takes
    lost: int = 0  # bytes at the end of the body that are announced and never sent
    hangs_up: bool = False  # not a byte is sent


@dataclass(frozen=True)
class Login:
    """What a server wants to see: a header, or what its paths begin with."""

    header: str = ""
    path: str = ""

    def opens(self, header: str | None, path: str) -> bool:
        return (not self.header or header == self.header) and path.startswith(self.path)


class Loopback:
    """Start to serve at once; `requests` lists the paths asked for, refused ones too, and `log` the whole requests.

    Each has an address of its own, so that a cache never mistakes one for another.
    """

    tells_plain = False  # whether who speaks TLS is told that it is not spoken
    host = "127.0.0.1"

    def __init__(
        self, *, auth: tuple[str, str] | None = None, login: Login | None = None, tls: SSLContext | None = None
    ) -> None:
        self.requests: list[str] = []
        self.log: list[Request] = []
        self._auth = auth
        self._login = login or (Login(basic(*auth)) if auth else Login())
        self._root = f"/{secrets.token_hex(4)}"
        self._closing = Event()
        self._server = _Server(
            (self.host, 0), partial(_Connection, self.reply, self._closing, tells_plain=self.tells_plain)
        )
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.address}{self._root}"

    @property
    def address(self) -> str:
        """Host and port, as a netrc file or a setting names them."""
        return f"{self.host}:{self._server.server_port}"

    @property
    def url_with_credentials(self) -> str:
        user, password = (quote(part, safe="") for part in self._auth or ("", ""))
        return self.url.replace("//", f"//{user}:{password}@", 1)

    def reply(self, request: Request) -> Reply:
        path = urlsplit(request.path).path
        opened = path.removeprefix(self._login.path)
        below = replace(request, path=unquote(opened).removeprefix(self._root))
        self.requests.append(below.path)
        self.log.append(below)
        if not self._login.opens(request.headers.get("authorization"), path):
            return Reply(HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": 'Basic realm="private"'})
        return self.answer(below)

    def answer(self, request: Request) -> Reply:
        """Give what stands at the path below this server's own address; a subclass knows."""
        return Reply(HTTPStatus.NOT_FOUND, request.path.encode())

    def close(self) -> None:
        """End at once also what is slow on purpose."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for the connections, and none is left to the garbage collector

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent on a client that hangs up: it may have what it needs."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    timeout = 10
    rfile: BufferedReader

    def __init__(self, answer: Callable[[Request], Reply], closing: Event, *connection: Any, tells_plain: bool) -> None:
        self._answer, self._closing, self._tells_plain = answer, closing, tells_plain
        super().__init__(*connection)

    def handle(self) -> None:
        """Some servers tell who speaks TLS in plain words that they do not: there are clients that then do without."""
        if self._tells_plain and self.rfile.peek(1)[:1] == _TLS_HANDSHAKE:
            self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        else:
            super().handle()

    def do_GET(self) -> None:
        self._write(self._begin())

    do_DELETE = do_PATCH = do_POST = do_PUT = do_GET  # noqa: N815 - named by http.server

    def do_HEAD(self) -> None:
        self._begin()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - named by http.server
        pass

    def _begin(self) -> Reply:
        headers = {name.lower(): ", ".join(self.headers.get_all(name, ())) for name in self.headers}
        reply = self._answer(Request(self.command, self.path, headers, self._body(headers)))
        self._closing.wait(reply.silence)
        if reply.hangs_up:
            return Reply()
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        return reply

    def _body(self, headers: Mapping[str, str]) -> Iterator[bytes]:
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(headers.get("content-length", "0"))
        while left and (piece := self.rfile.read1(min(left, _PIECE_BYTES))):
            yield piece
            left -= len(piece)

    def _write(self, reply: Reply) -> None:
        body = reply.body[: len(reply.body) - reply.lost]
        step = -(-len(body) // _PIECES) if reply.trickle and body else len(body)
        for start in range(0, len(body), step or 1):
            self.wfile.write(body[start : start + step])
            self._closing.wait(reply.trickle / _PIECES)
