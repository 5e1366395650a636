"""What is in an archive: confined to its folder, each file once, no more than it may be, and of the package it claims.

It is looked at twice. Before anything is unpacked, as a stream: names, links, sizes. Then what lies there is held
against that stream, for a format that is a zip of tars can be read in two ways; and what the package tells of itself is
read from there, since that is what an installer will read.
"""

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from envbuild.errors import SolveError
from envbuild.lock import Pin
from envbuild.process import Interrupted
from envbuild.solvers.origins import public_url
from envbuild.solvers.rattler import Rattler, system_error
from envbuild.typed import from_json

if TYPE_CHECKING:
    from rattler.package_streaming import ArchiveEntry

_SECTIONS: tuple[Literal["info", "pkg"], ...] = ("info", "pkg")
_Shape = TypeVar("_Shape")
_MOST_FILES = 1_000_000
BOUND_FREE, BOUND_RATIO = 2**30, 200  # a package may be so many times its archive, and any may be as large as the first
_MOST_TOLD = 256 * 2**20  # bytes of one file in which a package tells of itself
_SCRIPT = re.compile(r"(?:bin/\.|Scripts/\.)(?:.+)-(?:post-link|pre-link|pre-unlink)\.(?:sh|bat)")
_COMMAND = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.+-]*) *= *[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_OWN = re.compile(r"conda-meta(?:/history|/[^/]*\.json)?|CACHEDIR\.TAG|pyvenv\.cfg|\.envbuild-complete(?:\.new)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ANOTHER = "use another version or channel, and tell who keeps this one"


class Content(msgspec.Struct, frozen=True):
    """What a package brings: paths, where its links lead, its link scripts, and the commands that are made for it.

    `python` says that its paths are to be placed where the Python of the prefix looks.
    """

    paths: tuple[str, ...]
    links: dict[str, str]
    scripts: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    python: bool = False


class _Index(msgspec.Struct, frozen=True):
    name: str
    version: str
    build: str


class _Told(msgspec.Struct, frozen=True):
    path: str = msgspec.field(name="_path")
    path_type: str = "hardlink"


class _Paths(msgspec.Struct, frozen=True):
    paths: tuple[_Told, ...]


class _Noarch(msgspec.Struct, frozen=True):
    type: str
    entry_points: tuple[str, ...] = ()


class _Link(msgspec.Struct, frozen=True):
    noarch: _Noarch | None = None


def members(rattler: Rattler, archive: Path, pin: Pin) -> frozenset[str]:
    """The files of an archive of which nothing is unpacked yet."""
    limit = BOUND_FREE + BOUND_RATIO * archive.stat().st_size
    try:
        return rattler.call(lambda: _members(archive, pin, limit))
    except (SolveError, Interrupted):
        raise
    except Exception as error:  # noqa: BLE001 - a reader of archives fails in many ways
        raise _refused(pin, f"it cannot be read: {error}") from None


def unpack(rattler: Rattler, archive: Path, folder: Path, pin: Pin) -> None:
    from rattler.package_streaming import download_and_extract

    try:
        rattler.call(lambda: download_and_extract(rattler.patient_client, archive.as_uri(), folder))
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        if system := system_error(error, folder):
            raise system from None
        raise _refused(pin, f"it cannot be unpacked: {error}") from None


async def _members(archive: Path, pin: Pin, limit: int) -> frozenset[str]:
    from rattler.package_streaming import PackageArchive

    opened = await PackageArchive.from_path(archive)
    files: set[str] = set()
    total = 0
    for section in _SECTIONS:
        async for entry in opened.stream(section):
            total += entry.size
            if total > limit or len(files) > _MOST_FILES:
                raise _refused(pin, f"it holds more than {limit:,} bytes or {_MOST_FILES:,} files")
            if name := _named(entry, pin):
                if name in files:
                    raise _refused(pin, f"it holds '{name}' twice")
                files.add(name)
    return frozenset(files)


def _named(entry: "ArchiveEntry", pin: Pin) -> str:
    """The name of a file or link, and none of a folder."""
    name = entry.name.rstrip("/")
    _refuse_unconfined((name,), pin)
    if entry.is_hardlink:
        _refuse_unconfined((entry.link_target or "",), pin)
    return name if entry.is_file or entry.is_link else ""


def content(folder: Path, pin: Pin, files: frozenset[str]) -> Content:
    """What an unpacked archive brings, if it is what the stream showed and what its pin says."""
    links = _lie_there(folder, pin, files)
    index = _read(folder / "info/index.json", _Index, pin)
    for what in ("name", "version", "build"):
        said, meant = getattr(index, what), getattr(pin, what)
        if said.lower() != meant.lower():
            raise _refused(pin, f"its {what} is {said}")
    told = _told(folder, pin, files)
    if own := next(filter(_OWN.fullmatch, told), None):
        raise _refused(pin, f"it brings '{own}', which no package may")
    if missing := next((path for path in told if path not in files), None):
        raise _refused(pin, f"it tells of '{missing}' and does not hold it")
    noarch = _noarch(folder, pin, files)
    is_python = noarch is not None and noarch.type == "python"
    return Content(
        told,
        {path: links[path] for path in told if path in links},
        tuple(filter(_SCRIPT.fullmatch, told)),
        _commands(noarch.entry_points, pin) if noarch and is_python else (),
        is_python,
    )


def _lie_there(folder: Path, pin: Pin, files: frozenset[str]) -> dict[str, str]:
    """Make modes what they are on any machine; give where links lead."""
    links: dict[str, str] = {}
    found: set[str] = set()
    folder.chmod(0o755)
    for here, folders, names in os.walk(folder):
        below = os.path.relpath(here, folder)
        for name in [*folders, *names]:
            path = os.path.join(here, name)  # noqa: PTH118 - tens of thousands of them
            relative = os.path.normpath(f"{below}/{name}")
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                links[relative] = os.readlink(path)  # noqa: PTH115 - as above
            else:
                is_open = stat.S_ISDIR(mode) or mode & stat.S_IXUSR
                os.chmod(path, 0o755 if is_open else 0o644)  # noqa: PTH101 - as above
            if not stat.S_ISDIR(mode):
                found.add(relative)
    if found != files:
        raise _refused(pin, f"it can be read in two ways: '{min(found ^ files)}' is there in one of them only")
    return links


def _told(folder: Path, pin: Pin, files: frozenset[str]) -> tuple[str, ...]:
    """The paths that an installer will link; old packages have a plain list."""
    if "info/paths.json" in files:
        rows = _read(folder / "info/paths.json", _Paths, pin).paths
    elif "info/files" in files:
        lines = _bytes(folder / "info/files", pin).decode(errors="surrogateescape").splitlines()
        rows = tuple(_Told(line) for line in lines)
    else:
        raise _refused(pin, "it does not tell its files")
    _refuse_unconfined((one.path for one in rows), pin)
    told = [one.path for one in rows if one.path_type != "directory"]
    if len(set(told)) < len(told):
        raise _refused(pin, f"it tells of '{next(path for path in told if told.count(path) > 1)}' twice")
    return tuple(sorted(told))


def _noarch(folder: Path, pin: Pin, files: frozenset[str]) -> _Noarch | None:
    return _read(folder / "info/link.json", _Link, pin).noarch if "info/link.json" in files else None


def _commands(entry_points: tuple[str, ...], pin: Pin) -> tuple[str, ...]:
    """The names of commands; what they call stands in a script that is made for them, so it is a plain name, too."""
    found = []
    for one in entry_points:
        match = _COMMAND.fullmatch(one.strip())
        if match is None:
            raise _refused(pin, f"its command '{one}' is no 'NAME = MODULE:FUNCTION'")
        found.append(match["name"])
    return tuple(found)


def _read(path: Path, shape: type[_Shape], pin: Pin) -> _Shape:
    try:
        return from_json(_bytes(path, pin), shape)
    except msgspec.DecodeError as error:
        raise _refused(pin, f"its info/{path.name} says nothing that can be read: {error}") from None


def _bytes(path: Path, pin: Pin) -> bytes:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_TOLD:
        raise _refused(pin, f"its info/{path.name} is no file that can be read")
    return path.read_bytes()


def _refuse_unconfined(paths: Iterable[str], pin: Pin) -> None:
    for path in paths:
        parts = path.split("/")
        if not path or _CONTROL.search(path) or {"..", ".", ""} & set(parts):
            raise _refused(pin, f"it holds '{path}', which leaves its folder or is no name of a file")


def _refused(pin: Pin, why: str) -> SolveError:
    """In one line, whatever names the archive holds."""
    why = _CONTROL.sub(lambda found: repr(found[0])[1:-1], why)
    return SolveError(f"{public_url(pin.url)} is not the package {pin.name} {pin.version}: {why}", hint=_ANOTHER)
