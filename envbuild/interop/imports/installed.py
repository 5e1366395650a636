"""What conda and pip wrote down of an environment: one record for each package, read with nothing of theirs."""

import os
import re
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from envbuild.errors import EnvbuildError, ManifestError, Place
from envbuild.interop.imports.source import read_file
from envbuild.lock import spec_name
from envbuild.manifest import normalise

_LIMIT = 64 * 1024 * 1024
_HINT = "install that package again, or remove the file"
_SITES = ("lib/python*/site-packages", "lib64/python*/site-packages", "Lib/site-packages")
_SPECS = re.compile(r"#\s*(?P<did>create|update|install|remove|uninstall|neutered)\s+specs:\s*(?P<specs>.*)")
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")


class Record(msgspec.Struct, frozen=True):
    """One file of conda-meta; fields that its writers have not always written may be missing."""

    name: str
    version: str
    build: str = ""
    build_string: str = ""
    url: str | None = None
    channel: Any = None
    subdir: str | None = None
    fn: str | None = None
    files: tuple[str, ...] | None = None
    requested_spec: str | None = None
    requested_specs: tuple[str, ...] | None = None
    path: str = ""

    @property
    def asked(self) -> tuple[str, ...]:
        """The specs that somebody asked for; conda has written 'None' for none."""
        found = (*(self.requested_specs or ()), self.requested_spec or "")
        return tuple(dict.fromkeys(one for one in found if one and one != "None"))


class Distribution(msgspec.Struct, frozen=True):
    """A package that pip or uv installed; `item` is how a pip list asks for it."""

    name: str
    item: str
    path: str
    is_asked: bool


_record = msgspec.json.Decoder(Record, strict=False).decode


def records(prefix: Path, shown: str) -> Iterator[Record | EnvbuildError]:
    """In the order of names; one that cannot be read is told with its file."""
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        place = Place(f"{shown}/conda-meta/{path.name}")
        try:
            found = _record(read_file(str(path), str(place), _LIMIT))
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError) as error:
            what = f"no record of a package: {error}" if isinstance(error, msgspec.MsgspecError) else "no JSON"
            yield ManifestError(f"this is {what}", place, _HINT)
        except EnvbuildError as error:
            yield error
        else:
            yield msgspec.structs.replace(found, path=str(place))


def asked_by_history(prefix: Path) -> tuple[str, ...]:
    """The specs that stand, where conda-meta/history is all that says so: later ones replace earlier ones."""
    try:
        with (prefix / "conda-meta" / "history").open("rb") as stream:
            lines = stream.read(_LIMIT).decode(errors="replace").splitlines()
    except OSError:
        return ()
    found: dict[str, str] = {}
    for line in lines:
        if match := _SPECS.fullmatch(line.strip()):
            for one in _listed(match["specs"]):
                name = spec_name(one)
                found.pop(name, None)
                if match["did"] not in {"remove", "uninstall"}:
                    found[name] = one
    return tuple(found.values())


def _listed(text: str) -> list[str]:
    if text.startswith("["):
        return [one or other for one, other in _QUOTED.findall(text)]
    return [one for one in text.split(",") if one and not one[0].isdigit()]


def distributions(prefix: Path, shown: str, conda: set[str]) -> Iterator[Distribution | EnvbuildError]:
    """What lies in site-packages and is not conda's; `conda` are the files that are."""
    seen: set[str] = set()
    for folder in dict.fromkeys(os.path.realpath(one) for site in _SITES for one in prefix.glob(site)):
        for path in sorted(Path(folder).iterdir()):
            place = f"{shown}/{os.path.relpath(path, os.path.realpath(prefix))}".replace(os.sep, "/")
            found = _distribution(path, place, conda, prefix)
            if isinstance(found, Distribution) and normalise(found.name) in seen:
                continue
            if isinstance(found, Distribution):
                seen.add(normalise(found.name))
            if found:
                yield found


def _distribution(path: Path, place: str, conda: set[str], prefix: Path) -> Distribution | EnvbuildError | None:
    if path.suffix == ".egg-link":
        return _linked(path, place)
    if path.suffix not in {".dist-info", ".egg-info"} or path.name.startswith("~"):
        return None
    inside = os.path.relpath(path, os.path.realpath(prefix)).replace(os.sep, "/")
    metadata = "METADATA" if path.suffix == ".dist-info" else "PKG-INFO" if path.is_dir() else ""
    if conda & {inside, f"{inside}/{metadata}"} or _text(path / "INSTALLER").strip() == "conda":
        return None
    headers = HeaderParser().parsestr(_text(path / metadata if metadata else path))
    name, version = str(headers["Name"] or "").strip(), str(headers["Version"] or "").strip()
    if not name or not version:
        return ManifestError("this says no name and version of a package", Place(place), _HINT)
    try:
        item = _item(name, version, _text(path / "direct_url.json"))
    except (msgspec.MsgspecError, RecursionError, AttributeError, TypeError):
        return ManifestError("this is no record of where a package is from", Place(f"{place}/direct_url.json"), _HINT)
    return Distribution(name, item, place, (path / "REQUESTED").is_file())


def _linked(path: Path, place: str) -> Distribution | EnvbuildError:
    """An editable of long ago: the file holds the folder's path."""
    folder = next(iter(_text(path).splitlines()), "").strip()
    if not folder:
        return ManifestError("this names no folder", Place(place), _HINT)
    return Distribution(path.stem, f"-e {folder}", place, is_asked=True)


def _item(name: str, version: str, told: str) -> str:
    direct = msgspec.json.decode(told) if told.strip() else {}
    url = direct.get("url", "")
    if not url:
        return f"{name}=={version}"
    at = f"#subdirectory={direct['subdirectory']}" if direct.get("subdirectory") else ""
    if repository := direct.get("vcs_info"):
        return f"{name} @ {repository['vcs']}+{url}@{repository['commit_id']}{at}"
    if url.startswith("file:"):
        path = unquote(urlsplit(url).path)
        editable = bool((direct.get("dir_info") or {}).get("editable"))
        return f"-e {path}" if editable else path
    return f"{name} @ {url}{at}"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_LIMIT).decode(errors="replace")
    except OSError:
        return ""
