"""An index of what an environment file's pip list asks for, and the file with that index for every address in it.

It has wheels of all names, in versions that meet what is asked; each archive that a URL names; and each repository, as
static files of git, with the branch or tag that is asked for. What a list names beside the file is made as well.
"""

import io
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Self

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from .index import Index
from .loopback import Reply, Request
from .realasks import near, read
from .wheels import sdist_bytes, wheel_bytes

_OPTION = re.compile(r"(?P<name>--extra-index-url|--index-url|-i|--find-links|-f)(?P<gap>[= ]\"?)https://[^\s\"]+")
_ARCHIVE = re.compile(r"https://[\w./-]+/(?P<file>[\w.+-]+\.(?:whl|tar\.gz))")
_REPOSITORY = re.compile(r"git\+https://(?P<place>[\w./-]+)(?:@(?P<at>[\w./-]+))?(?:#egg=(?P<egg>[\w.-]+))?")
_LOCAL = re.compile(r"(?:-e )?(?P<path>\.{1,2}|[\w-]+(?:/[\w-]+)+|\./[\w-]+\.zip)(?:\[(?P<extras>[\w,]+)\])?")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_ANY = ("0.9", "1.0", "1.2.3")
_SOMEBODY = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")


class RealIndex(Index):
    """For the files that are offered to it, one after the other; repositories lie below FOLDER."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commits: dict[tuple[str, str], str] = {}  # of a repository's place and what is asked for
        super().__init__()
        self.add("pip", "24.3")  # as every index

    @property
    def root(self) -> str:
        return self.url.removesuffix("/simple/")

    def offer(self, text: str, beside: Mapping[str, str]) -> Self:
        """Have all that this file asks for, and the requirement files beside it."""
        for line in _lines(text, beside):
            for found in _REPOSITORY.finditer(line):
                self._keep(found)
            for found in _ARCHIVE.finditer(line):
                self._archive(found["file"])
            if requirement := _requirement(line):
                self._wheels(requirement)
        return self

    def put_into(self, text: str) -> str:
        """Lead every address of a pip list here; a commit becomes one that is here."""
        text = _OPTION.sub(lambda found: f"{found['name']}{found['gap']}{self._index_for(found['name'])}", text)
        text = _REPOSITORY.sub(self._here, text)
        return _ARCHIVE.sub(lambda found: f"{self.root}/files/{found['file']}", text)

    def answer(self, request: Request) -> Reply:
        folder, _, rest = request.path.removeprefix("/").partition("/")
        if folder == "links":
            return Reply(body=self._page_of_links().encode(), headers={"Content-Type": "text/html"})
        if folder != "git":
            return super().answer(request)
        path = self._folder / rest
        return Reply(body=path.read_bytes()) if path.is_file() else Reply(HTTPStatus.NOT_FOUND)

    def _index_for(self, option: str) -> str:
        return f"{self.root}/links/" if option in {"--find-links", "-f"} else self.url

    def _page_of_links(self) -> str:
        return "".join(f'<a href="{self.root}/files/{name}">{name}</a>\n' for name in self._files)

    def _wheels(self, requirement: Requirement) -> None:
        extras = dict.fromkeys(requirement.extras, ())
        for version in _releases(requirement.specifier):
            self.add(requirement.name, version, extras=extras, tag="py2.py3-none-any")

    def _archive(self, filename: str) -> None:
        if filename.endswith(".whl"):
            name, version, tag = filename.removesuffix(".whl").split("-", 2)
            made = wheel_bytes(name, version, tag=tag, extras={"all": ()})[1]
        else:
            name, _, written = filename.removesuffix(".tar.gz").rpartition("-")
            made = sdist_bytes(name, written)[1]
        self.add_file(filename, made)

    def _keep(self, found: re.Match[str]) -> None:
        """A repository of one commit, under the name that is asked for."""
        place, at = found["place"], found["at"] or "main"
        if (place, at) in self._commits:
            return
        work, bare = self._folder / "work" / place / at, self._folder / place
        unpack(work, found["egg"] or place.rpartition("/")[2].removesuffix(".git"))
        _git(work, "init", "-q", "-b", "main" if _COMMIT.fullmatch(at) else at)
        _git(work, "add", "-A")
        _git(work, *_SOMEBODY, "commit", "-q", "-m", "one")
        _git(work, "clone", "-q", "--bare", ".", str(bare))
        _git(bare, "update-server-info")
        self._commits[place, at] = _git(work, "rev-parse", "HEAD")

    def _here(self, found: re.Match[str]) -> str:
        at = found["at"] or ""
        at = self._commits[found["place"], at] if _COMMIT.fullmatch(at) else at
        egg = f"#egg={found['egg']}" if found["egg"] else ""
        return f"git+{self.root}/git/{found['place']}{f'@{at}' if at else ''}{egg}"


def make_beside(folder: Path, text: str) -> None:
    """Make the folders and archives that a pip list names by their paths, which begin in this folder."""
    for item in read(text).pip:
        found = _LOCAL.fullmatch(item.strip())
        if not found:
            continue
        place = folder / found["path"]
        name = f"own-{place.resolve().name.removesuffix('.zip')}"
        if place.suffix == ".zip":
            unpack(place.with_suffix(""), name)
            _zip(place.with_suffix(""), place)
        else:
            unpack(place, name, *(found["extras"] or "").split(","))


def unpack(folder: Path, name: str, *extras: str) -> None:
    """Lay the source of a package into a folder."""
    _, data = sdist_bytes(name, "1.0", extras={extra: () for extra in extras if extra})
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            path = folder / entry.name.partition("/")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read() if content else b"")


def _zip(folder: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for one in sorted(folder.rglob("*")):
            if one.is_file():
                archive.write(one, f"{folder.name}/{one.relative_to(folder)}")
    shutil.rmtree(folder)


def _lines(text: str, beside: Mapping[str, str]) -> Iterator[str]:
    for item in (*read(text).pip, *(content for name, content in beside.items() if name.endswith(".txt"))):
        yield from item.splitlines()


def _requirement(line: str) -> Requirement | None:
    try:
        found = Requirement(line.partition(" #")[0].strip())
    except InvalidRequirement:
        return None
    return None if found.url else found


def _releases(specifier: SpecifierSet) -> Sequence[str]:
    """Three versions that meet it, near what it names: prereleases and local versions only where it names one."""
    named = {one.version.removesuffix(".*") for one in specifier}
    tried = {*_ANY, *named, *(version for one in named for version in near(one))}
    kept = [one for one in map(_version, tried) if one and (str(one) in named or not one.is_prerelease)]
    return [str(one) for one in sorted(kept) if specifier.contains(one, prereleases=True)][-3:]


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)  # noqa: S607 - the one that is found
    return done.stdout.strip()
