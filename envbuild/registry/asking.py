"""One question to a registry, with whatever it takes: being let in, redirects, further tries."""

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import msgspec

from envbuild.errors import BrokenError, RegistryError
from envbuild.process import Interrupted
from envbuild.registry.admission import Admission, Scope
from envbuild.registry.failures import failure, hidden, reported, silence
from envbuild.registry.line import Line
from envbuild.registry.login import Login
from envbuild.registry.logins import Logins
from envbuild.registry.wire import Body, Call, Wire, origin

if TYPE_CHECKING:
    from http.client import HTTPResponse

_REDIRECTS = {301, 302, 303, 307, 308}
_READS = {"GET", "HEAD"}
_MOST_HOPS = 5
_WORDS_LIMIT = 64 * 1024
_PIECE = 1024 * 1024
_AGENT = {"User-Agent": "envbuild"}
_SPREAD = 0.25  # so that many who were sent away together do not come back together


class Question(msgspec.Struct, frozen=True):
    """What is asked: `url` is a path of the registry, or where it has led to; `what` is how messages call it.

    `good` are the answers that are hoped for. `again` says whether it may simply be asked once more, `most` how long an
    answer may be, `seconds` how long it may take where that is longer than usual. What is stored there may look like
    anything; all else that tells of an error is one.
    """

    method: str
    url: str
    what: str
    scope: Scope
    good: frozenset[int] = frozenset({200})
    headers: Mapping[str, str] = {}
    body: Body = b""
    again: bool = True
    most: int = 4 * 1024 * 1024
    is_stored: bool = False
    seconds: float = 0


class Reply(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]  # their names in lower case
    body: bytes


class Retry(msgspec.Struct, frozen=True):
    """What is tried again, why, and after how many seconds."""

    what: str
    why: str
    seconds: float


Tell = Callable[[Retry], None]


def silent(_: Retry) -> None: ...


class Asker:
    """Asks one registry. Many threads may, at the same time."""

    def __init__(self, server: str, line: Line, tell: Tell = silent) -> None:
        self.server = server
        self.pauses = line.pauses
        self._url = line.url(server)
        self._wire = Wire(line)
        self._admission = Admission(server, self._url, Logins(server, line), self._wire)
        self._tell = tell

    def ask(self, question: Question) -> Reply:
        """The whole answer, which is small. An answer that tells of an error is none, whatever its status."""
        for pause in self.pauses:
            try:
                return self._once(question)
            except RegistryError as error:
                if error.after is None or not question.again:
                    raise
                self.wait(question.what, error, pause)
        return self._once(question)

    def login(self, repository: str) -> Login | None:
        return self._admission.login(Scope(repository, writes=True))

    def wait(self, what: str, error: RegistryError, pause: float) -> None:
        """Before something is tried again; whoever wants to stop need not wait for that."""
        seconds = max(pause * (1 + _SPREAD * random.random()), error.after or 0.0)  # noqa: S311 - no secret
        self._tell(Retry(what, error.message, seconds))
        if self._wire.stopped.wait(seconds):
            raise Interrupted

    @contextlib.contextmanager
    def open(self, question: Question) -> "Iterator[HTTPResponse]":
        """One try: an answer that was hoped for, whose body is still to be read."""
        with self._listening(), contextlib.ExitStack() as stack:
            shown = self._admission.header(question.scope)
            response = stack.enter_context(self._followed(question, shown))
            if response.status == HTTPStatus.UNAUTHORIZED and (again := self._again(question, response, shown)):
                response.read(_WORDS_LIMIT)
                stack.close()
                response = stack.enter_context(self._followed(question, again))
            if response.status not in question.good:
                raise self._failure(question, response, response.read(_WORDS_LIMIT))
            yield response

    def place(self, location: str, base: str = "") -> str:
        """The URL that an answer leads to; from one that is encrypted never to one that is not."""
        hint = "ask who keeps the registry to let it know its own URL, if it stands behind a proxy"
        try:
            url = urljoin(self._absolute(base), location)
            scheme, host, _ = origin(url)
        except ValueError:
            raise BrokenError(f"{self.server} leads to what is no URL", hint=hint) from None
        if scheme not in {"http", "https"} or (scheme == "http" and urlsplit(self._absolute(base)).scheme == "https"):
            raise BrokenError(f"{self.server} leads to '{scheme}://{host}', which is no place of https", hint=hint)
        return url

    def is_own(self, url: str) -> bool:
        return origin(self._absolute(url)) == origin(self._url)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """What ends a conversation too early, as an error of ours; that we were stopped is none of the registry's."""
        from http.client import HTTPException

        try:
            yield
        except (OSError, HTTPException, RegistryError) as error:
            if self._wire.stopped.is_set():
                raise Interrupted from None
            if isinstance(error, RegistryError):
                raise
            raise silence(self.server, error) from None

    def stop(self) -> None:
        """End every conversation, and all waiting, and begin no other: whoever asks is interrupted."""
        self._wire.stop()

    def close(self) -> None:
        self._wire.close()

    def _once(self, question: Question) -> Reply:
        with self.open(question) as response:
            body = whole(response, question.most)
            if len(body) > question.most:
                what = f"{self.server} answers more than {question.most:,} bytes for {question.what}"
                raise BrokenError(what, hint="check its name")
        headers = {name.lower(): value for name, value in response.headers.items()}
        is_good = response.status < HTTPStatus.BAD_REQUEST
        if is_good and not question.is_stored and (said := self._hidden(question, reported(body))):
            what = f"{self.server} answers {response.status} for {question.what}, and reports an error: {said}"
            raise BrokenError(what, hint="wait a while, and try again", after=0.0)
        return Reply(response.status, headers, body)

    def _again(self, question: Question, response: "HTTPResponse", shown: str) -> str:
        """Another try at being let in, where that was our own registry's word."""
        if not self.is_own(question.url):
            return ""
        stated = ", ".join(response.headers.get_all("WWW-Authenticate", ()))
        return self._admission.renewed(question.scope, stated, shown)

    @contextlib.contextmanager
    def _followed(self, question: Question, shown: str) -> "Iterator[HTTPResponse]":
        """A registry may lead a reader elsewhere, where nobody is shown anything of ours."""
        url, headers = self._absolute(question.url), {**_AGENT, **question.headers}
        for _ in range(_MOST_HOPS + 1):
            is_own = self.is_own(url)
            own = (
                {**headers, "Authorization": shown}
                if shown and is_own
                else headers
                if is_own
                else self._plain(question)
            )
            call = Call(question.method, url, {**own, **self._wire.headers(url)}, question.body, question.seconds)
            with self._wire.open(call) as response:
                place = response.headers.get("Location") if response.status in _REDIRECTS else None
                if place is None or question.method not in _READS:
                    yield response
                    return
                response.read(_WORDS_LIMIT)
            url = self.place(place, url)
        raise BrokenError(f"{self.server} leads in a circle for {question.what}", hint="report it to who keeps it")

    @staticmethod
    def _plain(question: Question) -> dict[str, str]:
        """What an upload is, has to be said wherever it goes."""
        stated = question.headers.items() if question.method not in _READS else ()
        return {**_AGENT, **{name: value for name, value in stated if name.startswith("Content-")}}

    def _absolute(self, url: str) -> str:
        return f"{self._url}{url}" if not url or url.startswith("/") else url

    def _failure(self, question: Question, response: "HTTPResponse", body: bytes) -> RegistryError:
        login = self._admission.login(question.scope)
        told = (dict(response.headers.items()), body)
        error = failure(self.server, question.what, response.status, told, login)
        return type(error)(self._hidden(question, error.message), hint=error.hint, after=error.after)

    def _hidden(self, question: Question, text: str) -> str:
        """What a registry says may repeat what it was shown."""
        if not text:
            return ""
        login = self._admission.login(question.scope)
        return hidden(text, (*self._admission.secrets, *(login.secrets if login else ())))


def whole(response: "HTTPResponse", limit: int) -> bytes:
    """A body; of one that is longer a little more than the limit. One that ends too early is none."""
    pieces, left = [], limit + 1
    while left and (piece := response.read(min(left, _PIECE))):
        pieces.append(piece)
        left -= len(piece)
    check_end(response)
    return b"".join(pieces)


def check_end(response: "HTTPResponse") -> None:
    """A body that was read in pieces is said to be whole by nobody but its length."""
    from http.client import IncompleteRead

    if response.isclosed() and response.length:
        raise IncompleteRead(b"", response.length)
