"""Packages of the project itself, placed where uv can look at them, and known by their names.

Of a folder whose build files say all that is needed uv is shown no more than that, so that nothing is built. Any other
is built to learn it, from a copy: building changes the folder that it happens in.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from envbuild.errors import Place, SolveError
from envbuild.lock import BUILD_FILES, Request, root_items
from envbuild.machine import own_python
from envbuild.manifest import Asked, asked_member, extras_text, is_nameless, normalise, shown_path
from envbuild.process import Ran
from envbuild.resolve import Environment
from envbuild.solvers.building import builds_for
from envbuild.solvers.provided import url_of
from envbuild.solvers.uv import Uv
from envbuild.solvers.words import with_words
from envbuild.workspace.folders import Folders

_NAMED = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*) @ ", re.MULTILINE)
_FACTS = "name, version and dependencies under 'project' in its pyproject.toml"
_BY_GIT = ("setuptools-scm", "setuptools_scm", "hatch-vcs", "versioningit")


class Placed(msgspec.Struct, frozen=True):
    """One of them. The version is empty, and what it needs is not known, where only a build can tell."""

    path: str
    name: str
    version: str
    place: Path
    needs: tuple[str, ...] | None = None

    def line(self, extras: tuple[str, ...]) -> str:
        return f"{self.name}{extras_text(extras)} @ {url_of(self.place)}"


class Members(msgspec.Struct, frozen=True):
    """Those that one request asks for; `request` calls each by its name."""

    request: Request
    placed: dict[str, Placed] = {}

    def line(self, root: str) -> str:
        """A root as a line for uv."""
        member = asked_member(root)
        return self.placed[member.path].line(member.extras) if member else root

    def told(self, words: str) -> str:
        """What uv says, with the places that people know."""
        for one in self.placed.values():
            for place in (url_of(one.place), str(one.place)):
                words = words.replace(place, shown_path(one.path))
        return words

    @property
    def by_name(self) -> Mapping[str, Placed]:
        return {one.name: one for one in self.placed.values()}


class Placing(msgspec.Struct, frozen=True):
    """Places what a request asks for, below a folder that goes when it is answered.

    `python` is the minor version that is locked, where conda does not bring it.
    """

    uv: Uv
    folders: Folders
    at: Callable[[str], Path]
    folder: Path
    environment: Environment
    may_build: bool
    python: str

    def members(self, request: Request) -> Members:
        placed: dict[str, Placed] = {}
        for root in request.members:
            member = asked_member(root)
            if member and (member.path not in placed or member.name):
                placed[member.path] = self._placed(member, request, len(placed))
        self._refuse_twins(placed)
        roots = {root: self._called(root, request) or _named(root, placed) for root in request.roots}
        digests = {roots[root]: digest for root, digest in request.members.items()}
        asked = msgspec.structs.replace(request, roots=tuple(sorted(roots.values())), members=digests)
        return Members(asked, placed)

    def _placed(self, member: Asked, request: Request, number: int) -> Placed:
        if member.is_wheel:
            return Placed(member.path, member.name, "", self.at(member.path))
        if not member.is_folder:
            name = member.name or _archive_name(member.path)
            place = self.at(member.path)
            return Placed(member.path, name or self._learned(member, place, request), "", place)
        where = self._where(member)
        stated = self.folders.stated(member.path, where)
        if member.name and stated.name and member.name != stated.name:
            what = f"the package in '{member.path}' is '{stated.name}', not '{member.name}'"
            raise SolveError(what, where, f"write '{stated.name} @ {member.shown}'")
        place = self.folder / f"member-{number}-{member.name or stated.name or 'unnamed'}"
        place.mkdir(exist_ok=True)
        if stated.project:
            (place / BUILD_FILES[0]).write_text(stated.project, encoding="utf-8")
            return Placed(member.path, stated.name, stated.version, place, stated.needs)
        if not self.may_build:
            what = f"what '{member.path}' needs on {request.platform} is known once it is built there"
            raise SolveError(what, where, f"state {_FACTS}, or lock on such a machine")
        self.folders.copy(member.path, place, where)
        name = member.name or stated.name or self._learned(member, place, request)
        return Placed(member.path, name, stated.version, place)

    def _learned(self, member: Asked, place: Path, request: Request) -> str:
        """What only a build can say: how a package is called."""
        ran = self._asked_name(url_of(place), request)
        found = _NAMED.search(ran.output)
        if ran.code or not found:
            raise self._unlearned(member, Placed(member.path, "", "", place), ran)
        return normalise(found["name"])

    def _called(self, root: str, request: Request) -> str:
        """A root that is a URL, by the name that it has there."""
        if not is_nameless(root):
            return ""
        ran = self._asked_name(root.partition(" ;")[0], request)  # whether its marker holds is for later
        found = _NAMED.search(ran.output)
        if ran.code or not found:
            items = (item for item in root_items(self.environment, request.platform) if item.text == root)
            where = next((item.where for item in items), Place(self.environment.path))
            what = with_words(f"how '{root}' is called cannot be learned", ran.errors)
            raise SolveError(what, where, f"check that it can be had; if it can, name it: 'NAME @ {root}'")
        return f"{normalise(found['name'])} @ {root}"

    def _asked_name(self, line: str, request: Request) -> Ran:
        asked = self.folder / "unnamed.in"
        asked.write_text(f"{line}\n", encoding="utf-8")
        command: list[str | Path] = ["pip", "compile", "--no-deps", "--no-header", "--no-sources", "--quiet", asked]
        building = [] if self.may_build else ["--no-build"]
        building += ["--python-version", self.python] if self.python else []
        own = own_python(f"=={self.python}.*" if self.python else "")
        building += ["--python", own] if own else []
        builds = builds_for(self.uv, self.environment, request, self.python)
        return builds.run(lambda stated: self.uv.run([*command, *building], stated=stated))

    def _unlearned(self, member: Asked, placed: Placed, ran: Ran) -> SolveError:
        if not self.may_build:
            what = f"how '{member.path}' is called, and what it needs, is known once it is built on such a platform"
            return SolveError(what, self._where(member), "name a wheel of it, or lock on such a machine")
        words = Members(Request(""), {placed.path: placed}).told(ran.errors)
        what = with_words(f"'{member.path}' could not be built, to learn how it is called and what it needs", words)
        by_git = "; there is no git in the copy that is built" if any(one in words for one in _BY_GIT) else ""
        return SolveError(what, self._where(member), f"mend its build, or state {_FACTS}{by_git}")

    def _where(self, member: Asked) -> Place:
        items = (item for item in root_items(self.environment) if item.path == member.path)
        return next((item.where for item in items), Place(self.environment.path))

    def _refuse_twins(self, placed: Mapping[str, Placed]) -> None:
        known: dict[str, str] = {}
        for path, one in placed.items():
            if known.setdefault(one.name, path) != path:
                what = f"'{known[one.name]}' and '{path}' are both called '{one.name}'"
                raise SolveError(what, self._where(Asked(path)), "ask for one of them")


def _named(root: str, placed: Mapping[str, Placed]) -> str:
    member = asked_member(root)
    if member is None or member.is_wheel:
        return root
    return f"{placed[member.path].name} @ {member.shown}{extras_text(member.extras)}"


def _archive_name(path: str) -> str:
    from packaging.utils import InvalidSdistFilename, parse_sdist_filename

    try:
        return parse_sdist_filename(path.rpartition("/")[2])[0]
    except InvalidSdistFilename:
        return ""
