"""An environment that conda made, as the manifest of what is in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from envbuild.errors import EnvbuildError, ManifestError, Note, Place, raise_all
from envbuild.interop.imports.brought import Brought
from envbuild.interop.imports.composing import Composed, Told, composed
from envbuild.interop.imports.installed import Distribution, Record, asked_by_history, distributions, records
from envbuild.interop.imports.masking import HIDDEN, SECRET_NAME, hidden, without_credentials
from envbuild.interop.imports.paths import moved_item
from envbuild.interop.imports.source import Source
from envbuild.interop.imports.urls import File, by_use, exact, file_of, known
from envbuild.lock import spec_name
from envbuild.project.starting import Carried, folded_name, not_carried

_UNSET = "***unset***"


def bring(source: Source, prefix: Path, default: tuple[str, ...], *, requested: bool) -> Brought:
    name = folded_name(prefix.resolve().name)
    return Brought(name, lambda path: _Reading(source, prefix, path, default).carried(requested=requested))


class _Reading:
    def __init__(self, source: Source, prefix: Path, manifest: str, default: tuple[str, ...]) -> None:
        self._source = source
        self._prefix = prefix
        self._manifest = manifest
        self._default = default
        self._left: list[EnvbuildError] = []
        self._notes: list[Note] = []
        self._hidden: set[str] = set()

    def carried(self, *, requested: bool) -> Carried:
        found = list(records(self._prefix, self._source.shown))
        raise_all(one for one in found if isinstance(one, EnvbuildError))
        installed = [one for one in found if isinstance(one, Record)]
        owned = {file.replace("\\", "/") for one in installed for file in one.files or ()}
        others = list(distributions(self._prefix, self._source.shown, owned))
        raise_all(one for one in others if isinstance(one, EnvbuildError))
        files = [(self._file(one), one) for one in installed]
        channels = by_use(file.channel for file, _ in files if file)
        pip = [one for one in others if isinstance(one, Distribution)]
        said = Composed(
            head=f"Imported from {self._source.called}.",
            channels=[Told(one, self._place("conda-meta")) for one in channels],
            platforms=self._platforms(files),
            conda=self._asked(installed) if requested else list(_exactly(files, channels)),
            pypi=[*self._items(self._asked_of(pip) if requested else pip)],
            conda_limits=list(self._pinned()),
            variables=dict(self._variables()),
        )
        return composed(said, self._left, self._notes)

    def _place(self, path: str, line: int = 0) -> Place:
        return Place(f"{self._source.shown}/{path}", line, 1 if line else 0)

    def _plain(self, text: str, where: Place) -> str:
        plain = without_credentials(text)
        if plain != text and plain not in self._hidden:
            self._hidden.add(plain)
            self._left.append(hidden(plain, where))
        return plain

    def _file(self, record: Record) -> File | None:
        """Where a package came from: by its URL, else by its channel and the platform's folder."""
        where = Place(record.path)
        url = without_credentials(record.url or "")
        file = file_of(url)
        channel = file.channel if file else ""
        if url != (record.url or "") and channel not in self._hidden:
            self._hidden.add(channel)
            self._left.append(hidden(channel, where))
        if file is None and isinstance(record.channel, str) and record.subdir:
            stated = without_credentials(record.channel).rstrip("/").removesuffix(f"/{record.subdir}")
            channel = known(stated) if stated and "<" not in stated and HIDDEN not in stated else ""
        build = record.build or record.build_string
        if not channel or not build:
            why = "its channel is not known" if not channel else "its build is not known"
            said = f"{record.name} {record.version}"
            self._left.append(not_carried(said, why, where, "name the package and its channel in the manifest"))
            return None
        folder = file.folder if file else record.subdir or "noarch"
        return File(channel, folder, record.name, record.version, build)

    def _platforms(self, files: list[tuple[File | None, Record]]) -> list[Told]:
        folders = {file.folder: record.path for file, record in files if file and file.folder != "noarch"}
        platform = next(iter(folders), "")
        return [Told(platform, Place(folders[platform]))] if platform and (platform,) != self._default else []

    def _asked(self, installed: list[Record]) -> list[Told]:
        """The specs that were asked for, of what is still there."""
        found = [Told(self._plain(spec, Place(one.path)), Place(one.path)) for one in installed for spec in one.asked]
        if found:
            return found
        names = {one.name.lower() for one in installed}
        told = []
        for spec in asked_by_history(self._prefix):
            where = self._place("conda-meta/history")
            plain = self._plain(spec, where)
            if spec_name(plain) in names:
                told.append(Told(plain, where))
        if not told and installed:
            message = "conda has not written down what was asked for"
            raise ManifestError(message, self._place("conda-meta"), "leave out '--requested'")
        return told

    def _asked_of(self, pip: list[Distribution]) -> list[Distribution]:
        if pip and not any(one.is_asked for one in pip):
            message = "pip has not written down what was asked for: all of its packages are carried"
            self._notes.append(Note("requested", message, self._place("conda-meta"), "remove what others bring"))
            return pip
        return [one for one in pip if one.is_asked]

    def _items(self, pip: list[Distribution]) -> Iterator[Told]:
        for one in pip:
            where = Place(one.path)
            item = self._plain(one.item, where)
            if HIDDEN in item:
                continue
            place = moved_item(item, (self._source.start,), self._source, self._manifest)
            if place and place.why:
                self._left.append(not_carried(f"{one.name} ({item})", place.why, where, place.hint))
            else:
                yield Told(place.text if place else item, where)

    def _pinned(self) -> Iterator[Told]:
        for number, line in enumerate(self._lines("conda-meta/pinned"), 1):
            text = line.partition("#")[0].strip()
            if text:
                where = self._place("conda-meta/pinned", number)
                yield Told(self._plain(text, where), where)

    def _lines(self, path: str) -> list[str]:
        try:
            return (self._prefix / path).read_bytes().decode(errors="replace").splitlines()
        except OSError:
            return []

    def _variables(self) -> Iterator[tuple[str, Told]]:
        """What `conda env config vars set` has kept; what is a secret by its name has no place in a manifest."""
        where = self._place("conda-meta/state")
        stated = self._state(where)
        for name, value in stated.items():
            if not isinstance(value, str) or value == _UNSET:
                continue
            if SECRET_NAME.search(name):
                hint = "set it where the environment is used; a manifest is committed"
                self._left.append(not_carried(name, "by its name it is a secret", where, hint))
            else:
                yield name, Told(self._plain(value, where), where)

    def _state(self, where: Place) -> dict[str, Any]:
        text = "\n".join(self._lines("conda-meta/state"))
        try:
            found = msgspec.json.decode(text) if text.strip() else {}
        except (msgspec.MsgspecError, RecursionError):
            found = None
        stated = found.get("env_vars", {}) if isinstance(found, dict) else None
        if not isinstance(stated, dict):
            raise ManifestError("this is not conda's list of variables", where, "mend it, or remove it")
        return stated


def _exactly(files: list[tuple[File | None, Record]], channels: list[str]) -> Iterator[Told]:
    for file, record in files:
        if file:
            yield Told(exact(file, channels[0]), Place(record.path))
