"""py-rattler's coroutines, for threads that wait: one loop in one thread, one client, and an end to all of it."""

import os
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import CancelledError
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from envbuild.errors import SolveError
from envbuild.machine import cache_folder
from envbuild.process import Interrupted
from envbuild.solvers.hops import Hops
from envbuild.solvers.logins import Login
from envbuild.solvers.origins import Origins, Signatures

if TYPE_CHECKING:
    import asyncio

    from rattler import Client

Answer = TypeVar("Answer")
_RETRIES = 1
_SECONDS = 60
_DAY = 86_400
_PATIENCE = 20
_SYSTEM = re.compile(r"\(os error (1|5|13|24|27|28|30|122)\)")  # what is wrong with a disk, not with what is read


class Panic(SolveError):  # noqa: N818 - that is what it is
    """rattler itself broke: what it was given is not what it claims to be."""


class Signed:
    """One header for whatever is asked; what a redirect leads to is not asked for by whom it is given."""

    def __init__(self, header: str) -> None:
        self._headers = {"Authorization": header}

    def headers(self, _host: str, _path: str) -> dict[str, str]:
        return self._headers


class Rattler:
    """Started on first use. What is under way ends when it is told to stop, and nothing more is begun."""

    def __init__(self, host: Mapping[str, str], ca_bundle: Path | None = None, origins: Origins | None = None) -> None:
        self.origins = origins or Origins(host)
        self._host = host
        self.cache = cache_folder(host)
        self.seconds = _seconds(host)
        self.ca_bundle = ca_bundle
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False
        self._clients: dict[Login, Client] = {}

    def call(self, begin: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """Wait for a coroutine, which is made and run in the loop's own thread."""
        with self._guard:
            if self._stopped:
                raise Interrupted
            loop = self._loop = self._loop or _started()
        import asyncio

        try:
            return asyncio.run_coroutine_threadsafe(_contained(begin), loop).result()
        except CancelledError:
            raise Interrupted from None

    def pause(self, seconds: float) -> None:
        """Wait, unless we are to stop."""
        import asyncio

        self.call(lambda: asyncio.sleep(seconds))

    @cached_property
    def patient_client(self) -> "Client":
        """For packages, which may be large: who uses it watches that something comes, and tries again."""
        return self.made_client(_DAY, retries=0)

    def client_of(self, login: Login | None) -> "Client":
        """The same for what one login opens, where no URL carries that: it is for URLs of its origin alone."""
        if login is None or login.way != "bearer":
            return self.patient_client
        with self._guard:
            if login not in self._clients:
                self._clients[login] = self.made_client(_DAY, retries=0, signatures=Signed(login.header))
            return self._clients[login]

    @cached_property
    def hops(self) -> Hops:
        return Hops(self._host, str(self.ca_bundle or ""), min(self.seconds, _PATIENCE))

    def made_client(
        self, seconds: int, *, retries: int = _RETRIES, signatures: "Signatures | Signed | None" = None
    ) -> "Client":
        """A client whose requests, with their answers, take at most so long; it knows no other credentials."""
        from rattler import Client
        from rattler.networking import AddHeadersMiddleware, RetryMiddleware

        if self.ca_bundle:
            os.environ["SSL_CERT_FILE"] = str(self.ca_bundle)  # the one way to tell it
        signing = [AddHeadersMiddleware(signatures.headers)] if signatures else []
        return Client([RetryMiddleware(retries), *signing], user_agent="envbuild", timeout=seconds)

    def stop(self) -> None:
        with self._guard:
            self._stopped = True
            loop, self._loop = self._loop, None
        if loop:
            loop.call_soon_threadsafe(_cancel_all, loop)


def system_error(error: Exception, path: Path) -> OSError | None:
    """What of a failure is the system's: a full disk, a folder that may not be written."""
    found = _SYSTEM.search(str(error))
    return OSError(int(found[1]), os.strerror(int(found[1])), str(path)) if found else None


def _seconds(host: Mapping[str, str]) -> int:
    stated = host.get("UV_HTTP_TIMEOUT", "")
    return int(stated) if stated.isdecimal() and int(stated) else _SECONDS


def _started() -> "asyncio.AbstractEventLoop":
    import asyncio

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="rattler", daemon=True).start()
    return loop


def _cancel_all(loop: "asyncio.AbstractEventLoop") -> None:
    import asyncio

    for task in asyncio.all_tasks(loop):
        task.cancel()


async def _contained(begin: Callable[[], Awaitable[Answer]]) -> Answer:
    """A panic of rattler is no Exception: it would end the thread and leave who waits for it waiting."""
    import asyncio

    try:
        return await begin()
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as panic:  # noqa: BLE001 - see above
        raise Panic(f"a package or channel broke its reader: {panic}", hint="name another version of it") from None
