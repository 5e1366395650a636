"""Connections: kept alive, each used by one thread at a time, through the host's proxies, with its certificates."""

import base64
import contextlib
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from envbuild.errors import SilentError
from envbuild.process import Interrupted
from envbuild.registry.line import Line

if TYPE_CHECKING:
    import ssl
    from http.client import HTTPConnection, HTTPResponse

Body = bytes | Callable[[], Iterable[bytes]]
_PORTS = MappingProxyType({"http": 80, "https": 443})
_HUNG_UP = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError)  # a reset without an answer is one, too


class Call(msgspec.Struct, frozen=True):
    """One request. A body that is made anew each time it is sent says its size in the headers."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Body = b""
    seconds: float = 0  # to wait for an answer, where that may be longer than usual


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: who is asked."""
    parts = urlsplit(url)
    return (parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))


class Wire:
    """Every connection of one client, to its registry and to wherever that sends it. `stopped` once it was stopped."""

    def __init__(self, line: Line) -> None:
        self.stopped = threading.Event()
        self._line = line
        self._busy: dict[HTTPConnection, socket.socket] = {}
        self._idle: dict[tuple[str, str, int], list[HTTPConnection]] = defaultdict(list)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def open(self, call: Call) -> "Iterator[HTTPResponse]":
        """An answer whose body is still to be read; what was not read to its end ends the connection."""
        connection, response = self._answered(call)
        done = False
        try:
            yield response
            done = response.isclosed() and not response.will_close
        finally:
            self._end(connection)
            if done:
                with self._lock:
                    self._idle[origin(call.url)].append(connection)
            else:
                response.close()
                connection.close()

    def stop(self) -> None:
        """Cut every conversation, so that whoever sends, or waits for an answer, is done at once; begin no other."""
        with self._lock:
            self.stopped.set()
            for line in self._busy.values():
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(line, socket.SHUT_RDWR)  # TLS would first forget its keys, and say more

    def close(self) -> None:
        with self._lock:
            for connection in (one for idle in self._idle.values() for one in idle):
                connection.close()
            self._idle.clear()

    def _answered(self, call: Call) -> "tuple[HTTPConnection, HTTPResponse]":
        """What was kept alive may have been closed meanwhile: that is seen only by using it."""
        idle = self._taken(origin(call.url))
        if idle is not None:
            try:
                return idle, self._sent(idle, call)
            except _HUNG_UP:
                if not isinstance(call.body, bytes):
                    raise
        fresh = self._connection(urlsplit(call.url))
        return fresh, self._sent(fresh, call)

    def _sent(self, connection: "HTTPConnection", call: Call) -> "HTTPResponse":
        """A server may answer, and hang up, before it has heard all: then its answer says more than the broken pipe."""
        connection.timeout = max(call.seconds, self._line.seconds)
        body = call.body if isinstance(call.body, bytes) else iter(call.body())
        try:
            self._begin(connection)
            try:
                connection.request(call.method, self._target(call.url), body or None, dict(call.headers))
            except _HUNG_UP as error:
                return _early(connection, error)
            return connection.getresponse()
        except BaseException:
            self._end(connection)
            connection.close()
            raise

    def _begin(self, connection: "HTTPConnection") -> None:
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(connection.timeout)
        with self._lock:
            if self.stopped.is_set():
                raise Interrupted
            self._busy[connection] = connection.sock

    def _end(self, connection: "HTTPConnection") -> None:
        with self._lock:
            self._busy.pop(connection, None)

    def _taken(self, where: tuple[str, str, int]) -> "HTTPConnection | None":
        with self._lock:
            return self._idle[where].pop() if self._idle[where] else None

    def _target(self, url: str) -> str:
        """A proxy for plain HTTP is told the whole URL."""
        parts = urlsplit(url)
        is_whole = parts.scheme == "http" and self._line.proxy(parts)
        return url if is_whole else parts._replace(scheme="", netloc="").geturl() or "/"

    def _connection(self, url: SplitResult) -> "HTTPConnection":
        from http.client import HTTPConnection, HTTPSConnection

        proxy = self._line.proxy(url)
        host, port = _address(proxy) if proxy else (url.hostname or "", url.port)
        if url.scheme != "https":
            return HTTPConnection(host, port, timeout=self._line.seconds)
        connection = HTTPSConnection(host, port, timeout=self._line.seconds, context=self._context)
        if proxy:
            connection.set_tunnel(url.hostname or "", url.port or _PORTS["https"], proxy_headers(proxy))
        return connection

    def headers(self, url: str) -> dict[str, str]:
        """What the way there wants to see, where it sees the request itself."""
        parts = urlsplit(url)
        proxy = self._line.proxy(parts) if parts.scheme == "http" else ""
        return proxy_headers(proxy) if proxy else {}

    @cached_property
    def _context(self) -> "ssl.SSLContext":
        return self._line.context()


def _early(connection: "HTTPConnection", error: OSError) -> "HTTPResponse":
    from http.client import HTTPException

    try:
        response = connection.getresponse()
    except (OSError, HTTPException):
        raise error from None
    response.will_close = True
    return response


def _address(proxy: str) -> tuple[str, int | None]:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http":  # what is sent there, a password too, would be in plain words
        what = f"a proxy by {parts.scheme} is none that registries are spoken to through"
        raise SilentError(what, hint="name one by http:// in HTTP_PROXY and HTTPS_PROXY: TLS goes through it")
    return parts.hostname or "", parts.port


def proxy_headers(proxy: str) -> dict[str, str]:
    login = urlsplit(proxy if "://" in proxy else f"http://{proxy}").netloc.rpartition("@")[0]
    if not login:
        return {}
    return {"Proxy-Authorization": f"Basic {base64.b64encode(unquote(login).encode()).decode()}"}
