"""A front before a real registry: what goes through it is seen, and meets the faults that it is told of.

A fault is a function of the request and of how to ask the registry, so it chooses what happens on which side.
"""

import json
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from ssl import SSLContext
from threading import Lock

from .loopback import Loopback, Reply, Request

_SECONDS = 30
_CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS"}
_OF_THE_HOP = {"connection", "date", "server", "transfer-encoding"}
_HANGS_UP = Reply(hangs_up=True)

Ask = Callable[..., Reply]  # of the body, and of another request if it is to be one
Fault = Callable[[Request, Ask], Reply]


class _CutError(Exception):
    """What is sent ends here."""


def answers(status: int, **headers: str) -> Fault:
    """Answer in the registry's stead, with headers such as `Retry_After="1"`; it never hears of the request."""

    def fault(request: Request, _: Ask) -> Reply:
        for _piece in request.body:
            pass  # a client that still sends might not see the answer
        error = {"code": _CODES.get(status, "UNKNOWN"), "message": f"told to answer {status}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Reply(status, json.dumps({"errors": [error]}).encode(), {"Content-Type": "application/json", **named})

    return fault


def hangs_up(_request: Request, _ask: Ask) -> Reply:
    """Close the connection as soon as the request is there."""
    return _HANGS_UP


def cuts_reply(request: Request, ask: Ask) -> Reply:
    """Pass on half of what the registry sends, and close."""
    reply = ask(request.body)
    return replace(reply, lost=len(reply.body) - len(reply.body) // 2)


def loses_reply(request: Request, ask: Ask) -> Reply:
    """Let the registry do what it is asked, and close without a word."""
    ask(request.body)
    return _HANGS_UP


def cuts_upload(after: int) -> Fault:
    """Pass on so many bytes of what is sent, and close on both sides."""

    def fault(request: Request, ask: Ask) -> Reply:
        ask(_first(request.body, after))
        return _HANGS_UP

    return fault


def waits(seconds: float) -> Fault:
    def fault(request: Request, ask: Ask) -> Reply:
        time.sleep(seconds)
        return ask(request.body)

    return fault


@dataclass
class _Told:
    fault: Fault
    method: str
    path: str
    times: int

    def met_by(self, request: Request) -> bool:
        return self.times > 0 and _matches(request, self.method, self.path)


class Front(Loopback):
    """Stand before the registry at SERVER, for the length of the block; `log` has every request."""

    tells_plain = True

    def __init__(self, server: str, *, tls: SSLContext | None = None) -> None:
        self._upstream = server
        self._told: list[_Told] = []
        self._lock = Lock()
        self._at_once = 0
        self.most_at_once = 0
        super().__init__(tls=tls)

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.address}"

    def inject(self, fault: Fault, method: str = "", path: str = "", *, times: int = 1) -> None:
        """Let the next requests of this method, and with this regular expression in their path, meet FAULT."""
        with self._lock:
            self._told.append(_Told(fault, method, path, times))

    def forget(self) -> None:
        """Meet no request with a fault that it was told of before."""
        with self._lock:
            self._told.clear()

    def count(self, method: str = "", path: str = "") -> int:
        return sum(_matches(request, method, path) for request in self.log)

    def reply(self, request: Request) -> Reply:
        with self._lock:
            self.log.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            fault = self._met(request)
        try:
            return self._asked(request, request.body) if fault is None else fault(request, self._asking(request))
        finally:
            with self._lock:
                self._at_once -= 1

    def _met(self, request: Request) -> Fault | None:
        told = next((one for one in self._told if one.met_by(request)), None)
        if told is None:
            return None
        told.times -= 1
        return told.fault

    def _asking(self, request: Request) -> Ask:
        return lambda body, other=request: self._asked(other, body)

    def _asked(self, request: Request, body: Iterable[bytes]) -> Reply:
        """Ask the registry under the name that the client used, so that it answers with places that lead here."""
        connection = HTTPConnection(self._upstream, timeout=_SECONDS)
        try:
            _send(connection, request, body, self._scheme)
            return _received(connection)
        except _CutError:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.sock.recv(1)  # it has put away what came
            return _HANGS_UP
        finally:
            connection.close()


def _matches(request: Request, method: str, path: str) -> bool:
    return method in ("", request.method) and re.search(path, request.path) is not None


def _first(body: Iterable[bytes], after: int) -> Iterator[bytes]:
    for piece in body:
        yield piece[:after]
        after -= len(piece)
        if after <= 0:
            raise _CutError


def _send(connection: HTTPConnection, request: Request, body: Iterable[bytes], scheme: str) -> None:
    chunked = request.headers.get("transfer-encoding") == "chunked"
    connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
    for name, value in request.headers.items():
        if name != "connection":
            connection.putheader(name, value)
    connection.putheader("X-Forwarded-Proto", scheme)
    connection.endheaders()
    for piece in body:
        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    if chunked:
        connection.send(b"0\r\n\r\n")


def _received(connection: HTTPConnection) -> Reply:
    response = connection.getresponse()
    headers = {name: value for name, value in response.getheaders() if name.lower() not in _OF_THE_HOP}
    return Reply(response.status, response.read(), headers)
