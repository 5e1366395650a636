"""One worker as the front sees it: a process, the socket to it, and the requests that lie there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from envbuild.serving import worker
from envbuild.serving.answer import Answer
from envbuild.serving.words import ANSWER, ASKED, TOLD

if TYPE_CHECKING:
    from collections.abc import Callable

    from envbuild.serving.place import Place

_STORY_SECONDS = 0.5
_LAST_WORDS_SECONDS = 2.0
_LEAST = 1024 * 1024  # what a worker may say of itself, however short its answers have to be


class Job:
    """One request on its way to an answer; `since` is when it began to wait, or to run."""

    __slots__ = ("answer", "body", "head", "since")

    def __init__(self, head: bytes, body: bytes, answer: asyncio.Future[Answer], since: float) -> None:
        self.head = head
        self.body = body
        self.answer = answer
        self.since = since

    def reply(self, answer: Answer) -> None:
        """Whoever asked may be gone."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Link(asyncio.Protocol):
    """The socket: frames out, frames in. The first of `jobs` runs; a further one waits in the worker's own queue."""

    def __init__(self, told: Callable[[bytes, dict[str, Any]], None], answered: Callable[[], None], most: int) -> None:
        self.jobs: deque[Job] = deque()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told = told
        self._answered = answered
        self._most = max(most, _LEAST)
        self._buffer = bytearray()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows for the type checker
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def ask(self, job: Job, now: float) -> None:
        """Only what is first begins at once."""
        if not self.jobs:
            job.since = now
        self.jobs.append(job)
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send)
        self._unsent += (ASKED.pack(len(job.head), len(job.body)), job.head, job.body)

    def _send(self) -> None:
        """What came in one step of the loop goes as one piece."""
        data, self._unsent = b"".join(self._unsent), []
        if self._transport:
            self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= TOLD.size:
            kind, head_size, body_size = TOLD.unpack_from(buffer)
            if max(head_size, body_size) > self._most:
                raise ValueError(f"a worker says {max(head_size, body_size):,} bytes")
            end = TOLD.size + head_size + body_size
            if len(buffer) < end:
                return
            at = TOLD.size + head_size
            head: Any = json.loads(buffer[TOLD.size : at])
            body = bytes(buffer[at:end])
            del buffer[:end]
            if kind == ANSWER:
                self._answer(Answer(head[0], head[1], head[2], body))
            else:
                self._told(kind, head)

    def _answer(self, answer: Answer) -> None:
        self.jobs.popleft().reply(answer)
        if self.jobs:
            self.jobs[0].since = asyncio.get_running_loop().time()
        self._answered()

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()


class Started:
    """A worker's process; what it leaves behind is ended with it."""

    def __init__(self, process: asyncio.subprocess.Process, link: Link, lifeline: int) -> None:
        self._process = process
        self.link = link
        self._lifeline = lifeline

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> int:
        """Its exit code, once all that it has said before was heard; who says and hears nothing more is ended."""
        process = asyncio.ensure_future(self._process.wait())
        either: set[asyncio.Future[Any]] = {process, self.link.lost}
        await asyncio.wait(either, return_when="FIRST_COMPLETED")
        await asyncio.wait({process}, timeout=_LAST_WORDS_SECONDS)
        self._signal(signal.SIGKILL)
        code = await process
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.link.lost), _LAST_WORDS_SECONDS)
        self.link.abort()
        os.close(self._lifeline)
        return code

    async def kill(self) -> None:
        """Once it has written to the log what it is at."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGUSR2)
            await asyncio.sleep(_STORY_SECONDS)
            self._signal(signal.SIGKILL)

    async def finish(self, seconds: float) -> None:
        """It may end by itself, as far as it has time."""
        self.link.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait(), seconds)
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


async def started(
    python: str, place: Place, env: dict[str, str], told: Callable[[bytes, dict[str, Any]], None],
    answered: Callable[[], None],
) -> Started:  # fmt: skip
    """In a session of its own, so that what a terminal sends is ours alone to answer."""
    ours, theirs = socket.socketpair()
    outlet, lifeline = os.pipe()
    command = [python, "-u", worker.__file__, str(theirs.fileno()), str(outlet), place.app, place.entry_script]
    command += [str(place.limits.answer_bytes), *(["--debug"] if place.is_debugged else [])]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=place.app, env=env, pass_fds=(theirs.fileno(), outlet), start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=2, stderr=2,
        )  # fmt: skip
    except OSError:
        ours.close()
        os.close(lifeline)
        raise
    finally:
        theirs.close()
        os.close(outlet)
    ours.setblocking(False)  # noqa: FBT003 - the socket's own interface
    loop = asyncio.get_running_loop()
    _, link = await loop.create_connection(lambda: Link(told, answered, place.limits.answer_bytes), sock=ours)
    return Started(process, link, lifeline)
