"""A folder of a git repository at one commit, fetched once and kept in the user's cache: then git is needed no more.

What is kept are the files as the commit has them, bit for bit: no filter, hook or line ending of a machine has a say.
Beside them stands git's own list of them, by which each is known to be whole whenever it is used again.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from envbuild.errors import Place, ProcessError, WorkspaceError
from envbuild.process import Programs, Ran, child_environment

_CATALOGUES, _FILES, _LISTING = "catalogues", "files", "listing"
_MOST_FILES, _MOST_BYTES = 20_000, 256 * 1024 * 1024
_LINK, _PROGRAM, _REPOSITORY = "120000", "100755", "160000"
_FORBIDDEN = {"", ".", "..", ".git"}
_LOCAL = {f"GIT_{name}" for name in (
    "DIR", "WORK_TREE", "INDEX_FILE", "OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES", "COMMON_DIR", "NAMESPACE",
    "PREFIX", "CEILING_DIRECTORIES", "SHALLOW_FILE", "GRAFT_FILE", "TEMPLATE_DIR", "TRACE",
)}  # fmt: skip
# What a server says that has the repository, and gives no single commit of it.
_ONLY_WHOLE = re.compile(r"not our ref|unadvertised object|shallow|dumb http|remote ref|not valid")
_CALM = (
    "-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null", "-c", "http.lowSpeedLimit=1",
    "-c", "http.lowSpeedTime=30", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
)  # fmt: skip
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
_SMALLER = "name a folder of it with 'path'"


class Repository(msgspec.Struct, frozen=True):
    """A folder of what a URL has at a commit, and the line that says so."""

    url: str
    commit: str
    path: str
    where: Place | None


class _Entry(msgspec.Struct, frozen=True):
    mode: str
    digest: str
    size: int
    name: str


def kept(cache: Path, wanted: Repository) -> Path | None:
    """The folder, if it was fetched and every file of it is as it was then."""
    place = _place_of(cache / _CATALOGUES, wanted)
    try:
        digest, _, listed = (place / _LISTING).read_bytes().partition(b"\n")
    except OSError:
        return None
    if hashlib.sha256(listed).hexdigest().encode() != digest:
        return None
    files = place / _FILES
    entries = tuple(_entries(listed))
    is_whole = _names_in(files) == {one.name for one in entries} and all(
        _is_whole(files / one.name, one) for one in entries
    )
    return files if is_whole else None


def _names_in(folder: Path) -> set[str]:
    """All but folders that hold nothing; a link is a file, wherever it leads."""
    found = set()
    for above, folders, files in os.walk(folder):
        links = [name for name in folders if Path(above, name).is_symlink()]
        found |= {Path(above, name).relative_to(folder).as_posix() for name in (*files, *links)}
    return found


def _place_of(folder: Path, wanted: Repository) -> Path:
    """The content is known by its commit, wherever it came from."""
    below = hashlib.sha256(wanted.path.encode()).hexdigest()[:16]
    return folder / (f"{wanted.commit}-{below}" if wanted.path else wanted.commit)


class Fetching:
    def __init__(self, programs: Programs, host: Mapping[str, str], cache: Path) -> None:
        own = {name: value for name, value in child_environment(host).items() if name not in _LOCAL}
        self._env = {**own, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        self._programs = programs
        self._cache = cache / _CATALOGUES

    def fetched(self, wanted: Repository) -> Path:
        if found := kept(self._cache.parent, wanted):
            return found
        place = _place_of(self._cache, wanted)
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._cache, prefix=".", ignore_cleanup_errors=True) as folder:
                made = self._made(wanted, Path(folder))
                if place.exists():
                    place.rename(Path(folder, "damaged"))
                _put(made, place)
        except OSError as error:
            what = f"what git fetches cannot be kept in {self._cache}: {error.strerror}"
            raise WorkspaceError(
                what, wanted.where, "check that folder's permissions and the space on its disk"
            ) from None
        return place / _FILES

    def _made(self, wanted: Repository, folder: Path) -> Path:
        """All that is to be kept, beside."""
        repository, made = folder / "repository", folder / "made"
        self._git(wanted, "init", "--quiet", "--bare", "--template=", "--", str(repository))
        self._fetch(wanted, repository)
        listed = self._listed(wanted, repository)
        entries = tuple(_entries(listed.encode()))
        _refuse(entries, listed, wanted)
        (made / _FILES).mkdir(parents=True)
        self._write(wanted, repository, entries, made / _FILES)
        told = listed.encode()
        (made / _LISTING).write_bytes(b"%s\n%s" % (hashlib.sha256(told).hexdigest().encode(), told))
        return made

    def _git(self, wanted: Repository, *words: str, repository: Path | None = None) -> Ran:
        at = ("-C", str(repository)) if repository else ()
        try:
            return self._programs.run(["git", *at, *_CALM, *words], env=self._env)
        except ProcessError as error:
            what = f"git has to fetch {wanted.url}, and cannot be run: {error.message}"
            raise WorkspaceError(what, wanted.where, "install git") from None

    def _fetch(self, wanted: Repository, repository: Path) -> None:
        """The commit alone, else, where a server does not give it so, all that it has."""
        ran = self._git(wanted, *_FETCH, "--depth=1", "--", wanted.url, wanted.commit, repository=repository)
        if ran.code and _ONLY_WHOLE.search(ran.errors):
            every = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            ran = self._git(wanted, *_FETCH, "--", wanted.url, *every, repository=repository)
        if ran.code:
            what = f"git cannot fetch {wanted.url}: {_said(ran.errors)}"
            raise WorkspaceError(what, wanted.where, "check the URL, the network, and that git may read it")
        commit = f"{wanted.commit}^{{commit}}"
        found = self._git(wanted, "rev-parse", "--verify", "--quiet", "--end-of-options", commit, repository=repository)
        if found.output.strip() != wanted.commit:
            what = f"{wanted.url} has no commit {wanted.commit}"
            raise WorkspaceError(what, wanted.where, "check the commit, and that it was pushed")

    def _listed(self, wanted: Repository, repository: Path) -> str:
        tree = f"{wanted.commit}:{wanted.path.removesuffix('/')}"
        ran = self._git(wanted, "ls-tree", "-r", "-l", "-z", "--full-tree", tree, repository=repository)
        if ran.code:
            what = f"the commit {wanted.commit[:12]} has no folder '{wanted.path}'"
            raise WorkspaceError(what, wanted.where, "check the path's spelling")
        return ran.output

    def _write(self, wanted: Repository, repository: Path, entries: tuple[_Entry, ...], files: Path) -> None:
        asked, answer = "".join(f"{one.digest}\n" for one in entries), repository / "answer"
        command = ["git", "-C", str(repository), *_CALM, "cat-file", "--batch"]
        self._programs.run(command, env=self._env, log=answer, stdin=asked.encode())
        with answer.open("rb") as stream:
            for one in entries:
                stream.readline()
                data = stream.read(one.size)
                stream.read(1)
                _place(files / one.name, one, data)
        for one in entries:
            if one.mode == _LINK and not os.path.realpath(files / one.name).startswith(f"{os.path.realpath(files)}/"):
                what = f"the link '{one.name}' of {wanted.url} leads out of it"
                raise WorkspaceError(what, wanted.where, _SMALLER)
            if not _is_whole(files / one.name, one):
                what = f"'{one.name}' of {wanted.url} is not as its commit says"
                raise WorkspaceError(what, wanted.where, "run this again")


def _entries(listed: bytes) -> Iterator[_Entry]:
    """As `git ls-tree -r -l -z` has them; a repository inside of it is none of its files."""
    for line in listed.decode().split("\0"):
        facts, _, name = line.partition("\t")
        mode, _, digest, size = facts.split() if name else ("", "", "", "")
        if name and mode != _REPOSITORY:
            yield _Entry(mode, digest, int(size), name)


def _refuse(entries: Iterable[_Entry], listed: str, wanted: Repository) -> None:
    every = tuple(entries)
    names = {one.name for one in every}
    within = any(parent.as_posix() in names for name in names for parent in PurePosixPath(name).parents)
    if within or "\ufffd" in listed or any(_FORBIDDEN & set(name.lower().split("/")) for name in names):
        what = f"{wanted.url} has a file whose name no file should have"
        raise WorkspaceError(what, wanted.where, _SMALLER)
    if len(every) > _MOST_FILES or sum(one.size for one in every) > _MOST_BYTES:
        what = f"{wanted.url} is no catalogue: it has more than {_MOST_FILES:,} files, or {_MOST_BYTES >> 20} MiB"
        raise WorkspaceError(what, wanted.where, _SMALLER)


def _place(path: Path, one: _Entry, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if one.mode == _LINK:
        path.symlink_to(os.fsdecode(data))
        return
    path.write_bytes(data)
    path.chmod(0o755 if one.mode == _PROGRAM else 0o644)


def _is_whole(path: Path, one: _Entry) -> bool:
    try:
        if one.mode == _LINK:
            data = os.fsencode(path.readlink())
        else:
            data = path.read_bytes() if not path.is_symlink() else b"\0"
    except OSError:
        return False
    named = b"blob %d\0" % len(data)
    return hashlib.sha1(named + data, usedforsecurity=False).hexdigest() == one.digest


def _put(made: Path, place: Path) -> None:
    """Whole or not at all; what another process has put there meanwhile is the same."""
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise


def _said(errors: str) -> str:
    """Its first word of what is wrong; what follows is advice."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    found = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines or ["it does not say why"]
    return re.sub(r"^(fatal|error): ", "", found[0])
