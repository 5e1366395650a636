"""One item of a package list as a value: what is asked for, on which platforms, and where it says so."""

import posixpath
import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from envbuild.errors import ManifestError, Place
from envbuild.names import catalogue_of
from envbuild.urls import parts_of

Manager = Literal["conda", "pip"]
Selector = Literal["", "linux", "osx", "win", "unix"]

LIMIT_ITEM = 2000
_PASSWORD = re.compile(r"[^/@\s]+:[^/@\s]+@(?!sha256:)[\w-]+[.:/]")
_TOKEN = re.compile(r"/t/[^/]+/")  # as conda writes it into the URLs of channels
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]+){3}|::1")


class Item(msgspec.Struct, frozen=True):
    """A requirement of one package. `text` is canonical: equal requests have equal text.

    `specifier` is the range of versions as PEP 440 has it, and empty where it cannot say it; `version` is conda's own.
    """

    manager: Manager
    name: str
    text: str
    where: Place
    specifier: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    url: str = ""
    path: str = ""
    selector: Selector = ""
    editable: bool = False
    version: str = ""

    @property
    def key(self) -> str:
        """What items of one package share; one without a name is known by where it comes from."""
        return self.name if self.manager == "conda" else f"pip/{self.name or self.url or self.path}"

    @property
    def wish(self) -> str:
        """What is asked of the package, in the short form that reasons show."""
        if self.manager == "conda" and self.version + self.url + self.text != self.name + self.specifier:
            return self.url or self.text.removeprefix(self.name).strip() or "*"
        return wish(self.specifier, self.extras, self.marker, self.url or self.path)

    @property
    def shown(self) -> str:
        """The item as a manifest writes it."""
        if not self.path:
            return self.text
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        path = f"{'.' if self.path == '.' else f'./{self.path}'}{extras}"
        return f"-e {path}" if self.editable else path

    def holds_on(self, platform: str) -> bool:
        return not self.selector or admits(self.selector, platform)


def admits(selector: Selector, platform: str) -> bool:
    """Whether `sel(…)` names this platform."""
    system = platform.partition("-")[0]
    return selector == system or (selector == "unix" and system in {"linux", "osx"})


def families(platform: str) -> tuple[str, str]:
    """The names that a platform goes by, the nearest first: its own, and that of its system."""
    return platform, platform.partition("-")[0]


class Without(msgspec.Struct, frozen=True):
    """A package that is dropped from what is inherited."""

    key: str
    where: Place


def wish(specifier: str, extras: tuple[str, ...] = (), marker: str = "", source: str = "") -> str:
    clauses = sorted(filter(None, specifier.split(",")), key=lambda clause: clause.startswith(("<", "!")))
    only_pin = len(clauses) == 1 and not specifier.startswith("===")
    shown = specifier.removeprefix("==") if only_pin else ",".join(clauses)
    asked = source or shown or "*"
    extra = f"[{','.join(extras)}] " if extras else ""
    return f"{extra}{asked}{f'; {marker}' if marker else ''}"


def normalise(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def project_path(path: str, folder: str, where: Place) -> str:
    """A path as written in a file of `folder`, taken from the project's root; it may not leave it."""
    if path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path):
        raise ManifestError(f"the path '{path}' is absolute", where, "write it relative to this file")
    inside = posixpath.normpath(posixpath.join(folder, path))
    if (own := catalogue_of(folder)) and catalogue_of(inside) != own:
        what = f"the path '{path}' leaves the catalogue '{own}'"
        raise ManifestError(what, where, "keep what a catalogue needs inside its folder")
    if inside == ".." or inside.startswith("../"):
        raise ManifestError(f"the path '{path}' leaves the project", where, "keep what a project needs inside it")
    return inside


def refuse_length(text: str, where: Place) -> None:
    """Nobody writes such a text, and expressions that look for parts of it would take long."""
    if len(text) > LIMIT_ITEM:
        raise ManifestError(f"an item of {len(text):,} characters", where, f"write at most {LIMIT_ITEM:,}")


def refuse_credentials(url: str, where: Place) -> None:
    """A URL in a manifest is committed to git: it may name a user for ssh, but no password anywhere."""
    if "://" not in url:
        if _PASSWORD.match(url[:LIMIT_ITEM]):
            raise _credentials(where)
        return
    parts = _split(url, where)
    if _TOKEN.match(parts.path):
        raise _credentials(where)
    if parts.password or (parts.username and not parts.scheme.endswith("ssh")):
        raise _credentials(where)


def _credentials(where: Place) -> ManifestError:
    return ManifestError(
        "credentials may not stand in a file", where, "use 'secrets' in envbuild.yaml, or a netrc file"
    )


def _split(url: str, where: Place) -> SplitResult:
    """A URL's parts; one that nobody can ask, or with a host that a program would take for an option, is none."""
    parts = parts_of(url)
    if not parts or any((one or "").startswith("-") for one in (parts.hostname, parts.username)):
        raise ManifestError(f"'{url}' has no valid host", where, "mend the URL")
    return parts


def is_loopback(url: str) -> bool:
    return bool(_LOOPBACK.fullmatch(urlsplit(url).hostname or ""))
