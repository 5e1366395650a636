"""Who answers for a bound name: its own index's page, read here, and not what another server says in its stead.

uv follows an index that sends a name on, and says that its answer came from the index that was asked. So the page is
asked for first, and what uv found is held against it.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from http import HTTPStatus
from urllib.parse import unquote, urldefrag, urljoin

from envbuild.solvers.hops import Followed, Hops
from envbuild.solvers.logins import Login, index_login
from envbuild.solvers.origins import Origins, public_url

_TAKES = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
_PAGES = {"text/html", "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+json"}
_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class Pages:
    """Each page is asked for once in a run, unless nobody answered."""

    def __init__(self, host: Mapping[str, str], hops: Hops, origins: Origins) -> None:
        self._host = host
        self._hops = hops
        self._origins = origins
        self._guard = threading.Lock()
        self._known: dict[str, Followed] = {}

    def sent_on(self, index: str, url: str, name: str) -> str:
        """Where an index sends a name on to, if to another server; what else may be wrong with it, uv tells."""
        return public_url(self._page(index, url, name).away)

    def ailment(self, index: str, url: str, name: str) -> str:
        """Why a page can name no file, in uv's words: who asks further might be sent on then."""
        page = self._page(index, url, name)
        if not page.url.startswith("http") or self._is_for_a_keyring(page) or any(_files(page)):
            return ""
        if not page.code:
            return f"error sending request for url ({page.url})\n  Caused by: {page.words}"
        if page.code in _GONE or (page.code == HTTPStatus.OK and page.kind in _PAGES):
            return f"{name} was not found in the package registry"
        if page.code == HTTPStatus.OK:
            return f"{page.kind} is no page of an index: {page.url}"
        side = "client" if page.code < HTTPStatus.INTERNAL_SERVER_ERROR else "server"
        return f"HTTP status {side} error ({page.words}) for url ({page.url})"

    def denies(self, index: str, url: str, name: str, file: str) -> str:
        """Why a file is none that an index itself offers; nothing for one that stands on its page."""
        page = self._page(index, url, name)
        if not page.url.startswith("http") or self._is_for_a_keyring(page):
            return ""
        return "" if _plain(file) in map(_plain, _files(page)) else "its page does not name this file"

    def _page(self, index: str, url: str, name: str) -> Followed:
        """Asked where this host asks for it: of a mirror the page may be another one."""
        asked = self._origins.asked(f"{url.rstrip('/')}/{name}/")
        if not asked.startswith("http"):
            return Followed(asked, HTTPStatus.OK)
        with self._guard:
            if asked not in self._known or not self._known[asked].is_known:
                login = self._login(index, f"{url.rstrip('/')}/{name}/")
                headers = {"Accept": _TAKES, **({"Authorization": login.header} if login else {})}
                self._known[asked] = self._hops.follow(asked, headers, whole=True)
            return self._known[asked]

    def _is_for_a_keyring(self, page: Followed) -> bool:
        """Who asks a keyring is shown more than we are: its word stands."""
        return page.code in _REFUSED and self._host.get("UV_KEYRING_PROVIDER", "disabled") != "disabled"

    def _login(self, index: str, page: str) -> Login | None:
        """As uv has it: of a secret, by the name of the index, else of its host."""
        own = self._origins.login(page)
        is_here = self._origins.asked(page) == page
        if is_here and not (own and own.secret) and (named := index_login(index, public_url(page), self._host)):
            return named
        return own if own and own.way != "path" else None


def _plain(url: str) -> str:
    """Spelled in one way, whoever spelled it."""
    return unquote(public_url(urldefrag(url)[0]))


def _files(page: Followed) -> Iterator[str]:
    """The files of a page, in either form that indexes have it in."""
    if page.code != HTTPStatus.OK or page.kind not in _PAGES:
        return
    if page.kind.endswith("json"):
        try:
            entries = json.loads(page.body)["files"]
            yield from (urljoin(page.url, entry["url"]) for entry in entries)
        except (ValueError, LookupError, TypeError):
            return
    else:
        anchors = _Anchors(page.url)
        anchors.feed(page.body.decode(errors="replace"))
        yield from anchors.found


class _Anchors(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._base = url
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        place = dict(attrs).get("href") or ""
        if tag == "base" and place:
            self._base = urljoin(self._base, place)
        elif tag == "a" and place:
            self.found.append(urljoin(self._base, place))
