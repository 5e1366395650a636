"""What a registry's answer says is wrong, as an error that names who, what and how; no secret is repeated."""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from envbuild.errors import (
    BrokenError,
    BusyError,
    GoneError,
    LoginError,
    RegistryError,
    SilentError,
)
from envbuild.registry.login import Login

LONGEST_WAIT = 60.0
_LONGEST_WORDS = 300
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_PASSING = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_WAIT = "wait a while, and try again"


def failure(
    server: str, what: str, code: int, told: tuple[Mapping[str, str], bytes], login: Login | None
) -> RegistryError:
    """The error of an answer that is none of those that were hoped for; `told` are its headers and its body."""
    headers, body = told
    said = reported(body, login)
    also = f": {said}" if said else ""
    if code in _REFUSED:
        return _refused(server, what, f"({code}){also}", login)
    text, after = f"{server} answers {code} for {what}{also}", _after(headers)
    if code == HTTPStatus.NOT_FOUND:
        return GoneError(f"{server} has no {what}{also}", hint="check its name, and that it is still there")
    if code == HTTPStatus.TOO_MANY_REQUESTS or code in _PASSING:
        kind = BusyError if code == HTTPStatus.TOO_MANY_REQUESTS else BrokenError
        if after > LONGEST_WAIT:
            return kind(f"{text}, and says to come again in {after:,.0f} seconds", hint="try again then")
        return kind(text, hint=_WAIT, after=after)
    return BrokenError(text, hint="report it to who keeps the registry")


def _refused(server: str, what: str, why: str, login: Login | None) -> LoginError:
    if login is None:
        hint = f"run 'docker login {server}', set REGISTRY_AUTH_FILE, or name a secret that is for it"
        return LoginError(f"{server} lets nobody at {what} without credentials {why}", hint=hint)
    user = f"'{login.user}'" if login.user else "us"
    text = f"{server} does not let {user} at {what} {why}"
    return LoginError(text, hint=f"check the login in {login.source}, and what it may do there")


def silence(server: str, error: Exception) -> SilentError:
    """Nothing came, or not all of it. What another try cannot mend is told at once."""
    import socket
    import ssl
    from http.client import HTTPException, IncompleteRead, RemoteDisconnected

    hint = "check the image's name, the network, and 'insecure_registries'"
    lasting = isinstance(error, socket.gaierror | ssl.SSLCertVerificationError | ConnectionRefusedError | ValueError)
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, IncompleteRead):
        words = "its answer ends too early"
    elif isinstance(error, HTTPException) and not isinstance(error, RemoteDisconnected):
        words = "what it answers is no HTTP"
    after = None if lasting else 0.0
    return SilentError(f"the registry {server} does not answer: {cleaned(words)}", hint=hint, after=after)


def reported(body: bytes, login: Login | None = None) -> str:
    """The first error that a body tells of; a manifest tells of none."""
    if b'"err' not in body:
        return ""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(content, dict) or "schemaVersion" in content:
        return ""
    found = content.get("errors") or content.get("errorDetail") or content.get("error")
    first = found[0] if isinstance(found, list) else found
    return hidden(cleaned(_words(first)), login.secrets if login else ()) if first else ""


def _words(error: Any) -> str:
    if isinstance(error, dict):
        return str(error.get("message") or error.get("code") or "an error without a name")
    return str(error)


def cleaned(text: str) -> str:
    """On one line, without what would move a cursor, and no longer than anybody reads."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return " ".join(plain.split())[:_LONGEST_WORDS]


def hidden(text: str, secrets: Iterable[str]) -> str:
    for one in sorted(secrets, key=len, reverse=True):
        text = text.replace(one, "***")
    return text


def _after(headers: Mapping[str, str]) -> float:
    """What `Retry-After` asks for, in seconds or as a date."""
    stated = (headers.get("Retry-After") or "").strip()
    if stated.isascii() and stated.isdigit():
        return float(stated[:9])
    return max(_until(stated), 0.0) if stated else 0.0


def _until(date: str) -> float:
    import time
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
