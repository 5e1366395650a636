"""Where a URL leads: asked beforehand for one with a token in its path, which a redirect would tell to who is next.

A client that follows one says where it comes from; so such a URL is followed within its own origin only.
"""

import re
import urllib.error
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urljoin

from envbuild.errors import SolveError
from envbuild.manifest import is_loopback
from envbuild.registry import opener
from envbuild.urls import host_of, origin, parts_of

_MOST = 10
_ODD = re.compile(r"(?:https?:)?///|.*[\\\t]", re.IGNORECASE)
_PLAIN = MappingProxyType({"User-Agent": "envbuild"})
_REDIRECTS = {301, 302, 303, 307, 308}


class Hops:
    """Asks as everything else does: by the host's proxies, and with its certificates."""

    def __init__(self, host: Mapping[str, str], ca_bundle: str, seconds: float) -> None:
        self._host = host
        self._bundle = ca_bundle
        self._seconds = seconds

    def away(self, url: str, headers: Mapping[str, str] = _PLAIN) -> str:
        """The URL in another origin that this one leads to, which is shown no headers; nothing for one that stays."""
        here = url
        for _ in range(_MOST):
            after = self._next(here, headers)
            if not after or origin(after) != origin(url):
                return after
            here = after
        return ""

    def _next(self, url: str, headers: Mapping[str, str]) -> str:
        """What is wrong with a host that does not answer is told when it is asked in earnest."""
        from urllib.request import Request  # many runs look at no redirect

        try:
            request = Request(url, headers={**_PLAIN, **headers})  # noqa: S310 - http or https
            own = {} if is_loopback(url) else self._host
            with opener(own, self._bundle).open(request, timeout=self._seconds):
                return ""
        except urllib.error.HTTPError as error:
            with error:
                place = error.headers.get("Location") if error.code in _REDIRECTS else None
            return _joined(url, place) if place else ""
        except (OSError, ValueError):
            return ""


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
