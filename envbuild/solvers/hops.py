"""Where a URL leads: asked beforehand for what a redirect would tell to who is next, or have answered by another.

Such a URL is followed within its own origin only. A host that fails is asked again: what it would do is not known.
"""

import re
import socket
import time
import urllib.error
from collections.abc import Mapping
from http.client import HTTPException
from types import MappingProxyType
from urllib.parse import urljoin

import msgspec

from envbuild.errors import SolveError
from envbuild.manifest import is_loopback
from envbuild.registry import opener
from envbuild.urls import host_of, origin, parts_of

_MOST = 10
_ODD = re.compile(r"(?:https?:)?///|.*[\\\t]", re.IGNORECASE)
_PAUSES = (0.2, 1.0)
_LONGEST = 64 * 1024 * 1024
_PLAIN = MappingProxyType({"User-Agent": "envbuild"})
_REDIRECTS = {301, 302, 303, 307, 308}
_FAILS, _BUSY = 500, 429


class Followed(msgspec.Struct, frozen=True):
    """What came in the end, from `url`; or the URL in another origin, `away`, that was not asked.

    Where nobody answers there is no code, and `words` say why.
    """

    url: str
    code: int = 0
    away: str = ""
    words: str = ""
    body: bytes = b""
    kind: str = ""

    @property
    def is_known(self) -> bool:
        """Whether another question would have the same answer."""
        return bool(self.away) or (0 < self.code < _FAILS and self.code != _BUSY)


class Hops:
    """Asks as everything else does: by the host's proxies, and with its certificates."""

    def __init__(self, host: Mapping[str, str], ca_bundle: str, seconds: float) -> None:
        self._host = host
        self._bundle = ca_bundle
        self._seconds = seconds

    def away(self, url: str, headers: Mapping[str, str] = _PLAIN) -> str:
        """The URL in another origin that this one leads to, which is shown no headers; nothing for one that stays."""
        found = self.follow(url, headers)
        if not found.is_known:
            what = f"{host_of(url)} does not say where it leads: {found.words}"
            raise SolveError(what, hint="try again once it answers: it is asked for nothing before")
        return found.away

    def follow(self, url: str, headers: Mapping[str, str] = _PLAIN, *, whole: bool = False) -> Followed:
        """What a URL leads to, and with `whole` what stands there."""
        for pause in _PAUSES:
            found = self._followed(url, headers, whole=whole)
            if found.is_known:
                return found
            time.sleep(pause)
        return self._followed(url, headers, whole=whole)

    def _followed(self, url: str, headers: Mapping[str, str], *, whole: bool) -> Followed:
        here = url
        for _ in range(_MOST):
            found = self._asked(here, headers, whole=whole)
            if not found.away or origin(found.away) != origin(url):
                return found
            here = found.away
        return Followed(here, words="it redirects without an end")

    def _asked(self, url: str, headers: Mapping[str, str], *, whole: bool) -> Followed:
        """One answer; of a redirect, `away` is where to."""
        from urllib.request import Request  # many runs look at no redirect

        try:
            request = Request(url, headers={**_PLAIN, **headers})  # noqa: S310 - http or https
            own = {} if is_loopback(url) else self._host
            with opener(own, self._bundle).open(request, timeout=self._seconds) as reply:
                body = reply.read(_LONGEST) if whole else b""
                return Followed(url, reply.status, body=body, kind=reply.headers.get_content_type())
        except urllib.error.HTTPError as error:
            with error:
                place = error.headers.get("Location") if error.code in _REDIRECTS else None
            return Followed(url, error.code, _joined(url, place) if place else "", words=f"{error.code} {error.reason}")
        except (OSError, ValueError, HTTPException) as error:
            return Followed(url, words=_words(error))


def _words(error: Exception) -> str:
    """Why nobody answers, as uv says it too."""
    reason = getattr(error, "reason", error)
    words = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
    return f"dns error: {words}" if isinstance(reason, socket.gaierror) else words


def _joined(url: str, place: str) -> str:
    """What is no URL, and what other clients take for another one than Python does."""
    try:
        after = urljoin(url, place)
    except ValueError:
        after = ""
    if _ODD.match(place) or not parts_of(after):
        what = f"{host_of(url)} sends on to what is no URL"
        raise SolveError(what, hint="name another place, or tell who keeps this one")
    return after
