"""uv's answers, read: what depends on what, and for each package the one file that is locked."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from envbuild.errors import Place, SolveError
from envbuild.lock import Pin
from envbuild.manifest import normalise
from envbuild.resolve import Environment
from envbuild.solvers.origins import public_url

if TYPE_CHECKING:
    from packaging.tags import Tag

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?(?:==(?P<version>\S+)| @ (?P<url>\S+))")
_FROM = re.compile(r"\s+# from (?P<index>\S+)")
_VIA = re.compile(r"\s+#\s+(?:via\s*)?(?P<name>\S.*)?")


class Flat(msgspec.Struct, frozen=True):
    """uv's annotated list: what each package depends on, its version, and the index or the URL that it came from."""

    edges: dict[str, set[str]]
    versions: dict[str, str]
    origins: dict[str, str]
    urls: dict[str, str]

    def reached(self, roots: Iterable[str]) -> set[str]:
        reached: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += self.edges.get(name, ())
        return reached


def read_flat(text: str, public: Callable[[str], str] = public_url) -> Flat:
    found = Flat({}, {}, {}, {})
    current = ""
    for line in text.splitlines():
        if match := _PINNED.match(line):
            current = normalise(match["name"])
            if match["version"]:
                found.versions[current] = match["version"]
            else:
                found.urls[current] = match["url"]
        elif match := _FROM.fullmatch(line):
            found.origins[current] = public(match["index"])
        elif (via := _VIA.match(line)) and via["name"] and not via["name"].startswith("-"):
            found.edges.setdefault(normalise(via["name"]), set()).add(current)
    return found


class Reading(msgspec.Struct, frozen=True):
    """What is needed to make a pin of what uv tells of a package."""

    root: Path
    tags: "dict[Tag, int]"
    environment: Environment
    public: Callable[[str], str] = public_url

    def pin(self, name: str, package: dict[str, Any], depends: tuple[str, ...]) -> Pin:
        url, digest = file_of(package, self.tags)
        where = next((item.where for item in self.environment.package(f"pip/{name}")), Place(self.environment.path))
        if "directory" in package or self._is_outside(url):
            what = f"{name} is asked for by where it lies on this machine"
            raise SolveError(what, where, "ask for it under '- pip:', by its path in the project")
        if not url or not digest:
            raise SolveError(f"the index gives no sha256 for {name}", where, "use an index that lists hashes")
        return Pin("pip", name, str(package.get("version", "0")), self._public(url), digest, "", depends)

    def _is_outside(self, url: str) -> bool:
        return url.startswith("file:") and not Path(unquote(urlsplit(url).path)).is_relative_to(self.root)

    def _public(self, url: str) -> str:
        """A file of the project by its path from the project's root; what it is says its hash."""
        if not url.startswith("file:"):
            return self.public(url)
        return Path(unquote(urlsplit(url).path)).relative_to(self.root).as_posix()


def file_of(package: dict[str, Any], tags: "dict[Tag, int]") -> tuple[str, str]:
    """The one file for this platform: the best wheel, else the source; for a repository, its commit."""
    if repository := package.get("vcs"):
        commit = repository["commit-id"]
        return f"{repository['type']}+{repository['url']}@{commit}{_subdirectory(repository)}", commit
    if archive := package.get("archive"):
        return archive.get("url", ""), archive.get("hashes", {}).get("sha256", "")
    wheels = sorted(package.get("wheels", ()), key=lambda wheel: _rank(wheel, tags))
    best = wheels[0] if wheels else package.get("sdist", {})
    return best.get("url", ""), best.get("hashes", {}).get("sha256", "")


def _subdirectory(repository: dict[str, Any]) -> str:
    folder = repository.get("subdirectory")
    return f"#subdirectory={folder}" if folder else ""


def _rank(wheel: dict[str, Any], tags: "dict[Tag, int]") -> tuple[int, str]:
    from packaging.utils import parse_wheel_filename

    filename = wheel.get("name") or wheel["url"].rpartition("/")[2].partition("#")[0]
    *_, found = parse_wheel_filename(unquote(filename))
    return min((tags.get(tag, len(tags)) for tag in found), default=len(tags)), filename
