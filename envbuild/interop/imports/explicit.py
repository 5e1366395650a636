"""Lists of URLs as `conda list --explicit`, micromamba and `conda-lock render -k explicit` write them."""

import re

from envbuild.document import decode
from envbuild.errors import EnvbuildError, ManifestError, Place
from envbuild.interop.imports.brought import Brought
from envbuild.interop.imports.composing import Composed, Told, composed, hashes_note
from envbuild.interop.imports.masking import HIDDEN, hidden, without_credentials
from envbuild.interop.imports.source import Source
from envbuild.interop.imports.urls import File, by_use, exact, file_of
from envbuild.project.starting import Carried, folded_name, not_carried

_MARK = "@EXPLICIT"
_PLATFORM = re.compile(r"#\s*platform:\s*(?P<platform>\S+)")
_PIP = re.compile(r"#\s*pip\s+(?P<item>\S.*)")
_HASH = re.compile(r"(?:sha256:(?P<sha256>[0-9a-f]{64})|(?:md5:)?(?P<md5>[0-9a-f]{32}))")
_PIP_HASH = re.compile(r"(?:\s+--hash[=\s]\S+)+$|#sha256=[0-9a-f]{64}(?:\s+--hash[=\s]\S+)*$")
_OTHER_LIST = re.compile(r"[\w.-]+=[^=\s]+=[^=\s]+")


def bring(source: Source, default: tuple[str, ...]) -> Brought:
    data = source.read()
    return Brought(folded_name(source.stem), lambda _: _Reading(source, default).carried(data))


class _Reading:
    def __init__(self, source: Source, default: tuple[str, ...]) -> None:
        self._source = source
        self._default = default
        self._platforms: dict[str, Place] = {}
        self._packages: list[tuple[str, str, Place]] = []
        self._pip: list[Told] = []
        self._left: list[EnvbuildError] = []
        self._tokens: set[str] = set()
        self._hashes: list[Place] = []

    def carried(self, data: bytes) -> Carried:
        lines = decode(self._source.shown, data).split("\n")
        self._refuse_other(lines)
        for number, line in enumerate(lines, 1):
            self._line(line.strip(), Place(self._source.shown, number, len(line) - len(line.lstrip()) + 1))
        return composed(self._said(), self._left, list(hashes_note(self._hashes)))

    def _refuse_other(self, lines: list[str]) -> None:
        if any(line.strip() == _MARK for line in lines):
            return
        place = Place(self._source.shown, 1, 1)
        if any(_OTHER_LIST.fullmatch(line.strip()) for line in lines):
            hint = "list them with 'conda list --explicit --md5', which says also the channels"
            raise ManifestError("this is no explicit list: its lines name no URLs", place, hint)
        raise ManifestError(f"this is no explicit list: no line is '{_MARK}'", place, "name another format, or file")

    def _line(self, line: str, where: Place) -> None:
        if platform := _PLATFORM.fullmatch(line):
            self._platforms.setdefault(platform["platform"], where)
        elif pip := _PIP.fullmatch(line):
            self._pip_item(pip["item"], where)
        elif line and not line.startswith("#") and line != _MARK:
            self._package(line, where)

    def _plain(self, text: str, where: Place) -> str:
        """The text without credentials, which are told once for each place that they are for."""
        plain = without_credentials(text)
        if plain != text:
            file = file_of(plain.partition("#")[0])
            said = file.channel if file else plain
            if said not in self._tokens:
                self._tokens.add(said)
                self._left.append(hidden(said, where))
        return plain

    def _pip_item(self, text: str, where: Place) -> None:
        item = self._plain(text, where)
        bare = _PIP_HASH.sub("", item)
        if bare != item:
            self._hashes.append(where)
        if HIDDEN not in item:
            self._pip.append(Told(re.sub(r"\s*==\s*", "==", bare), where))

    def _package(self, line: str, where: Place) -> None:
        url, _, stated = self._plain(line, where).partition("#")
        if HIDDEN in url:
            return
        if file_of(url) is None:
            is_local = "://" not in url and url.endswith((".conda", ".tar.bz2"))
            why = "a file of one machine is in no channel" if is_local else "it is no package of a channel"
            self._left.append(not_carried(url, why, where, "put it into a channel, and name its URL there"))
            return
        match = _HASH.fullmatch(stated)
        if stated and not match:
            what = f"'{stated}' is neither an md5 nor a 'sha256:'"
            self._left.append(not_carried(url, what, where, "list it again with '--md5' or '--sha256'"))
            return
        kind = next((key for key, value in match.groupdict().items() if value), "") if match else ""
        self._packages.append((url, f'[{kind}="{match[kind]}"]' if match else "", where))

    def _said(self) -> Composed:
        platform = self._platform()
        found = [(file, hashed, where) for url, hashed, where in self._packages if (file := self._own(url, where))]
        channels = by_use(file.channel for file, _, _ in found)
        first = channels[0] if channels else ""
        places = {file.channel: where for file, _, where in reversed(found)}
        return Composed(
            head=f"Imported from {self._source.called}.",
            channels=[Told(one, places[one]) for one in channels],
            platforms=[] if not platform or (platform.text,) == self._default else [platform],
            conda=[Told(exact(file, first, hashed), where) for file, hashed, where in found],
            pypi=self._pip,
        )

    def _own(self, url: str, where: Place) -> File | None:
        """A list is one platform's: a package of another stands in it by mistake."""
        file = file_of(url)
        platform = next(iter(self._platforms), "")
        if file and file.folder not in {"noarch", platform}:
            self._left.append(
                not_carried(
                    url, f"the list is one of {platform}", where, "list each platform by itself, and import each list"
                )
            )
            return None
        return file

    def _platform(self) -> Told | None:
        for url, _, where in self._packages:
            file = file_of(url)
            if file and file.folder != "noarch" and not self._platforms:
                self._platforms[file.folder] = where
        return next((Told(name, where) for name, where in self._platforms.items()), None)
