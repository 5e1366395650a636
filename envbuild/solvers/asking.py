"""One request as uv takes it: files in a folder, options, and what it says in return."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from envbuild.errors import SolveError
from envbuild.lock import Request
from envbuild.machine import own_python
from envbuild.manifest import normalise
from envbuild.process import Ran
from envbuild.resolve import Environment
from envbuild.solvers.answers import Flat, read_flat
from envbuild.solvers.building import builds_for
from envbuild.solvers.hearsay import Said, read
from envbuild.solvers.indexes import bound, project
from envbuild.solvers.members import Members
from envbuild.solvers.targets import Target
from envbuild.solvers.uv import Stated, Uv

_OLDEST = (3, 6)


class Asking(msgspec.Struct, frozen=True):
    """`python` is a minor version, or a whole one; `builds` says whether a source may be built to learn of it."""

    uv: Uv
    members: Members
    python: str
    root: Path
    folder: Path
    target: Target
    builds: bool
    links: tuple[str, ...]
    environment: Environment

    @property
    def request(self) -> Request:
        return self.members.request

    def roots(self, lines: Iterable[str], sources: Mapping[str, str]) -> Path:
        """What is asked for; names that have an index of their own can be told in a project's file alone."""
        whole = [self.uv.origins.carried_in(self.members.line(line)) for line in lines]
        if not sources:
            return self.write("roots.in", whole)
        path = self.folder / "roots" / "pyproject.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(project(self.request.indexes, whole, sources, self.uv.origins), encoding="utf-8")
        return path

    def write(self, name: str, lines: Iterable[str]) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def compile(
        self,
        arguments: Sequence[str | Path],
        *,
        loud: bool = False,
        sources: tuple[str, ...] = (),
        said: tuple[Said, ...] = (),
    ) -> Ran:
        """Solve into the file that the arguments name. `sources` are packages whose wheels do not count."""
        request = self.request
        version = ["--python-version", self.python, "--python-platform", self.target.name, "--no-python-downloads"]
        major, minor = self.python.split(".")[:2]
        wanted = f"=={major}.{minor}.*" if self.builds else ""
        is_known = (int(major), int(minor)) >= _OLDEST  # uv refuses older ones only where it searches itself
        own = own_python(wanted) if is_known else ""  # any other is searched for, which takes longer than to solve
        options: list[str | Path] = [*([] if loud else ["--quiet"]), *version, *self._built(sources)]
        options += ["--python", own] if own else []
        options += ["--prerelease", "allow"] if request.prerelease else []
        if not any(str(one).endswith("pyproject.toml") for one in arguments):
            options.append("--no-sources")  # of folders: what they need comes from where the manifest says
        options += [word for link in self.links for word in ("--find-links", self.uv.origins.asked(link))]
        builds = builds_for(self.uv, self.environment, request, self.python, tuple(one.entry for one in said))
        return builds.run(partial(self._asked, ["pip", "compile", *options, *arguments]))

    def said(self, lines: Iterable[str]) -> tuple[Ran, tuple[Said, ...]]:
        """What packages at URLs say of themselves: each is installed for itself, into a folder that goes."""
        folder = self.folder / "said"
        command: list[str | Path] = ["pip", "install", "--quiet", "--no-deps", "--no-sources", "--target", folder]
        version = ["--python-version", self.python, "--python-platform", self.target.name, "--no-python-downloads"]
        own = own_python(f"=={'.'.join(self.python.split('.')[:2])}.*")
        command += [*version, *(["--python", own] if own else []), *self._built(()), "-r", self.write("said.in", lines)]
        builds = builds_for(self.uv, self.environment, self.request, self.python)
        ran = builds.run(partial(self._asked, command))
        return ran, tuple(read(folder))

    def _asked(self, command: Sequence[str | Path], stated: Stated) -> Ran:
        return self.uv.run([*command], stated=stated, asking=self.places, variables=self.target.variables)

    @property
    def places(self) -> dict[str, str]:
        """What may be asked for, each with where it is asked."""
        stated = builds_for(self.uv, self.environment, self.request, self.python).stated({})
        return {url: self.uv.origins.asked(url) for url in (*self.uv.urls(stated), *self.request.urls)}

    def _built(self, sources: tuple[str, ...]) -> list[str]:
        """Where nothing may be built, wheels say what a source would; which source it is, is asked afterwards."""
        if not self.builds and not sources:
            return ["--no-build"]
        names = sources or self.request.no_binary
        return [word for name in names for word in ("--no-binary", name)]

    def newest(self, names: Sequence[str]) -> dict[str, str]:
        """The newest version of each that there is; where one of them cannot be had, each is asked for alone."""
        own = set(map(normalise, names))
        sources = {name: index for name, index in bound(self.request, ()).items() if name in own}
        roots, found = self.roots(names, sources), self.folder / "newest.txt"
        ran = self.compile(["--no-header", "--no-deps", roots, "-o", found])
        if ran.code and len(names) > 1:
            return {name: version for one in names for name, version in self.newest([one]).items()}
        return {} if ran.code else self.flat(found).versions

    def flat(self, path: Path) -> Flat:
        return read_flat(path.read_text(encoding="utf-8"), self.public)

    @property
    def public(self) -> Callable[[str], str]:
        """What is meant by a URL that was asked for this request."""
        return partial(self.uv.origins.public, named=self.request.urls)


def links(request: Request, root: Path, environment: Environment) -> tuple[str, ...]:
    """Folders of the project by their places, pages by their URLs."""
    return tuple(one if "://" in one else str(_folder(one, root, environment)) for one in request.find_links)


def _folder(path: str, root: Path, environment: Environment) -> Path:
    folder = root / path
    if not folder.is_dir() or not folder.resolve().is_relative_to(root.resolve()):
        what = f"'{path}' is no folder of the project"
        raise SolveError(what, environment.where("pip", "find_links"), "name a folder that holds wheels, or a page")
    return folder
