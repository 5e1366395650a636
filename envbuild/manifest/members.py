"""Packages of the project itself as they are asked for: a wheel, a source archive or a folder, each by its path."""

import posixpath
import re
from urllib.parse import urlsplit

import msgspec

from envbuild.manifest.items import Item, normalise

_SOURCE = re.compile(r"(?:git|hg|svn|bzr)\+|https?://")
_ROOT = re.compile(r"(?:(?P<name>[A-Za-z0-9][\w.-]*) @ )?(?P<path>\.(?:/[^\[\]]*)?)(?:\[(?P<extras>[^\]]*)\])?")
WHEEL = ".whl"
ARCHIVES = (".tar.gz", ".zip", ".tar.bz2", ".tgz")


class Asked(msgspec.Struct, frozen=True):
    """What a root of a request says of a package of the project; its name may stand in its own files alone."""

    path: str
    name: str = ""
    extras: tuple[str, ...] = ()

    @property
    def is_wheel(self) -> bool:
        return self.path.endswith(WHEEL)

    @property
    def is_folder(self) -> bool:
        return not self.path.endswith((WHEEL, *ARCHIVES))

    @property
    def shown(self) -> str:
        return shown_path(self.path)


def asked_member(root: str) -> Asked | None:
    """A root that names a path; nothing where it asks an index, or names a URL."""
    if root.endswith(WHEEL) and " @ " not in root:
        return Asked(root, normalise(wheel_name(root)))
    match = _ROOT.fullmatch(root)
    if match is None:
        return None
    extras = tuple(filter(None, (match["extras"] or "").split(",")))
    return Asked(posixpath.normpath(match["path"]), match["name"] or "", extras)


def is_nameless(root: str) -> bool:
    """A root that is a URL: what is there says how it is called."""
    return _SOURCE.match(root) is not None


def source_of(url: str) -> str:
    """A URL without what it asks for there: no commit, and of its fragment only the folder."""
    bare, _, fragment = url.partition(" ")[0].partition("#")
    folder = next((part for part in fragment.split("&") if part.startswith("subdirectory=")), "")
    scheme, _, rest = bare.partition("://")
    place, _, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    path = path.rpartition("@")[0] if "+" in scheme and "@" in path else path
    return f"{scheme}://{user}{at}{host.lower()}/{path}{folder and f'#{folder}'}"


def root_of(item: Item) -> str:
    """An item as a root of a request: the same text for the same wish."""
    if not item.path or item.path.endswith(WHEEL):
        return item.path or item.text
    named = f"{item.name} @ " if item.name else ""
    return f"{named}{shown_path(item.path)}{extras_text(item.extras)}"


def shown_path(path: str) -> str:
    """A path of the project, as one that nobody takes for the name of a package."""
    return "." if path == "." else f"./{path}"


def extras_text(extras: tuple[str, ...]) -> str:
    return f"[{','.join(extras)}]" if extras else ""


def wheel_name(path: str) -> str:
    return posixpath.basename(urlsplit(path).path).split("-")[0]
