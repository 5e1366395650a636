"""pip's requirements files: with all files that they name in one list, their options as keys."""

import codecs
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec

from envbuild.document import LIMIT_BYTES, decode, unprintable
from envbuild.errors import EnvbuildError, Note, Place
from envbuild.interop.imports.brought import Brought
from envbuild.interop.imports.composing import Composed, Told, composed, hashes_note
from envbuild.interop.imports.composing import remark as remark_of
from envbuild.interop.imports.masking import HIDDEN, hidden, without_credentials
from envbuild.interop.imports.paths import moved_item
from envbuild.interop.imports.source import Source, read_file
from envbuild.manifest.pip import editable_of, is_editable_url
from envbuild.project.starting import Carried, folded_name, not_carried

LIMIT_FILES = 200
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
_COMMENT = re.compile(r"(?P<text>(?:^|.*?\s))(?P<comment>#.*)")
_INCLUDE = re.compile(r"(?:-(?P<short>[rc])[\s=]*|--(?P<long>requirement|constraint)[\s=]+)(?P<path>\S.*)")
_HASH = re.compile(r"\s+--hash(?:=|\s+)\S+")
_OF_ONE = re.compile(r"\s--(?:config-settings?|global-option|install-option|build-option|no-[a-z-]+)\b")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_KEYS = {
    "-i": "index_url", "--index-url": "index_url", "--pypi-url": "index_url", "--extra-index-url": "extra_index_urls",
    "-f": "find_links", "--find-links": "find_links", "--no-binary": "no_binary", "--pre": "prerelease",
}  # fmt: skip
_LISTS = {"extra_index_urls", "find_links", "no_binary"}
_HINTS = {
    "--trusted-host": "name the host in 'insecure_indexes' of envbuild.yaml, if you trust it",
    "--only-binary": "remove it: wheels are taken where there are any",
    "--prefer-binary": "remove it: wheels are taken where there are any",
    "--no-index": "state 'pip: {index_url: …}' in the manifest, and remove it",
}
_OTHER_HINT = "remove it: no key of a manifest means the same"


class _Line(msgspec.Struct, frozen=True):
    """One line of a file, continued ones joined: what it says, the remark behind it, and whose file it is."""

    text: str
    remark: str
    where: Place
    folder: str
    is_limit: bool


def bring(source: Source) -> Brought:
    data = source.read()
    return Brought(folded_name(source.stem), lambda path: _Reading(source, path).carried(data))


def decoded(shown: str, data: bytes) -> str:
    """As pip reads it: a first line may name another encoding."""
    for line in data.split(b"\n")[:2] if len(data) <= LIMIT_BYTES else ():
        if match := _CODING.match(line):
            try:
                return codecs.lookup(match[1].decode()).decode(data)[0].replace("\r\n", "\n").replace("\r", "\n")
            except (LookupError, ValueError, TypeError, AttributeError):
                break
    return decode(shown, data)


class _Reading:
    """One requirements file with those that it names, and all of it that cannot be carried."""

    def __init__(self, source: Source, manifest: str) -> None:
        self._source = source
        self._manifest = manifest
        self._seen: set[tuple[str, bool]] = set()
        self._items: list[Told] = []
        self._limits: list[Told] = []
        self._options: dict[str, list[Told]] = {}
        self._left: list[EnvbuildError] = []
        self._notes: list[Note] = []
        self._hashes: list[Place] = []

    def carried(self, data: bytes) -> Carried:
        self._seen.add((os.path.realpath(Path(self._source.start) / self._source.given), False))
        self._file(self._source.shown, self._source.folder, data, is_limit=False)
        self._notes += hashes_note(self._hashes)
        said = Composed(
            head=f"Imported from {self._source.called}.",
            pip={key: found if key in _LISTS else found[-1] for key, found in self._options.items() if found},
            pypi=self._items,
            pypi_limits=self._limits,
        )
        return composed(said, self._left, self._notes)

    def _file(self, shown: str, folder: str, data: bytes, *, is_limit: bool) -> None:
        for line in _lines(shown, folder, decoded(shown, data), is_limit=is_limit):
            self._line(line)

    def _line(self, line: _Line) -> None:
        list_ = self._limits if line.is_limit else self._items
        if not line.text:
            if not _CODING.match(line.remark.encode()):
                list_.append(Told(without_credentials(line.remark), line.where, is_remark=True))
            return
        text = without_credentials(line.text)
        if text != line.text:
            self._left.append(hidden(text, line.where))
        if HIDDEN in text:
            return
        if bad := unprintable(text):
            self._leave_out(remark_of(text), bad, line, "remove it")
        elif variable := _VARIABLE.search(text):
            why = f"it holds the variable '{variable[0]}'"
            hint = "write it out; credentials stand in no manifest: keep them under 'secrets', or in a netrc file"
            self._leave_out(text, why, line, hint)
        elif include := _INCLUDE.fullmatch(text):
            self._include(include, text, line)
        elif text.startswith("-") and not editable_of(text):
            self._option(text, line)
        else:
            self._item(text, line, list_)
            return
        if line.remark:
            list_.append(Told(without_credentials(line.remark), line.where, is_remark=True))

    def _leave_out(self, text: str, why: str, line: _Line, hint: str) -> None:
        self._left.append(not_carried(text, why, line.where, hint))

    def _include(self, include: re.Match[str], text: str, line: _Line) -> None:
        written = re.sub(r"^file:(//)?", "", include["path"].strip().strip("'\""))
        is_limit = line.is_limit or "c" in (include["short"] or include["long"])
        full = os.path.realpath(Path(line.folder) / written)
        if "://" in written:
            self._leave_out(
                text, "it is not a file of this machine", line, "save a copy beside this file, and name that"
            )
        elif (full, is_limit) in self._seen:
            return
        elif len(self._seen) == LIMIT_FILES:
            self._leave_out(text, f"more than {LIMIT_FILES} files", line, "join some of them")
        else:
            self._seen.add((full, is_limit))
            shown = os.path.normpath(Path(line.where.path).parent / written)
            shown = written if self._source.given == "-" else shown
            try:
                data = read_file(full, shown)
                self._remark(f"from {shown}:", line, is_limit=is_limit)
                self._file(shown, str(Path(full).parent), data, is_limit=is_limit)
            except EnvbuildError as error:
                self._leave_out(text, error.message, line, error.hint)

    def _remark(self, text: str, line: _Line, *, is_limit: bool) -> None:
        (self._limits if is_limit else self._items).append(Told(f"# {text}", line.where, is_remark=True))

    def _option(self, text: str, line: _Line) -> None:
        try:
            words = shlex.split(text)
        except ValueError:
            self._leave_out(text, "a quote is not closed", line, "close it")
            return
        while words:
            name, _, value = words.pop(0).partition("=")
            if name[:2] in {"-i", "-f"} and not name.startswith("--") and name[2:]:
                name, value = name[:2], name[2:] + (f"={value}" if value else "")
            if name not in _KEYS:
                self._other(text, name, line)
                return
            if name == "--pre":
                self._keep("prerelease", "true", line)
                continue
            value = value or (words.pop(0) if words else "")
            self._keep_option(text, name, value, line)

    def _other(self, text: str, name: str, line: _Line) -> None:
        if name == "--require-hashes":
            message = "'--require-hashes' is left out: every package of a lock has its hash"
            self._notes.append(Note("hashes", message, line.where, "remove it"))
        else:
            self._leave_out(text, f"there is no key for '{name}'", line, _HINTS.get(name, _OTHER_HINT))

    def _keep_option(self, text: str, name: str, value: str, line: _Line) -> None:
        if not value:
            self._leave_out(text, f"the option '{name}' has no value", line, f"write '{name} VALUE'")
        elif name == "--no-binary":
            for one in filter(None, value.split(",")):
                if one == ":none:":
                    self._options.pop("no_binary", None)
                else:
                    self._keep("no_binary", one, line)
        elif _KEYS[name] == "find_links" and "://" not in value:
            folders = (line.folder, self._source.start)
            found = moved_item(f"--find-links={value}", folders, self._source, self._manifest)
            if found is None or found.why:
                self._leave_out(
                    text, found.why if found else "it is no folder", line, found.hint if found else "mend it"
                )
            else:
                self._keep("find_links", found.text.removeprefix("--find-links="), line)
        else:
            self._keep(_KEYS[name], value, line)

    def _keep(self, key: str, value: str, line: _Line) -> None:
        found = self._options.setdefault(key, [])
        if found and key not in _LISTS and found[-1].text != value:
            message = f"'{key}' is stated again: the later holds, as pip has it"
            self._notes.append(Note("stated-again", message, line.where, "keep one of the two"))
        if value not in {one.text for one in found}:
            found.append(Told(value, line.where))

    def _item(self, text: str, line: _Line, list_: list[Told]) -> None:
        bare, hashes = _HASH.subn("", text)
        self._hashes += [line.where] * bool(hashes)
        if found := _OF_ONE.search(bare):
            self._leave_out(bare, f"'{found[0].strip()}' has no meaning here", line, "remove the option")
            return
        if is_editable_url(bare):
            message = f"'-e' is dropped before '{editable_of(bare)}': a repository is installed as it is at its commit"
            self._notes.append(Note("editable-url", message, line.where, "remove '-e'"))
            bare = editable_of(bare)
        folders = tuple(dict.fromkeys((self._source.start, line.folder)))
        place = moved_item(bare, folders, self._source, self._manifest)
        if place and place.why:
            self._leave_out(bare, place.why, line, place.hint)
        elif place and line.is_limit:
            self._leave_out(bare, "a file cannot constrain", line, "write 'name==version'")
        else:
            remark = without_credentials(line.remark)
            list_.append(Told(place.text if place else bare, line.where, behind=remark))


def _lines(shown: str, folder: str, text: str, *, is_limit: bool) -> Iterator[_Line]:
    """Lines that end in a backslash go on in the next one; a remark stands for itself, or behind what is said."""
    start, joined = 0, ""
    for number, raw in enumerate([*text.split("\n"), ""], 1):
        start = start or number
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            joined += raw[:-1]
            continue
        match = _COMMENT.fullmatch(joined + raw)
        said, remark = (match["text"], match["comment"]) if match else (joined + raw, "")
        if said.strip() or remark:
            first = (joined + raw).lstrip()
            column = len(joined + raw) - len(first) + 1
            yield _Line(said.strip(), remark.strip(), Place(shown, start, column), folder, is_limit)
        start, joined = 0, ""
