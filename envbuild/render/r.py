"""`r` -> a script that installs what neither conda nor Debian brings, while building."""

from collections.abc import Iterator
from typing import Any

from envbuild.manifest import GITHUB, CranPackage, R, github_name
from envbuild.render.templates import Templates, rendered
from envbuild.resolve import Environment

INSTALL = "install.R"
_BIOCONDUCTOR = ("bioc", "data/annotation", "data/experiment")


def r_texts(environment: Environment, templates: Templates) -> dict[str, str]:
    """By file name; nothing where nothing is to be installed, or looked at, by R itself."""
    stated = environment.keys.r
    if stated is None or not (stated.builds or (stated.version and environment.brought.r != "conda")):
        return {}
    values = {"r": _values(stated)}
    return {INSTALL: rendered(f"{INSTALL}.j2", templates, values)}


def _values(stated: R) -> dict[str, Any]:
    pinned = [one for one in stated.of_cran if one.version]
    current = [one for one in stated.of_cran if not one.version]
    return {
        "version": stated.version or "",
        "repositories": list(_repositories(stated)),
        "archives": [*(_cran(one, stated) for one in pinned), *_github(stated), *_urls(stated)],
        "current": [
            *({"name": one.name, "own": (one.repository or "").rstrip("/")} for one in current),
            *({"name": name, "own": ""} for name in stated.bioconductor),
        ],
    }


def _repositories(stated: R) -> Iterator[str]:
    if stated.cran_url:
        yield stated.cran_url
    if url := stated.repositories.bioconductor:
        yield from (f"{url.rstrip('/')}/{part}" for part in _BIOCONDUCTOR)


def _cran(one: CranPackage, stated: R) -> dict[str, Any]:
    """A version is in the repository as long as it is the newest, and then in its archive."""
    url = f"{(one.repository or stated.cran_url).rstrip('/')}/src/contrib"
    file = f"{one.name}_{one.version}.tar.gz"
    urls = [f"{url}/{file}", f"{url}/Archive/{one.name}/{file}"]
    return _archive(f"{one.name}@{one.version}", urls, name=one.name, version=one.version or "")


def _github(stated: R) -> Iterator[dict[str, Any]]:
    api = (stated.repositories.github or GITHUB).rstrip("/")
    for one in stated.of_github:
        named = github_name(one.repository)
        urls = [f"{api}/repos/{named.repository}/tarball/{named.ref}"]
        yield _archive(one.repository, urls, folder=named.folder, secret=one.secret or "")


def _urls(stated: R) -> Iterator[dict[str, Any]]:
    yield from (_archive(one.url, [one.url], sha256=one.sha256) for one in stated.urls)


def _archive(what: str, urls: list[str], **known: str) -> dict[str, Any]:
    return {"what": what, "urls": urls, "name": "", "version": "", "folder": "", "sha256": "", "secret": "", **known}
