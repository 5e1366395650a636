"""Folders of a project that are packages: which of their files count, what these are, and copies to build from.

Those count that git does not ignore (DECISIONS 23), of a folder that it ignores as a whole, or knows nothing of, all;
never what envbuild writes, nor, of a package, what a build leaves behind. What an image copies need be no package.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import msgspec

from envbuild.document import LIMIT_BYTES
from envbuild.errors import EnvbuildError, Place, WorkspaceError
from envbuild.fingerprint import Folder
from envbuild.lock import BUILD_FILES, FOLDER, Stated, further_files, reads_requirements, stated
from envbuild.memo import Ledger
from envbuild.process import Programs, child_environment
from envbuild.workspace.files import PRIVATE, Workspace

_LEFT_BEHIND = {"build", "dist"}  # at the top of a folder: further down it is a package of that name
_NO_CODE = {"__pycache__", ".git", ".hg", PRIVATE}
_EGG = ".egg-info"
_MANY = 200_000
_SORTS = ("--cached", "--others", "--exclude-standard")
_LIMIT = 64 * LIMIT_BYTES


class Counting(msgspec.Struct, frozen=True):
    """Which files of a folder count: those of a package, or all; but none that a .dockerignore names."""

    package: bool = True
    ignore: tuple[str, ...] = ()

    def ignored(self, names: Iterable[str]) -> set[str]:
        if not self.ignore:
            return set()
        from docker.utils.build import PatternMatcher

        matcher = PatternMatcher(self.ignore)
        return {name for name in names if matcher.matches(name)}


PACKAGE, WHOLE = Counting(), Counting(package=False)


class Folders:
    """`path` is a folder's from the project's root, `where` the line that asks for it."""

    def __init__(self, workspace: Workspace, programs: Programs, host: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._programs = programs
        self._env = {name: value for name, value in child_environment(host).items() if not name.startswith("GIT_")}

    def build_files(self, path: str, where: Place) -> dict[str, bytes]:
        """The files that say what a folder's package needs, by their paths in it."""
        self._refuse_no_folder(path, where)
        found = {name: self._read(path, name, where) for name in BUILD_FILES if self._is_there(path, name)}
        if not found.keys() & set(BUILD_FILES[:2]):
            what = f"'{path}' is no package: it has neither {BUILD_FILES[0]} nor {BUILD_FILES[1]}"
            raise WorkspaceError(what, where, "name the folder in which one of them stands")
        place = Place(_below(path, BUILD_FILES[0]))
        further = [*further_files(found, place)]
        if reads_requirements(found):
            further += self._requirements(path)
        for name in further:
            clean = os.path.normpath(name)
            if not clean.startswith(("/", "..")) and self._is_there(path, clean):
                found[clean] = self._read(path, clean, where)
        return found

    def digests(self, path: str, where: Place) -> dict[str, str]:
        return {name: hashlib.sha256(data).hexdigest() for name, data in self.build_files(path, where).items()}

    def stated(self, path: str, where: Place) -> Stated:
        return stated(self.build_files(path, where), Place(_below(path, BUILD_FILES[0])))

    def names(self, path: str, where: Place, *, counting: Counting) -> list[str]:
        """All that counts, by its paths in it; none of it leads out of the project."""
        self._refuse_no_folder(path, where)
        counted = self._counted(path, where, counting)
        for name in counted:
            self._confine(_below(path, name), where)
        return counted

    def content(self, path: str, where: Place, *, editable: bool, counting: Counting = PACKAGE) -> Folder:
        """All that counts; of a folder that is used where it lies its build files only."""
        if editable:
            return Folder(editable=True, files=self.digests(path, where))
        self._refuse_no_folder(path, where)
        names = self._counted(path, where, counting)
        return Folder(editable=False, files={name: self._digest(path, name, where) for name in names})

    def copy(self, path: str, target: Path, where: Place, *, counting: Counting = PACKAGE) -> Folder:
        """What counts, beside; gives what has been copied, so that it can be held against what was to be."""
        self._refuse_no_folder(path, where)
        copied = {}
        for name in self._counted(path, where, counting):
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            copied[name] = self._digest(path, name, where, place)
        return Folder(editable=False, files=copied)

    def copy_file(self, path: str, target: Path, where: Place) -> str:
        """One file, beside; gives its digest, and whether it may be run, as of one in a folder."""
        target.parent.mkdir(parents=True, exist_ok=True)
        return self._digest(".", path, where, target)

    def file(self, path: str, where: Place) -> str:
        """What the file that is copied has to be."""
        return self._digest(".", path, where)

    def _refuse_no_folder(self, path: str, where: Place) -> None:
        whole = self._workspace.at(path)
        self._workspace.ledger.note(str(whole))
        self._confine(path, where)
        if not whole.is_dir():
            known = whole.exists()
            what = f"'{path}' is neither a folder nor a wheel or source archive" if known else f"there is no '{path}'"
            raise WorkspaceError(what, where, "name a folder" if known else "check the path's spelling")

    def _confine(self, path: str, where: Place) -> str:
        whole = self._workspace.at(path)
        real = os.path.realpath(whole)
        self._workspace.ledger.note_way(str(whole), real)
        self._workspace.refuse_leading_out(path, real, where)
        return real

    def _is_there(self, path: str, name: str) -> bool:
        return self._workspace.exists(_below(path, name))

    def _read(self, path: str, name: str, where: Place) -> bytes:
        return self._workspace.read(_below(path, name), where, _LIMIT)

    def _requirements(self, path: str) -> list[str]:
        """The lists of requirements beside a program that may read them."""
        base = self._workspace.at(path)
        found = [*base.glob("requirements*.txt"), *base.glob("requirements/*.txt")]
        self._workspace.ledger.note(str(base / "requirements"))
        return sorted(one.relative_to(base).as_posix() for one in found)

    def _counted(self, path: str, where: Place, counting: Counting) -> list[str]:
        real = self._confine(path, where)
        try:
            listed = self._git(real, where, counting)
            found = set(listed if listed is not None else _walked(real, self._workspace.ledger))
        except OSError as error:
            what = f"'{path}' cannot be listed: {error.strerror}: {error.filename}"
            raise WorkspaceError(what, where, "check its permissions") from None
        found -= counting.ignored(found)
        counted = sorted(name for name in found if not _is_left_out(path, name, counting))
        if broken := next((name for name in counted if not _is_text(name)), None):
            what = f"'{path}' has a file whose name is no text: {broken!a}"
            raise WorkspaceError(what, where, "rename it")
        if len(counted) > _MANY:
            what = f"'{path}' has more than {_MANY:,} files"
            raise WorkspaceError(what, where, "let git ignore what is no part of the package")
        return counted

    def _git(self, real: str, where: Place, counting: Counting) -> list[str] | None:
        """The files that git does not ignore; nothing where it does not know the folder, or ignores all of it."""
        if not any((parent / ".git").exists() for parent in (Path(real), *Path(real).parents)):
            return None
        self._workspace.ledger.certain = False  # git looks at more places than can be noted
        found = list(self._listed(real, "", where))
        is_known = set(found) & set(BUILD_FILES) if counting.package else found
        return found if is_known else None

    def _listed(self, real: str, below: str, where: Place) -> Iterator[str]:
        """Also what lies in repositories inside of this one."""
        folder = os.path.join(real, below)  # noqa: PTH118 - a text, as git takes and gives them
        command = ["git", "-C", folder, "-c", "core.fsmonitor=false", "ls-files", "-z", *_SORTS]
        try:
            ran = self._programs.run(command, env=self._env)
        except EnvbuildError:
            what = "what git ignores does not count, and there is no git to ask"
            raise WorkspaceError(what, where, "install git") from None
        if ran.code:
            what = f"git cannot say which files of '{Path(real).name}' it ignores: {ran.errors.strip()}"
            raise WorkspaceError(what, where, "mend the repository")
        for name in filter(None, ran.output.split("\0")):
            whole = f"{below}{name}"
            place = os.path.join(real, whole)  # noqa: PTH118 - as above
            if not os.path.lexists(place):  # it is known to git, and gone; or its name is no text
                yield from [f"{whole}\udcff"] if "\ufffd" in name else []
            elif os.path.isdir(place) and not os.path.islink(place):  # noqa: PTH112, PTH114 - as above
                yield from self._listed(real, f"{whole.rstrip('/')}/", where)
            else:
                yield from _unfolded(real, whole)

    def _digest(self, path: str, name: str, where: Place, target: Path | None = None) -> str:
        """Of one file, copied on the way; through a link, which may lead elsewhere in the project."""
        whole = self._confine(_below(path, name), where)
        found = hashlib.sha256()
        try:
            mode = os.stat(whole).st_mode  # noqa: PTH116 - many of them
            with Path(whole).open("rb") as source, target.open("wb") if target else nullcontext() as sink:
                for block in iter(lambda: source.read(LIMIT_BYTES), b""):
                    found.update(block)
                    if sink:
                        sink.write(block)
        except OSError as error:
            what = f"'{_below(path, name)}' cannot be read: {error.strerror}"
            raise WorkspaceError(what, where, "check its permissions, or remove it") from None
        if target:
            target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)
        return f"{'x ' if mode & stat.S_IXUSR else ''}{found.hexdigest()}"


def _is_left_out(path: str, name: str, counting: Counting) -> bool:
    parts = name.split("/")
    if not counting.package:
        return bool(_NO_CODE & set(parts))
    if parts[0] in _LEFT_BEHIND or (path == "." and parts[0] == FOLDER):
        return len(parts) > 1
    return bool(_NO_CODE & set(parts)) or any(part.endswith(_EGG) for part in parts)


def _is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _below(path: str, name: str) -> str:
    return os.path.normpath(f"{path}/{name}")


def _walked(real: str, ledger: Ledger) -> Iterator[str]:
    """Every file of a folder, by its path in it."""
    waiting = [""]
    while waiting:
        here = waiting.pop()
        ledger.note(os.path.join(real, here))  # noqa: PTH118 - texts, many of them
        for entry in os.scandir(os.path.join(real, here)):  # noqa: PTH118 - as above
            name = f"{here}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                waiting += [] if entry.name in _NO_CODE else [f"{name}/"]
            elif entry.is_symlink() or entry.is_file():
                ledger.note(os.path.join(real, name))  # noqa: PTH118 - as above
                yield from _unfolded(real, name)


def _unfolded(real: str, name: str) -> Iterable[str]:
    """A file; of a link to a folder the files that it leads to; nothing of one that leads nowhere."""
    place = os.path.join(real, name)  # noqa: PTH118 - as above
    if not os.path.isdir(place):  # noqa: PTH112 - as above
        return [name] if os.path.exists(place) else []  # noqa: PTH110 - as above
    return [
        os.path.relpath(f"{here}/{one}", real)
        for here, folders, names in os.walk(place)
        for one in (names if folders.sort() is None else ())
    ]
