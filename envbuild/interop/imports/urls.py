"""Files of conda channels by their URLs: the channel, the platform's folder, and what the file's name says."""

import re
from collections import Counter
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

_FILE = re.compile(
    r"(?P<channel>(?:https?|file)://[^?#\s]*?)/(?P<folder>noarch|(?:linux|osx|win|freebsd|emscripten|wasi|zos)-[a-z0-9]+)/"
    r"(?P<name>[^/?#\s]+)-(?P<version>[^-/?#\s]+)-(?P<build>[^-/?#\s]+?)(?P<ending>\.conda|\.tar\.bz2)"
)
_KNOWN = (("https://conda.anaconda.org/", ""), ("https://repo.anaconda.com/pkgs/", "pkgs/"))
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*(?:/[A-Za-z0-9][\w.+-]*)*")


class File(msgspec.Struct, frozen=True):
    channel: str
    folder: str
    name: str
    version: str
    build: str


def file_of(url: str) -> File | None:
    match = _FILE.fullmatch(url)
    if match is None:
        return None
    name, version, build = (unquote(match[part]) for part in ("name", "version", "build"))
    return File(known(match["channel"]), match["folder"], name, version, build)


def known(url: str) -> str:
    """A channel by the name that everybody knows, where it has one; others by their URL."""
    for before, name in _KNOWN:
        rest = url.removeprefix(before)
        if rest != url and _NAME.fullmatch(rest):
            return f"{name}{rest}"
    return url


def by_use(channels: Iterable[str]) -> list[str]:
    """Each channel once: what most packages are from stands first."""
    counts = Counter(channels)
    return sorted(counts, key=lambda one: -counts[one])


def exact(file: File, first: str, hashed: str = "") -> str:
    """The one package that is meant: the first channel needs no name, since it is asked first."""
    before = "" if file.channel == first else f"{file.channel}::"
    return f"{before}{file.name}={file.version}={file.build}{hashed}"
