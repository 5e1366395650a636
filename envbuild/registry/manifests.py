"""Manifests and tags: what a name stands for, told by the very bytes, and put there for good."""

import json
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from envbuild.errors import BrokenError, DigestError, GoneError, RegistryError, TakenError
from envbuild.image.manifests import DIGEST, INDEXES, MANIFESTS, Manifest
from envbuild.registry.admission import Scope
from envbuild.registry.asking import Asker, Question
from envbuild.registry.wire import origin

_ACCEPT = {"Accept": ", ".join((*INDEXES, *MANIFESTS))}
_FOUND = frozenset({200, 404})
_PUT = frozenset({200, 201, 202})
_NEXT = re.compile(r"<(?P<url>[^>]+)>;\s*rel=\"?next\"?")
_MOST_PAGES = 1000
_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_REFERENCE = re.compile(r"\w[\w.-]{0,127}|sha256:[0-9a-f]{64}", re.ASCII)
_SHA = "sha256:"


def named(asker: Asker, repository: str, reference: str) -> str:
    """How messages call it. What is no name goes into no URL."""
    checked(repository)
    if not _REFERENCE.fullmatch(reference):
        hint = "write one as registries have them: letters, digits and '_.-', at most 128"
        raise RegistryError(f"'{reference}' is neither a tag nor a digest", hint=hint)
    return f"{asker.server}/{repository}{'@' if reference.startswith(_SHA) else ':'}{reference}"


def checked(repository: str) -> str:
    if not _REPOSITORY.fullmatch(repository):
        hint = "write it as registries have them: small letters, digits, '/' and single separators"
        raise RegistryError(f"'{repository}' is no repository", hint=hint)
    return repository


def manifest(asker: Asker, repository: str, reference: str, *, to_write: bool = False) -> Manifest | None:
    """What is there under a tag or a digest; nothing where nothing is."""
    what, scope = named(asker, repository, reference), Scope(repository, writes=to_write)
    reply = asker.ask(Question("GET", _url(repository, reference), what, scope, _FOUND, _ACCEPT))
    if reply.status == HTTPStatus.NOT_FOUND:
        return None
    found = Manifest(reply.body, _media_type(reply.headers, reply.body))
    said = reference if reference.startswith(_SHA) else reply.headers.get("docker-content-digest", found.digest)
    if said != found.digest:
        text = f"{asker.server} says that {what} is {said}, and sends {found.digest}"
        raise DigestError(text, hint="try again; if it stays so, tell who keeps the registry")
    return found


def head(asker: Asker, repository: str, reference: str, *, to_write: bool = False) -> str | None:
    """The digest alone, as the registry says it; one that says none is asked for the bytes."""
    what, scope = named(asker, repository, reference), Scope(repository, writes=to_write)
    reply = asker.ask(Question("HEAD", _url(repository, reference), what, scope, _FOUND, _ACCEPT))
    if reply.status == HTTPStatus.NOT_FOUND:
        return None
    said = reply.headers.get("docker-content-digest", "")
    if DIGEST.fullmatch(said):
        return said
    found = manifest(asker, repository, reference, to_write=to_write)
    return found.digest if found else None


def put(asker: Asker, repository: str, reference: str, given: Manifest) -> str:
    """Done only when the registry serves it: an answer may be wrong, and a lost one may have been right."""
    what = named(asker, repository, reference)
    kind = {"Content-Type": given.media_type}
    question = Question(
        "PUT", _url(repository, reference), what, Scope(repository, writes=True), _PUT, kind, given.data
    )
    try:
        said = asker.ask(question).headers.get("docker-content-digest", given.digest)
    except RegistryError:
        if _stands(asker, repository, reference, given.digest):
            return given.digest  # somebody else has put the same there at the same moment
        raise
    served = said if said != given.digest else _served(asker, repository, reference, given.digest)
    if served != given.digest:
        text = f"{asker.server} has {served or 'nothing'} for {what}, which was put there as {given.digest}"
        raise DigestError(text, hint="see whether somebody else moves this tag, and push again")
    return given.digest


def _stands(asker: Asker, repository: str, reference: str, digest: str) -> bool:
    """As far as the registry tells."""
    try:
        return head(asker, repository, reference, to_write=True) == digest
    except RegistryError:
        return False


def tag(asker: Asker, repository: str, reference: str, names: Iterable[str], *, moves: bool = True) -> str:
    """Let further names stand for what is there; it is not sent again. A name that does not move is never another's.

    A registry has no way to say 'only if there is none': of two at the same moment the later one is not seen.
    """
    every = {name: named(asker, repository, name) for name in names}  # told before anything is put
    found = manifest(asker, repository, reference, to_write=True)
    if found is None:
        text = f"{asker.server} has no {named(asker, repository, reference)}"
        raise GoneError(text, hint="check its name, and that it is still there")
    for name, what in every.items():
        stands = head(asker, repository, name, to_write=True)
        if stands and stands != found.digest and not moves:
            text = f"{what} is {stands}, and is not moved to {found.digest}"
            raise TakenError(text, hint="run it again: it takes the next number")
        if stands != found.digest:
            put(asker, repository, name, found)
    return found.digest


def _served(asker: Asker, repository: str, reference: str, digest: str) -> str | None:
    """What is served after a while: some registries know a moment later what they were given."""
    found = head(asker, repository, reference, to_write=True)
    for pause in asker.pauses:
        if found == digest:
            break
        asker.wait(reference, DigestError(f"{asker.server} does not serve it yet", hint="wait a while"), pause)
        found = head(asker, repository, reference, to_write=True)
    return found


def tags(asker: Asker, repository: str) -> list[str]:
    """All of them, however many pages they fill: who believes that a name is free must have seen every one."""
    url, found, seen = f"/v2/{checked(repository)}/tags/list", [], set()
    what = f"{asker.server}/{repository}"
    while url:
        seen.add(url)
        reply = asker.ask(Question("GET", url, what, Scope(repository), _FOUND))
        if reply.status == HTTPStatus.NOT_FOUND:
            break
        found += _listed(reply.body, what)
        url = _further(asker, reply.headers.get("link", ""), url)
        if url in seen or len(seen) >= _MOST_PAGES:
            hint = "report it to who keeps the registry"
            raise BrokenError(f"{asker.server} does not come to an end of the tags of {repository}", hint=hint)
    return [*dict.fromkeys(found)]


def _further(asker: Asker, link: str, url: str) -> str:
    """The next page, which is where the registry is: nobody else knows its tags."""
    next_page = _NEXT.search(link)
    if not next_page:
        return ""
    place = asker.place(next_page["url"], url)
    if not asker.is_own(place):
        hint = "ask who keeps the registry to let it know its own URL, if it stands behind a proxy"
        raise BrokenError(f"{asker.server} leads elsewhere for further tags, to {origin(place)[1]}", hint=hint)
    return place


def _listed(body: bytes, what: str) -> list[str]:
    try:
        told = json.loads(body)
        return [str(tag) for tag in told.get("tags") or []]
    except (ValueError, AttributeError, TypeError):
        raise BrokenError(f"the tags of {what} cannot be read", hint="check its name, and try again") from None


def _url(repository: str, reference: str) -> str:
    return f"/v2/{repository}/manifests/{reference}"


def _media_type(headers: Mapping[str, str], body: bytes) -> str:
    """As the manifest says itself; else as the registry says."""
    try:
        own: Any = json.loads(body).get("mediaType")
    except (ValueError, AttributeError, RecursionError):
        own = None
    return own if isinstance(own, str) else headers.get("content-type", "").partition(";")[0].strip()
