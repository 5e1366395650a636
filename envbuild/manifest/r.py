"""`r`: R, and its packages from whoever has them."""

import calendar
import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from envbuild.document import Mapping, Scalar, Sequence, Value
from envbuild.errors import EnvbuildError, ManifestError, Place
from envbuild.manifest.fetched import is_text, url_problems
from envbuild.manifest.image import Digest
from envbuild.manifest.rules import Overlay, Word, about

GITHUB = "https://api.github.com"
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,2}")
_DATE = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})")
_NAME = r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]"
_PACKAGE = re.compile(rf"(?P<name>{_NAME})(@(?P<version>[0-9]+([.-][0-9]+)*))?")
_REPOSITORY = re.compile(
    r"(?P<owner>[A-Za-z0-9][A-Za-z0-9-]*)/(?P<name>[A-Za-z0-9_.-]+)(?P<folder>(/[A-Za-z0-9_.-]+)*)(@(?P<ref>\S*))?"
)
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_MONTHS = 12


class CranPackage(msgspec.Struct, frozen=True):
    name: Word
    version: Word | None = None
    repository: Annotated[Word | None, about("Another repository than that of all.")] = None


class GithubPackage(msgspec.Struct, frozen=True):
    """One that not everybody may see."""

    repository: Annotated[Word, about("OWNER/NAME@REF, or OWNER/NAME/FOLDER@REF.")]
    secret: Annotated[Word | None, about("The name of the secret that holds a token.")] = None


class UrlPackage(msgspec.Struct, frozen=True):
    url: Word
    sha256: Digest


class Repositories(msgspec.Struct, frozen=True):
    cran: Annotated[Word | None, about("CRAN, a mirror of it, or what is laid out as CRAN is.")] = None
    bioconductor: Annotated[Word | None, about("One release of Bioconductor: …/packages/3.18.")] = None
    github: Annotated[Word | None, about("The API of GitHub, or of an Enterprise Server.")] = None


class R(msgspec.Struct, frozen=True):
    version: Annotated[Word | None, about("'4.4' is any 4.4, '4.4.1' that one.")] = None
    source: Annotated[Literal["conda", "apt", "system"] | None, about("Who brings R; 'system' has it already.")] = (
        msgspec.field(default=None, name="from")
    )
    packages: Annotated[tuple[Word, ...], about("R packages from where R itself comes from.")] = ()
    repositories: Annotated[Overlay[Repositories], about("Where other packages come from.")] = Repositories()
    snapshot: Annotated[Word | None, about("The date, below the repository of CRAN, that packages are of.")] = None
    cran: Annotated[tuple[Word | CranPackage, ...], about("NAME or NAME@VERSION.")] = ()
    bioconductor: Annotated[tuple[Word, ...], about("Names.")] = ()
    github: Annotated[tuple[Word | GithubPackage, ...], about("OWNER/NAME@REF.")] = ()
    urls: Annotated[tuple[UrlPackage, ...], about("Source packages by URL, each with its hash.")] = ()

    @property
    def builds(self) -> bool:
        """Whether packages are installed that neither conda nor Debian brings."""
        return bool(self.cran or self.bioconductor or self.github or self.urls)

    @property
    def of_cran(self) -> tuple[CranPackage, ...]:
        return tuple(_cran(one) if isinstance(one, str) else one for one in self.cran)

    @property
    def of_github(self) -> tuple[GithubPackage, ...]:
        return tuple(GithubPackage(one) if isinstance(one, str) else one for one in self.github)

    @property
    def cran_url(self) -> str:
        """As of the date, if there is one."""
        url = (self.repositories.cran or "").rstrip("/")
        return f"{url}/{self.snapshot}" if url and self.snapshot else url


class GithubName(msgspec.Struct, frozen=True):
    """OWNER/NAME/FOLDER@REF, taken apart."""

    repository: str
    ref: str
    folder: str = ""


def _cran(text: str) -> CranPackage:
    name, _, version = text.partition("@")
    return CranPackage(name, version or None)


def r_package(text: str) -> tuple[str, str]:
    """The name and the version of NAME@VERSION."""
    name, _, version = text.partition("@")
    return name, version


def github_name(text: str) -> GithubName:
    found = _REPOSITORY.fullmatch(text)
    if not found:
        return GithubName(text, "")
    return GithubName(f"{found['owner']}/{found['name']}", found["ref"] or "", found["folder"].strip("/"))


def r_problems(stated: Value | None) -> Iterator[EnvbuildError]:
    """What types cannot say; what Jinja is to write is looked at when it has written it."""
    if not isinstance(stated, Mapping):
        return
    version = stated.get("version")
    if is_text(version) and not _VERSION.fullmatch(version.text):
        yield ManifestError(f"'{version.text}' is no version of R", version.place, "write it as '4.4' or '4.4.1'")
    snapshot = stated.get("snapshot")
    if is_text(snapshot) and not _is_date(snapshot.text):
        yield ManifestError(f"'{snapshot.text}' is no date", snapshot.place, "write it as '2026-01-31'")
    for key in ("packages", "cran", "bioconductor"):
        yield from _packages(stated.get(key), versions=key != "bioconductor")
    yield from _github(stated.get("github"))
    yield from url_problems(r_urls(stated), "repository")


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if not found:
        return False
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    return year > 0 and 0 < month <= _MONTHS and 0 < day <= calendar.monthrange(year, month)[1]


def _packages(stated: Value | None, *, versions: bool) -> Iterator[EnvbuildError]:
    for node in stated.items if isinstance(stated, Sequence) else ():
        text = _named(node)
        found = _PACKAGE.fullmatch(text) if text is not None else None
        if text is None:
            continue
        if not found:
            hint = "write 'NAME' or 'NAME@VERSION'" if versions else "write 'NAME'"
            yield ManifestError(f"'{text}' is no package of R", node.place, hint)
        elif found["version"] and not versions:
            what = f"'{text}' has a version, and a release of Bioconductor has one of each package"
            yield ManifestError(what, node.place, "name the release: 'repositories: {bioconductor: …}'")


def _named(node: Value) -> str | None:
    """In the short form; nothing where Jinja, or the types, have still something to say."""
    if is_text(node):
        return node.text
    name, version = (node.get(key) for key in ("name", "version")) if isinstance(node, Mapping) else (None, None)
    if not is_text(name) or (version is not None and not is_text(version)):
        return None
    return f"{name.text}@{version.text}" if is_text(version) else name.text


def _github(stated: Value | None) -> Iterator[EnvbuildError]:
    for node in stated.items if isinstance(stated, Sequence) else ():
        named = node.get("repository") if isinstance(node, Mapping) else node
        if not is_text(named):
            continue
        found = _REPOSITORY.fullmatch(named.text)
        parts = {".", ".."} & set(named.text.partition("@")[0].split("/"))
        if not found or parts:
            hint = "write 'OWNER/NAME@REF', or 'OWNER/NAME/FOLDER@REF'"
            yield ManifestError(f"'{named.text}' is no repository of GitHub", named.place, hint)
        elif not found["ref"]:
            what = f"'{named.text}' says no ref, and would be another package tomorrow"
            yield ManifestError(what, named.place, f"name a tag or a commit: '{named.text.rstrip('@')}@v1.0'")
        elif not _REF.fullmatch(found["ref"]) or ".." in found["ref"]:
            yield ManifestError(f"'{found['ref']}' is no tag or commit", named.place, "mend it")


def r_urls(stated: Mapping) -> Iterator[Scalar]:
    """Every URL that packages come from."""
    repositories = stated.get("repositories")
    if isinstance(repositories, Mapping):
        yield from (entry.value for entry in repositories.entries.values() if is_text(entry.value))
    for key, inner in (("cran", "repository"), ("urls", "url")):
        listed = stated.get(key)
        for node in listed.items if isinstance(listed, Sequence) else ():
            url = node.get(inner) if isinstance(node, Mapping) else None
            if is_text(url):
                yield url


def r_places(stated: Mapping) -> Iterator[tuple[str, Place]]:
    """The name of each package that is asked for by its name, in small letters, and its line."""
    for key in ("packages", "cran", "bioconductor"):
        listed = stated.get(key)
        for node in listed.items if isinstance(listed, Sequence) else ():
            if text := _named(node):
                yield r_package(text)[0].lower(), node.place
