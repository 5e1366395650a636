"""Mirrors: where this host has things from, whatever a manifest calls them. A lock names origins, never a mirror.

Known from `ENVBUILD_MIRRORS`, and from the `[mirrors]` of pixi's own settings; what is said first counts.
"""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from envbuild.errors import SettingsError
from envbuild.machine import text_of
from envbuild.solvers.logins import Login
from envbuild.urls import bare, is_below, parts_of, shown

VARIABLE = "ENVBUILD_MIRRORS"
_PLACE = re.compile(
    r"(?:https?://(?:[^\s\"'\\<>?#/@]+@)?[A-Za-z0-9._-]+(?::[0-9]{1,5})?|file://)(?:/[^\s\"'\\<>?#@]*)?"
)
_ORIGIN = re.compile(r"https?://[A-Za-z0-9._-]+(?::[0-9]{1,5})?(?:/[^\s\"'\\<>?#@]*)?")
_PAIR = re.compile(r"(?P<origin>https?://[^\s=]+)=(?P<place>\S+)")
_ITS_URL = "the URL of the mirror"


class Mirror(msgspec.Struct, frozen=True):
    """What lies below a URL is to be had below each of these places; the first that answers is used."""

    origin: str
    places: tuple[str, ...]
    said: str = ""


class Mirrors:
    """There and back: which place is asked for a URL, and which URL is meant by what a place gives."""

    def __init__(self, known: Iterable[Mirror]) -> None:
        self._known = tuple(sorted(known, key=lambda one: len(one.origin), reverse=True))
        self._back = sorted(
            ((bare(place), one.origin) for one in self._known for place in one.places),
            key=lambda pair: len(pair[0]),
            reverse=True,
        )
        self._guard = threading.Lock()
        self._down: set[str] = set()

    @property
    def known(self) -> tuple[Mirror, ...]:
        return self._known

    def forward(self, url: str) -> str:
        """The URL to be asked."""
        mirror = self._of(url)
        if mirror is None:
            return url
        with self._guard:
            up = [place for place in mirror.places if place not in self._down]
        return _placed(url, mirror, (up or mirror.places)[0])

    def every(self, url: str) -> tuple[str, ...]:
        """All that may be asked for a URL, before it is over."""
        mirror = self._of(url)
        return tuple(_placed(url, mirror, place) for place in mirror.places) if mirror else (url,)

    def login(self, url: str) -> Login | None:
        """What stands in the URL of the place that this one lies below."""
        plain = _canonical(url)
        found = (place for one in self._known for place in one.places if _is_at(plain, _canonical(place)))
        parts = urlsplit(max(found, key=lambda place: len(bare(place)), default=""))
        return Login(unquote(parts.password or ""), _ITS_URL, unquote(parts.username)) if parts.username else None

    def back(self, url: str, named: Iterable[str] = ()) -> str:
        """The URL that a lock names for what came from a place.

        What a request names itself, and is asked for there, stays: it may be what is a mirror of something else.
        """
        plain = _canonical(url)
        place, origin = next((pair for pair in self._back if _is_at(plain, pair[0])), ("", ""))
        return origin + bare(url)[len(place) :] if place and not self._is_own(plain, place, named) else url

    def turn(self, url: str, asked: str) -> bool:
        """Whether what could not be had where a URL was asked can be asked elsewhere; it will be, from now on."""
        mirror = self._of(url)
        if mirror is None:
            return False
        with self._guard:
            self._down.update(place for place in mirror.places if _placed(url, mirror, place) == asked)
            return any(place not in self._down for place in mirror.places)

    def turned(self, places: Mapping[str, str], words: str) -> bool:
        """Whether what failed can be asked elsewhere, by who is named in what is said; each URL has its place."""
        named = {url: place for url, place in places.items() if (urlsplit(place).netloc or place) in words}
        return True in {self.turn(url, place) for url, place in named.items()}

    def _is_own(self, plain: str, place: str, named: Iterable[str]) -> bool:
        """By the nearest of what is named, or, for a file that lies beside it, by any that is asked at the place."""
        asked = {_canonical(self.forward(one)): _canonical(one) for one in named}
        asked |= {own: own for own in map(_canonical, named) if own in asked}
        near = [one for one in asked if _is_at(plain, one)] or [one for one in asked if _is_at(one, place)]
        nearest = max(near, key=len, default="")
        return bool(nearest) and asked[nearest] == nearest

    def _of(self, url: str) -> Mirror | None:
        if not self._known:
            return None
        plain = _canonical(url)
        return next((one for one in self._known if _is_at(plain, one.origin)), None)


def _placed(url: str, mirror: Mirror, place: str) -> str:
    return bare(place) + bare(url)[len(mirror.origin) :]


def host_mirrors(host: Mapping[str, str]) -> Mirrors:
    found: dict[str, Mirror] = {}
    for mirror in _all(host):
        found.setdefault(mirror.origin, mirror)
    return Mirrors(found.values())


def is_mirrored(host: Mapping[str, str]) -> bool:
    """Whether this host names mirrors, be it wrongly."""
    return bool(host.get(VARIABLE) or host_mirrors(host).known)


def _all(host: Mapping[str, str]) -> Iterator[Mirror]:
    yield from _stated(host.get(VARIABLE, ""))
    for path in _pixi_files(host):
        yield from _of_pixi(path)


def _stated(text: str) -> Iterator[Mirror]:
    """`URL=MIRROR`, with blanks between them; one URL may have several, in their order."""
    found: dict[str, list[str]] = {}
    for word in text.split():
        pair = _PAIR.fullmatch(word)
        if pair is None or not _is_origin(pair["origin"]) or not _is_known(pair["place"]):
            hint = "write URL=MIRROR, with blanks between several: https://a.example/c=https://b.example/c"
            raise SettingsError(f"{VARIABLE} has '{shown(word)}', which names no mirror", hint=hint)
        found.setdefault(_canonical(pair["origin"]), []).append(pair["place"].rstrip("/"))
    _refuse_shared(found)
    for origin, places in found.items():
        yield Mirror(origin, tuple(places), VARIABLE)


def _refuse_shared(found: Mapping[str, list[str]]) -> None:
    """What comes from a place that stands for two URLs could be of either."""
    owners: dict[str, str] = {}
    for origin, places in found.items():
        for place in map(bare, places):
            if owners.setdefault(place, origin) != origin:
                what = f"{VARIABLE} has {place} for {owners[place]} and for {origin}"
                raise SettingsError(what, hint="name a place below it for each")


def _is_origin(url: str) -> bool:
    return _ORIGIN.fullmatch(url) is not None and parts_of(url) is not None


def _is_known(place: object) -> bool:
    """Whether it can be asked here: pixi has more kinds of places."""
    if not isinstance(place, str) or not _PLACE.fullmatch(place):
        return False
    return place.startswith("file:") or parts_of(place) is not None


def _pixi_files(host: Mapping[str, str]) -> Iterator[Path]:
    """In the order in which pixi lets them count."""
    home = Path(host.get("HOME") or "/")
    yield Path(host.get("PIXI_HOME") or home / ".pixi") / "config.toml"
    yield Path(host.get("XDG_CONFIG_HOME") or home / ".config") / "pixi" / "config.toml"
    yield Path("/etc/pixi/config.toml")


def _of_pixi(path: Path) -> Iterator[Mirror]:
    text = text_of(path)
    if not text:
        return
    import tomllib  # most hosts have no such file

    try:
        stated = tomllib.loads(text).get("mirrors")
    except ValueError:
        return
    for origin, places in stated.items() if isinstance(stated, dict) else ():
        own = [place.rstrip("/") for place in places if _is_known(place)] if isinstance(places, list) else []
        if own and _is_origin(origin):
            yield Mirror(_canonical(origin), tuple(own), str(path))


def _canonical(url: str) -> str:
    """Scheme and host in lower case, with no slash at the end."""
    scheme, separator, rest = bare(url).partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}{separator}{host.lower()}{slash}{path}".rstrip("/")


def _is_at(url: str, above: str) -> bool:
    return is_below(url.split("/"), above.split("/"))
