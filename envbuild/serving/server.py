"""The front: listens, answers, and ends in order; its workers end with it, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from typing import TYPE_CHECKING, Any

import uvicorn

from envbuild.serving.app import App
from envbuild.serving.journal import Journal
from envbuild.serving.metrics import Metrics
from envbuild.serving.pool import Pool
from envbuild.serving.protocol import HEAD_BYTES, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from envbuild.serving.place import Place

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75
_LAST_SECONDS = 0.2
_SAME_SECONDS = 10.0


class PortError(Exception):
    """It cannot be listened there."""


class HostError(PortError):
    """Whichever port it were."""


def bound(host: str, port: int) -> socket.socket:
    """A port that is ours, of an address that may be a name; nobody reaches it before it is listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no name"
        raise HostError(f"'{host}' is no address of this machine: {why}") from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError as error:
        found.close()
        raise PortError(f"port {port} of {host} cannot be had: {error.strerror}") from None
    return found


def url_of(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _heard() -> list[signal.Signals]:
    """The end of a terminal, too, unless whoever started us has said that it is nothing to us."""
    usual = [signal.SIGINT, signal.SIGTERM]
    return usual if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [*usual, signal.SIGHUP]


class _Server(uvicorn.Server):
    listening: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are the front's to answer."""
        yield


class Front:
    """One service, from its first request to its last."""

    def __init__(self, place: Place, python: str, env: Mapping[str, str], sock: socket.socket) -> None:
        self._place = place
        self._socket = sock
        self._journal = Journal()
        self._metrics = Metrics()
        self._pool = Pool(place, python, {**env, **place.variables}, self._journal, self._metrics)
        app = App(place, self._pool, self._journal, self._metrics, env)
        self._server = _Server(self._config(app))
        self._leaving: asyncio.Task[None] | None = None
        self._said, self._until = "", 0.0

    def _config(self, app: App) -> uvicorn.Config:
        limits = self._place.limits
        own = {"journal": self._journal, "metrics": self._metrics}
        own |= {"head_seconds": limits.head, "answer_seconds": limits.answer}
        protocol = type("Protocol", (Protocol,), own)
        return uvicorn.Config(
            app, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, backlog=_BACKLOG, timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(limits.graceful), h11_max_incomplete_event_size=HEAD_BYTES, loop="asyncio",
        )  # fmt: skip

    def run(self, listening: Callable[[str], None]) -> int:
        """Until a signal ends it; `listening` is told the URL as soon as it is answered."""
        return asyncio.run(self._run(listening))

    async def _run(self, listening: Callable[[str], None]) -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unhandled)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self._journal.begin(loop)
        for number in _heard():
            loop.add_signal_handler(number, self._stop, number)
        self._server.listening = lambda: listening(url_of(self._socket))
        self._pool.begin()
        await self._server.serve([self._socket])
        await (self._leaving or self._pool.end())
        await asyncio.sleep(0)
        self._journal.say("stopped")
        return 0

    def _stop(self, number: signal.Signals) -> None:
        """Once to finish what was begun, twice to leave it."""
        if self._server.should_exit:
            self._server.force_exit = True
            self._leaving = asyncio.get_running_loop().create_task(self._leave())
            return
        self._journal.say(f"stopping: {signal.Signals(number).name}")
        self._server.should_exit = True

    async def _leave(self) -> None:
        """Who waits is told; who does not listen is not waited for, which servers do from Python 3.12 on."""
        await self._pool.end(at_once=True)
        await asyncio.sleep(_LAST_SECONDS)
        for connection in [*self._server.server_state.connections]:
            connection.transport.abort()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Not again and again: where there are no files left for connections, that is said for each try."""
        what = f"{context.get('message')}: {context.get('exception')!r}"
        if what == self._said and loop.time() < self._until:
            return
        self._said, self._until = what, loop.time() + _SAME_SECONDS
        self._journal.say(what, "error")
