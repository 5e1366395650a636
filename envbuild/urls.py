"""URLs as texts: whether a text is one, who is asked by it, and what lies below what.

They are compared by their parts: one place can be written in many ways.
"""

import re
import string
from collections.abc import Iterable, Sequence
from types import MappingProxyType
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import msgspec

URL = re.compile(
    r"(?<!\+)\bhttps?://[^\s#;]+"
)  # in a line of requirements; a repository is asked by git, in its own ways
_PORTS = MappingProxyType({"http": 80, "https": 443})
_BYTE = re.compile(r"%([0-9A-Fa-f]{2})")
_PLAIN = f"{string.ascii_letters}{string.digits}-._~"
_NO_HOST = re.compile(r"[\s<>\"\\^`|]")


def parts_of(url: str) -> SplitResult | None:
    """Nothing for a text that nobody can ask: without a host, or with a port that there cannot be."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts if host and not _NO_HOST.search(host) else None


def shown(word: str) -> str:
    """What may be a URL, without all that may be a password, wherever it ends."""
    return re.sub(r"://.*@", "://", word)


def bare(url: str) -> str:
    """Without what stands before the host."""
    return urlunsplit(urlsplit(url)._replace(netloc=host_of(url)))


def host_of(url: str) -> str:
    """With its port, where one is named."""
    return urlsplit(url).netloc.rpartition("@")[2]


class Spot(msgspec.Struct, frozen=True):
    """Where a URL leads, however it is written: who is asked, and the steps of the path, from the left."""

    origin: tuple[str, str, int]
    steps: tuple[str, ...]

    def covers(self, other: "Spot") -> bool:
        """Whether another one is of the same origin, and here or below."""
        return self.origin == other.origin and is_below(other.steps, self.steps)


def is_below(path: Sequence[str], above: Sequence[str]) -> bool:
    """Whether a path is another one, or leads on from it."""
    return path[: len(above)] == above


def spot(url: str) -> Spot:
    parts = parts_of(url)
    return Spot(origin(url), steps(parts.path) if parts else ())


def steps(path: str) -> tuple[str, ...]:
    """As clients have them: those up are taken before anybody is asked, and a slash at the end leads no further."""
    found: list[str] = []
    for step in map(_spelt, path.removeprefix("/").rstrip("/").split("/")):
        if step == "..":
            found = found[:-1]
        elif step != ".":
            found.append(step)
    return tuple(found) if found != [""] else ()


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: who is asked; of what is no URL, nobody."""
    parts = parts_of(url)
    if parts is None:
        return ("", url, -1)
    return (parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))


def nearest(places: Iterable[str], url: str) -> str | None:
    """The place that a URL lies in: of several the one that is the most steps deep."""
    asked = spot(url)
    found = [(len(own.steps), place) for place in places if (own := spot(place)).covers(asked)]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def climbs(url: str) -> bool:
    """Whether a step of its path is none: it leads elsewhere than it says."""
    return bool({".", ".."} & {_spelt(step) for step in url.partition("://")[2].split("/")[1:]})


def _spelt(step: str) -> str:
    """One spelling for what may be written as it is or by its bytes."""
    return _BYTE.sub(_byte, quote(step, safe=string.punctuation))


def _byte(found: re.Match[str]) -> str:
    one = chr(int(found[1], 16))
    return one if one in _PLAIN else found[0].upper()
