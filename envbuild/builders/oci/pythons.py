"""The Pythons that a base image has: where they are, of which version, and where their packages go.

What its settings say is known without a look into its layers; what its files say is certain.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from envbuild.builders.oci.rootfs import Rootfs

_NAME = re.compile(r"python(?P<version>3\.[0-9]{1,3})")
_VERSION = re.compile(r"(?P<version>3\.[0-9]{1,3})\.[0-9]{1,3}\w*")
_OFFICIAL = "/usr/local/bin"
_DEBIANS = "usr/lib/python3/dist-packages"


class Python(msgspec.Struct, frozen=True):
    """An interpreter; it was seen among the files, or the settings of the image claim it.

    `site` is where packages for it go. `full` is its whole version, where that is said.
    """

    version: str
    path: str
    site: str
    known_by: Literal["files", "settings"]
    full: str = ""


def told_python(env: Mapping[str, str]) -> Python | None:
    """As the images called 'python' have it: they say the version, what they were made from, and look there first."""
    match = _VERSION.fullmatch(env.get("PYTHON_VERSION", ""))
    is_official = "PYTHON_SHA256" in env or "GPG_KEY" in env
    if match is None or not is_official or env.get("PATH", "").partition(":")[0] != _OFFICIAL:
        return None
    version = match["version"]
    site = f"/usr/local/lib/python{version}/site-packages"
    return Python(version, f"{_OFFICIAL}/python{version}", site, "settings", match[0])


def pythons(files: Rootfs, path: str) -> tuple[Python, ...]:
    """In the order in which they are found by PATH: first the one that `python3` stands for."""
    found: dict[tuple[str, str], Python] = {}
    for folder in _folders(path):
        for one in _in_folder(files, folder):
            found.setdefault((one.site, files.resolve(one.path)), one)
    return tuple(found.values())


def _folders(path: str) -> Iterable[str]:
    return dict.fromkeys(folder.rstrip("/") for folder in path.split(":") if folder.startswith("/"))


def _in_folder(files: Rootfs, folder: str) -> Iterator[Python]:
    every = [match for name in files.names(folder) if (match := _NAME.fullmatch(name))]
    names = [match for match in every if _runs(files, f"{folder}/{match[0]}")]
    first = files.resolve(f"{folder}/python3")
    for match in sorted(names, key=lambda one: (files.resolve(f"{folder}/{one[0]}") != first, -_minor(one))):
        yield _python(files, folder, match)


def _minor(match: re.Match[str]) -> int:
    return int(match["version"].partition(".")[2])


def _runs(files: Rootfs, path: str) -> bool:
    entry = files.entry(files.resolve(path))
    return entry is not None and entry.kind == "file" and bool(entry.mode & 0o111)


def _python(files: Rootfs, folder: str, match: re.Match[str]) -> Python:
    """A virtual environment is where its command is; any other Python is where its program is."""
    version, path = match["version"], f"{folder}/{match[0]}"
    prefix = folder.rpartition("/")[0]
    if not files.kind(f"{prefix}/pyvenv.cfg"):
        prefix = f"/{files.resolve(path)}".rsplit("/", 2)[0]
    library = f"{prefix}/lib/python{version}"
    if prefix == "/usr" and files.kind(_DEBIANS):
        return Python(version, path, f"/usr/local/lib/python{version}/dist-packages", "files")
    return Python(version, path, f"{library}/site-packages", "files")
