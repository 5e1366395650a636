"""What is answered to whom: routes, limits, headers, and the line of the log that each request leaves."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any

from envbuild.serving import openapi
from envbuild.serving.answer import Answer, refusal
from envbuild.serving.journal import Journal, word
from envbuild.serving.metrics import CONTENT_TYPE, Metrics
from envbuild.serving.request import Refused, Request
from envbuild.serving.words import FAILURE, RAW, TEXT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from envbuild.serving.place import Place
    from envbuild.serving.pool import Pool

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

_JSON = b"application/json"
_RETRY = (b"retry-after", b"5")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\uffff]*")
_MOST_IN_FLIGHT = 1000
_MOST_BODIES = 4
_LARGE = 64 * 1024
_UNREAD = "too many answers wait to be read"
_TOO_MANY = "too many requests are waiting"
_UNFIT = "run() gave its answer a status or a header that HTTP does not have"
_STATUSES = range(200, 600)
_BODILESS = {204, 205, 304}


class App:
    def __init__(self, place: Place, pool: Pool, journal: Journal, metrics: Metrics, env: Mapping[str, str]) -> None:
        self._place = place
        self._pool = pool
        self._journal = journal
        self._metrics = metrics
        self._held = 0
        self._unread = 0
        self._origins = [text.strip() for text in env.get("AML_CORS_ORIGINS", "").split(",") if text.strip()]
        self._server_version = env.get("HTTP_X_MS_SERVER_VERSION", "")
        routes = place.routes
        self._routes = {
            openapi.ROUTE: ("swagger", self._described),
            routes.scoring: ("scoring", self._score),
            routes.liveness: ("liveness", self._live),
            routes.readiness: ("readiness", self._ready),
            routes.metrics: ("metrics", self._told),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        name, handler = self._routes.get(scope["path"], ("other", self._unknown))
        try:
            answer = await handler(request.admitted())
        except Refused as error:
            answer = refusal(error.status, error.message)
            answer.headers.extend(error.headers)
        except asyncio.CancelledError:
            answer = refusal(503, "the server is stopping")
        except Exception as error:  # noqa: BLE001 - a mistake of ours is no reason to be silent
            import traceback

            self._journal.story("a mistake of the server itself", "".join(traceback.format_exception(error)))
            answer = refusal(500, "the server made a mistake")
        await self._send(request, name, answer, send)

    async def _send(self, request: Request, name: str, answer: Answer, send: Send) -> None:
        """The body first of all: what a client still sends is taken afterwards, so that it can read why it is not.

        One that is large is held until it is read, and all of those have a bound.
        """
        if answer.status in _BODILESS:
            answer = answer._replace(body=b"")
        held = len(answer.body) if len(answer.body) > _LARGE else 0
        if self._unread + held > _MOST_BODIES * self._place.limits.answer_bytes:
            answer, held = refusal(503, _UNREAD), 0
        try:
            headers = self._headers(request, answer)
        except ValueError:
            answer = refusal(500, _UNFIT, failure=True)
            headers = self._headers(request, answer)
        if request.is_unread:
            headers.append((b"connection", b"close"))
        self._note(request, name, answer)
        self._unread += held
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await _send_body(request, answer.body, send, is_held=held > 0)
        finally:
            self._unread -= held

    def _note(self, request: Request, name: str, answer: Answer) -> None:
        seconds = time.perf_counter() - request.began
        self._metrics.requests[name, answer.status] += 1
        if name == "scoring":
            self._metrics.scored(seconds)
        self._journal.request(
            f"{request.client} {request.method} {word(request.path)} {answer.status} {seconds * 1000:.3f}ms "
            f"{len(answer.body)}B {word(request.id)}"
        )

    def _headers(self, request: Request, answer: Answer) -> list[tuple[bytes, bytes]]:
        """A script's own, then ours, which say what no script knows better."""
        if answer.status not in _STATUSES:
            raise ValueError(answer.status)
        found = [(_name(name), _value(value)) for name, value in answer.headers]
        if not any(name == b"content-type" for name, _ in found):
            found.append((b"content-type", _JSON))
        if answer.body or answer.status not in _BODILESS:
            found.append((b"content-length", str(len(answer.body)).encode()))
        if answer.status == 503:  # noqa: PLR2004 - as HTTP has it
            found.append(_RETRY)
        if answer.milliseconds:
            found.append((b"x-ms-run-fn-exec-ms", f"{answer.milliseconds:.3f}".encode()))
        if self._server_version:
            found.append((b"x-ms-server-version", _value(self._server_version)))
        found += request.echoed
        if self._origins and (origin := self._origin(request)):
            found += [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        return found

    def _origin(self, request: Request) -> bytes | None:
        origin = request.headers.get(b"origin")
        if origin is None or "*" in self._origins:
            return b"*" if origin else None
        return origin if origin.decode("latin-1") in self._origins else None

    async def _unknown(self, _request: Request) -> Answer:
        raise Refused(404, "there is nothing here")

    async def _live(self, request: Request) -> Answer:
        _only_read(request)
        return Answer(200, 0.0, [["content-type", "text/plain; charset=utf-8"]], b"Healthy")

    async def _ready(self, request: Request) -> Answer:
        _only_read(request)
        if self._pool.is_ready:
            return Answer(200, 0.0, [], b'{"status": "ready"}')
        return self._unready()

    def _unready(self) -> Answer:
        trouble = dict(self._pool.trouble) or {"message": "no worker is ready yet"}
        return refusal(503, trouble.pop("message"), **trouble)

    async def _told(self, request: Request) -> Answer:
        _only_read(request)
        text = self._metrics.text(self._pool.states, len(self._pool.waiting))
        return Answer(200, 0.0, [["content-type", CONTENT_TYPE.decode()]], text.encode())

    async def _described(self, request: Request) -> Answer:
        """By a file of the script's own, if there is one, as Azure has it."""
        _only_read(request)
        asked = request.asked("version") or openapi.USUAL
        version = openapi.VERSIONS.get(asked)
        if version is None:
            raise Refused(404, f"there is no version {word(asked)[:20]} of OpenAPI here: ask for 2, 3 or 3.1")
        if own := openapi.own(self._place.app, version):
            return Answer(200, 0.0, [], own)
        if not self._pool.is_ready:
            return self._unready()
        schemas = self._pool.schemas
        if schemas["versions"] and version not in {openapi.VERSIONS.get(one) for one in schemas["versions"]}:
            raise Refused(404, f"what run() takes cannot be said in version {asked} of OpenAPI")
        told = openapi.described(self._place, schemas["input"], schemas["output"], version)
        return Answer(200, 0.0, [], json.dumps(told).encode())

    async def _score(self, request: Request) -> Answer:
        method = request.method
        if method not in {"GET", "POST"} and not (method == "OPTIONS" and self._pool.form == RAW):
            if method == "OPTIONS":
                return Answer(200, 0.0, self._preflight(request), b"")
            raise _not_for(method, "POST", "GET, POST, OPTIONS")
        limits, metrics = self._place.limits, self._metrics
        if metrics.in_flight >= _MOST_IN_FLIGHT:
            raise Refused(503, _TOO_MANY)
        metrics.in_flight += 1
        try:
            return await self._run(request, await request.body(limits.body_bytes, limits.body, self._take))
        finally:
            metrics.in_flight -= 1
            self._held -= request.size

    def _take(self, size: int) -> None:
        """All bodies together have a bound, too."""
        self._held += size
        if self._held > _MOST_BODIES * self._place.limits.body_bytes:
            raise Refused(503, _TOO_MANY)

    async def _run(self, request: Request, body: bytes) -> Answer:
        pool = self._pool
        if not pool.is_ready:
            return self._unready()
        is_plain = pool.form == TEXT and not pool.wants_headers and request.method == "POST"
        answer = await pool.ask(b"" if is_plain else json.dumps(request.told()).encode(), body).answer
        if not any(name.lower() == FAILURE for name, _ in answer.headers):
            answer.headers.append([FAILURE, "False"])
        return answer

    def _preflight(self, request: Request) -> list[list[str]]:
        asked = request.headers.get(b"access-control-request-headers", b"").decode("latin-1")
        allowed = [["access-control-allow-methods", "GET, POST"]] if self._origins else []
        return [*allowed, *([["access-control-allow-headers", asked]] if allowed and asked else [])]


async def _send_body(request: Request, body: bytes, send: Send, *, is_held: bool) -> None:
    is_more = is_held or request.is_unread
    await send({"type": "http.response.body", "body": body, "more_body": is_more})
    if request.is_unread:
        await request.drain()
    if is_more:
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _only_read(request: Request) -> None:
    if request.method not in {"GET", "HEAD"}:
        raise _not_for(request.method, "GET", "GET, HEAD")


def _not_for(method: str, usual: str, allowed: str) -> Refused:
    return Refused(405, f"the method {word(method)[:20]} is not for this: send {usual}", [["allow", allowed]])


def _name(text: str) -> bytes:
    if not _HEADER.fullmatch(text):
        raise ValueError(text)
    return text.lower().encode()


def _value(text: str) -> bytes:
    if not _VALUE.fullmatch(text):
        raise ValueError(text)
    return text.strip().encode("latin-1")
