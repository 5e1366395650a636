"""Files of channels and indexes: fetched beside, held against the hashes of the lock, and only then given on."""

import hashlib
import re
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

import msgspec

from envbuild.errors import Place, SolveError, redacted
from envbuild.lock import Pin
from envbuild.solvers.logins import Login
from envbuild.solvers.origins import Origins, public_url
from envbuild.solvers.rattler import Rattler

if TYPE_CHECKING:
    from rattler import Client

KINDS = (".conda", ".tar.bz2")
_WORD = re.compile(r"[A-Za-z0-9_.!+-]+")
_TRIES = 3
_PAUSE_SECONDS = 0.5
_LONGEST = 64 * 2**30
_CHUNK = 2**20
_STATUS = re.compile(r"HTTP status \w+ error \((?P<code>\d+) ?(?P<words>[^)]*)\)")
_REFUSED = {"401", "403"}
# Answers that another try does not change, each with what to do.
_FINAL = {
    "404": "run 'envbuild lock --upgrade {name}': the {keeper} has it no longer",
    "410": "run 'envbuild lock --upgrade {name}': the {keeper} has it no longer",
}


class Keeper(msgspec.Struct, frozen=True):
    """Who keeps a file, and what opens it where nothing else that is known does."""

    kind: str = "channel"
    login: Login | None = None


CHANNEL = Keeper()


def fetch(rattler: Rattler, pin: Pin, folder: Path, say: Callable[[str], None]) -> Path:
    """The archive of a pin in a folder, whole."""
    return download(rattler, pin, folder / f"{stem(pin)}{kind(pin)}", say, CHANNEL)


def download(rattler: Rattler, pin: Pin, target: Path, say: Callable[[str], None], keeper: Keeper) -> Path:
    """The file of a pin: nobody has read a byte of it before its hashes were those of the pin."""
    beside = target.with_name(f"{target.name}.part")
    try:
        for number in count(1):
            asked = rattler.origins.asked(pin.url)
            try:
                _fetch_once(rattler, pin, beside, keeper)
                break
            except _Failed as failed:
                is_elsewhere = rattler.origins.mirrors.turn(pin.url, asked)
                if not is_elsewhere and (failed.hint or number >= _TRIES):
                    raise _told(pin, asked, failed, number, keeper) from None
                say(f"fetching {pin.name} {pin.version} again: {failed}")
                rattler.pause(_PAUSE_SECONDS * number)
        return beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def stem(pin: Pin) -> str:
    """NAME-VERSION-BUILD, which is a name of files and never a way to elsewhere."""
    words = (pin.name, pin.version, pin.build)
    if not all(map(_WORD.fullmatch, words)):
        raise SolveError(f"'{'-'.join(words)}' cannot be a package of a channel", hint="run 'envbuild lock --upgrade'")
    return "-".join(words)


def kind(pin: Pin) -> str:
    """How the archive's name ends."""
    path = urlsplit(pin.url).path
    for known in KINDS:
        if path.endswith(known):
            return known
    raise SolveError(
        f"{pin.name} {pin.version} is in no format that is known: {public_url(pin.url)}",
        hint=f"use a channel whose packages end in {' or '.join(KINDS)}",
    )


class _Failed(Exception):  # noqa: N818 - one try of several
    """Why a try was in vain; a hint says that another would be, too."""

    def __init__(self, why: str, hint: str = "", where: Place | None = None) -> None:
        super().__init__(why)
        self.hint = hint
        self.where = where


class _Sink:
    """Where the bytes go: into a file, and into the hashes that they are held against."""

    def __init__(self, file: BinaryIO) -> None:
        self.size = 0
        self.moved = time.monotonic()
        self.broken: OSError | None = None
        self._file = file
        self._hashes = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}

    def write(self, data: bytes) -> int:
        self.moved = time.monotonic()
        self.size += len(data)
        if self.size > _LONGEST:
            raise ValueError
        try:
            self._file.write(data)
        except OSError as error:
            self.broken = error
            raise
        for one in self._hashes.values():
            one.update(data)
        return len(data)

    def digests(self) -> dict[str, str]:
        return {name: one.hexdigest() for name, one in self._hashes.items()}


def _fetch_once(rattler: Rattler, pin: Pin, beside: Path, keeper: Keeper) -> None:
    with beside.open("wb") as file:
        sink = _Sink(file)
        asked = rattler.origins.asked(pin.url)
        if asked.startswith("file:"):
            _copy(asked, sink)
        else:
            _download(rattler, pin, sink, keeper)
        file.flush()
    for name, got in sink.digests().items():
        expected = getattr(pin, name)
        if expected and got != expected:
            raise _Failed(f"its {name} is {got}, and {expected} is locked; {_size(sink)} came")


def _copy(url: str, sink: _Sink) -> None:
    try:
        with Path(unquote(urlsplit(url).path)).open("rb") as source:
            while data := source.read(_CHUNK):
                sink.write(data)
    except OSError as error:
        if sink.broken:
            raise
        hint = _FINAL["404"] if isinstance(error, FileNotFoundError) else "make it readable"
        raise _Failed(error.strerror or "it cannot be read", hint) from None


def _download(rattler: Rattler, pin: Pin, sink: _Sink, keeper: Keeper) -> None:
    url, login = _opened(rattler, pin.url, keeper)
    try:
        rattler.call(lambda: _streamed(rattler.client_of(login), url, sink, rattler.seconds))
    except TimeoutError:
        why = f"nothing came for {rattler.seconds} s, after {_size(sink)}"
        raise _Failed(why) from None
    except (OSError, RuntimeError, ValueError) as error:
        if sink.broken:
            raise sink.broken from None
        raise _failed(error, sink, rattler.origins, url, keeper) from None


def _opened(rattler: Rattler, public: str, keeper: Keeper) -> tuple[str, Login | None]:
    """Where it is, with what opens it; a token in a path is shown to its own origin, and goes no further."""
    login, url = rattler.origins.login(public), rattler.origins.url(public)
    if login is None and keeper.login and rattler.origins.asked(public) == public:
        return keeper.login.within(url), keeper.login
    if login and login.way == "path" and (away := rattler.hops.away(url)):
        return rattler.origins.url(away), rattler.origins.login(away)
    return url, login


async def _streamed(client: "Client", url: str, sink: _Sink, seconds: float) -> None:
    """However long it takes, as long as something comes."""
    import asyncio

    from rattler.package_streaming import download_to_writer

    task = asyncio.ensure_future(download_to_writer(client, url, sink))
    try:
        while not task.done():
            left = sink.moved + seconds - time.monotonic()
            if left <= 0:
                raise TimeoutError
            await asyncio.wait({task}, timeout=left)
        task.result()
    finally:
        task.cancel()


def _failed(error: Exception, sink: _Sink, origins: Origins, url: str, keeper: Keeper) -> _Failed:
    if status := _STATUS.search(str(error)):
        if status["code"] in _REFUSED:
            words = f"{status['code']} {status['words']}".rstrip()
            told = origins.refusal(origins.public(url), words, keeper.login)
            return _Failed(told.message, told.hint, told.where)
        return _Failed(f"{status['code']} {status['words']}".rstrip(), _FINAL.get(status["code"], ""))
    if isinstance(error, ValueError):
        return _Failed(f"it does not end, after {_size(sink)}", "use another {keeper}")
    if sink.size:
        return _Failed(f"the connection ended after {_size(sink)}")
    words = redacted(origins.hidden(str(error))).partition(" for url ")[0]
    return _Failed("no connection" if words == "error sending request" else words)


def _size(sink: _Sink) -> str:
    return f"{sink.size:,} bytes"


def _told(pin: Pin, asked: str, failed: _Failed, number: int, keeper: Keeper) -> SolveError:
    what = f"{pin.name} {pin.version} could not be fetched from {public_url(asked)}"
    tried = f", tried {number} times" if number > 1 else ""
    hint = failed.hint or "try again later; if it stays so, ask who keeps the {keeper}"
    hint = hint.replace("{name}", pin.name).replace("{keeper}", keeper.kind)
    return SolveError(f"{what}: {failed}{tried}", failed.where, hint)
