"""Blobs: whether one is there, its bytes as they were hashed, and how one gets there, mounted or uploaded."""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

import msgspec

from envbuild.errors import BrokenError, DigestError, GoneError, RegistryError
from envbuild.image.manifests import DIGEST, digest_of
from envbuild.registry.admission import Scope
from envbuild.registry.asking import Asker, Question, Reply, check_end
from envbuild.registry.manifests import checked

_FOUND = frozenset({200, 404})
_BEGUN = frozenset({201, 202})
_TAKEN = frozenset({200, 201, 202, 204})
_STATUS = frozenset({200, 202, 204, 404})
_PIECE = 1024 * 1024
_COMMIT_SECONDS = 600.0  # a registry may hash, or copy, all of a blob before it says that it has it
_OCTETS = {"Content-Type": "application/octet-stream"}
_UP_TO = re.compile(r"(?:bytes=)?0-([0-9]{1,18})")


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


Open = Callable[[], AbstractContextManager[Readable]]


class Blob(msgspec.Struct, frozen=True):
    """What is to be there: its bytes are had as often as they are asked for, from their beginning."""

    digest: str
    size: int
    open: Open


class _Place(msgspec.Struct, frozen=True):
    """Where an upload goes on, and how much of it is there."""

    url: str
    offset: int = 0


def has_blob(asker: Asker, repository: str, digest: str, *, to_write: bool = False) -> bool:
    """Who is about to write asks as one who may, and needs no other token."""
    question = _reading(asker, "HEAD", repository, digest, _FOUND)
    reply = asker.ask(msgspec.structs.replace(question, scope=Scope(repository, writes=to_write)))
    return reply.status != HTTPStatus.NOT_FOUND


def blob(asker: Asker, repository: str, digest: str, most: int) -> bytes:
    """A small one, whole; nobody sees what does not have this hash."""
    question = _reading(asker, "GET", repository, digest)
    data = asker.ask(msgspec.structs.replace(question, most=most, is_stored=True)).body
    if (found := digest_of(data)) != digest:
        raise _other(asker, question.what, found)
    return data


@contextlib.contextmanager
def stream(asker: Asker, repository: str, digest: str) -> Iterator[Readable]:
    """A large one, piece by piece; that it had another hash is told at its end."""
    question = _reading(asker, "GET", repository, digest)
    with asker.open(question) as response:
        hashed = hashlib.sha256()

        class Checked:
            def read(self, size: int, /) -> bytes:
                piece = response.read(size)
                hashed.update(piece)
                if size and not piece:
                    check_end(response)
                    if (found := f"sha256:{hashed.hexdigest()}") != digest:
                        raise _other(asker, question.what, found)
                return piece

        yield Checked()


def mount(asker: Asker, repository: str, digest: str, source: str) -> bool:
    """Have it from another repository of this registry, without sending it."""
    return _begun(asker, repository, digest, source) is None


def push_blob(asker: Asker, repository: str, blob: Blob, source: str = "") -> bool:
    """Whether it had to be sent; what is there, or may be had from another repository, is not."""
    if has_blob(asker, repository, blob.digest, to_write=True):
        return False
    place = _begun(asker, repository, blob.digest, source)
    if place is None:
        return False
    for pause in asker.pauses:
        try:
            _send(asker, repository, blob, place)
        except RegistryError as error:
            if error.after is None and not isinstance(error, GoneError) and not place.offset:
                if _is_there(asker, repository, blob.digest):
                    return True  # two that send the same at once may both be told that it is wrong
                raise
            asker.wait(_named(asker, repository, blob.digest), error, pause)
        else:
            return True
        if has_blob(asker, repository, blob.digest, to_write=True):
            return True
        place = _further(asker, repository, blob.digest, place)
    _send(asker, repository, blob, place)
    return True


def _is_there(asker: Asker, repository: str, digest: str) -> bool:
    """As far as the registry tells: what went wrong before is told otherwise."""
    try:
        return has_blob(asker, repository, digest, to_write=True)
    except RegistryError:
        return False


def _begun(asker: Asker, repository: str, digest: str, source: str) -> _Place | None:
    """Where to upload it; nowhere when it was mounted."""
    what = _named(asker, repository, digest)
    url = f"/v2/{checked(repository)}/blobs/uploads/"
    if source and source != repository:
        url += f"?mount={digest}&from={quote(checked(source), safe='')}"
    scope = Scope(repository, writes=True, source=source if source != repository else "")
    reply = asker.ask(Question("POST", url, what, scope, _BEGUN))
    if source and reply.status == HTTPStatus.CREATED:
        return None
    return _Place(_location(asker, reply, ""))


def _send(asker: Asker, repository: str, blob: Blob, place: _Place) -> None:
    """All of it in one piece, then its digest."""
    what, scope = _named(asker, repository, blob.digest), Scope(repository, writes=True)
    headers = {**_OCTETS, "Content-Length": str(blob.size - place.offset)}
    if place.offset:
        headers["Content-Range"] = f"{place.offset}-{blob.size - 1}"
    pieces = partial(_pieces, blob, place.offset, what)
    patch = Question("PATCH", place.url, what, scope, _TAKEN, headers, pieces if blob.size else b"", again=False)
    url = _location(asker, asker.ask(patch), place.url)
    joint = "&" if "?" in url else "?"
    end = f"{url}{joint}digest={quote(blob.digest, safe='')}"
    commit = Question("PUT", end, what, scope, _TAKEN, _OCTETS, again=False, seconds=_COMMIT_SECONDS)
    said = asker.ask(commit).headers.get("docker-content-digest", blob.digest)
    if said != blob.digest:
        raise _other(asker, what, said)


def _further(asker: Asker, repository: str, digest: str, place: _Place) -> _Place:
    """After what the registry has of it; many registries have nothing of what was cut."""
    what = _named(asker, repository, digest)
    if not place.offset:  # once gone on with, it is begun anew when that fails
        with contextlib.suppress(RegistryError):
            reply = asker.ask(Question("GET", place.url, what, Scope(repository, writes=True), _STATUS))
            last = _UP_TO.fullmatch(reply.headers.get("range", ""))
            if reply.status != HTTPStatus.NOT_FOUND and last and int(last[1]):  # '0-0' is said of nothing, too
                return _Place(_location(asker, reply, place.url), int(last[1]) + 1)
    return _begun(asker, repository, digest, "") or place


def _pieces(blob: Blob, offset: int, what: str) -> Iterator[bytes]:
    """So much as was said, and no more; what fails here is no fault of the registry's."""
    left = blob.size
    hint = "see that nothing changes it meanwhile, and try again"
    try:
        with blob.open() as source:
            while left:
                piece = source.read(min(_PIECE, left))
                if not piece:
                    raise RegistryError(f"{what} was to have {blob.size:,} bytes, and {left:,} are missing", hint=hint)
                skipped = max(0, offset - (blob.size - left))
                left -= len(piece)
                if piece := piece[skipped:]:
                    yield piece
            source.read(1)  # so that whoever checks it does so
    except OSError as error:
        raise RegistryError(f"{what} cannot be read: {error.strerror or error}", hint=hint) from None


def _location(asker: Asker, reply: Reply, before: str) -> str:
    place = reply.headers.get("location", "")
    if not place and not before:
        hint = "check that it is a registry of images"
        raise BrokenError(f"{asker.server} does not say where to upload", hint=hint)
    return asker.place(place, before)


def _reading(
    asker: Asker, method: str, repository: str, digest: str, good: frozenset[int] = frozenset({200})
) -> Question:
    what = _named(asker, repository, digest)
    return Question(method, f"/v2/{repository}/blobs/{digest}", what, Scope(repository), good)


def _named(asker: Asker, repository: str, digest: str) -> str:
    if not DIGEST.fullmatch(digest):
        raise RegistryError(f"'{digest}' is no digest", hint="write it as 'sha256:' and 64 digits")
    return f"{asker.server}/{checked(repository)}@{digest}"


def _other(asker: Asker, what: str, found: str) -> DigestError:
    text = f"{asker.server} has {found} for {what}"
    return DigestError(text, hint="try again; if it stays so, tell who keeps the registry", after=0.0)
