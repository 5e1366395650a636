"""PyPI packages: uv answers a request, and its answer becomes pins."""

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from envbuild.errors import Place, SolveError, raise_all
from envbuild.lock import EVERY, Member, Pins, Request
from envbuild.manifest import normalise
from envbuild.process import Ran
from envbuild.resolve import Environment
from envbuild.solvers.answers import Flat, Reading, file_of
from envbuild.solvers.asking import Asking, links
from envbuild.solvers.case import items_by_name
from envbuild.solvers.failures import Failure, unknown_extras, without_extras
from envbuild.solvers.hearsay import Said, urls
from envbuild.solvers.indexes import bound, denied, has_source, named, plain_name, problems, sent_on, strangers
from envbuild.solvers.keeping import Kept
from envbuild.solvers.members import Members
from envbuild.solvers.provided import Given, stubs, url_of, wheels
from envbuild.solvers.targets import ranks, target
from envbuild.solvers.uv import Uv

_MINOR = re.compile(r"==([0-9]+\.[0-9]+)(?:\.(?:\*|[0-9]+))?$")


def choose_python(uv: Uv, request: Request, environment: Environment) -> str:
    """The minor version to lock: the one asked for, else the newest found here, else the newest that uv can fetch."""
    from packaging.specifiers import SpecifierSet

    if stated := _MINOR.match(request.python):
        return stated[1]
    allowed = SpecifierSet(request.python)
    for downloadable in (False, True):
        for version in uv.pythons.versions(downloadable=downloadable):
            if allowed.contains(version):
                return ".".join(version.split(".")[:2])
    items = environment.package("python")
    found = ", ".join(uv.pythons.versions(downloadable=False)) or "none"
    raise SolveError(
        f"no Python is {request.python or 'found'}",
        items[0].where if items else Place(environment.path),
        f"found on this machine: {found}",
    )


class Question(msgspec.Struct, frozen=True):
    """One request, put to uv for one platform in a folder of its own.

    `python` is a minor version, or conda's whole one; `known` gives the packages of the project, for a name that is
    misspelt; `given` is what conda brings.
    """

    uv: Uv
    members: Members
    python: str
    root: Path
    may_build: bool
    known: Callable[[], Iterable[str]] = tuple
    given: tuple[Given, ...] = ()

    def answer(
        self,
        preferred: Pins | None,
        environment: Environment,
        recorded: Request | None = None,
    ) -> Pins:
        """Solve; `preferred` pins of pip stay where they still fit.

        `recorded` is the request that `preferred` answered: with it, a repository stays at its commit as well.
        """
        request = self.members.request
        if not request.roots:
            return Pins(request.platform, ())
        raise_all(problems(request, environment))
        while True:
            with suppress(_Turned), tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
                ask = self._asking(environment, Path(folder))
                kept = Kept.of(preferred, recorded)
                return _Solving(ask, self.known, environment, self.given, kept, ask.places).pins()

    def newest(self, environment: Environment) -> dict[str, str]:
        """The newest version of each package that is asked for by name; none of them where one cannot be had."""
        request = self.members.request
        names = sorted({name for name, root in named(request.roots) if name and not has_source(root)})
        if not names:
            return {}
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            return self._asking(environment, Path(folder)).newest(names)

    def _asking(self, environment: Environment, folder: Path) -> Asking:
        request = self.members.request
        aim, found = target(request, environment), links(request, self.root, environment)
        place = (self.python, self.root, folder, aim, self.may_build, found, environment)
        return Asking(self.uv, self.members, *place)


class _Turned(Exception):  # noqa: N818 - a reason to ask again
    """A mirror did not answer, and there is another one."""


class _Let(msgspec.Struct, frozen=True):
    """Bound names that are let into a question, each with its index; those that are not; and what was heard before."""

    sources: dict[str, str]
    out: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()

    @classmethod
    def only(cls, sources: Mapping[str, str], names: Iterable[str], said: tuple[Said, ...] = ()) -> "_Let":
        kept = sources.keys() & set(names)
        found = {name: index for name, index in sources.items() if name in kept}
        return cls(found, tuple(sorted(sources.keys() - kept)), said)


class _Solving(msgspec.Struct, frozen=True):
    """One question under way."""

    ask: Asking
    known: Callable[[], Iterable[str]]
    environment: Environment
    given: tuple[Given, ...]
    kept: Kept
    places: dict[str, str]

    def pins(self) -> Pins:
        sources = bound(self.request, self.given)
        told, flat, let = self._flat(sources)
        if lacking := without_extras(told, self.given):
            return self._instead(lacking).pins()
        raise_all(unknown_extras(told, self.request, self.environment))
        self._refuse_strangers(flat, sources)
        packages = self._packages(flat, let)
        self._refuse_denied(packages, let.sources)
        return self._made(packages, flat)

    @property
    def request(self) -> Request:
        return self.ask.request

    def _instead(self, names: set[str]) -> "_Solving":
        """Conda's packages have no extras to ask for: where one is wanted, pip's takes its place."""
        own = {one.name: one.version for one in self.given if one.name in names}
        kept = Kept({**own, **self.kept.versions}, self.kept.commits)
        rest = tuple(one for one in self.given if one.name not in names)
        return msgspec.structs.replace(self, given=rest, kept=kept)

    def _flat(self, sources: Mapping[str, str]) -> tuple[str, Flat, "_Let"]:
        """What uv says, and its list. Bound names are let in as they are found to be needed.

        One that nothing needs is not asked for, and moves nothing. And what stands at a URL could name another URL for
        a bound name, which uv would follow: such packages are heard first.
        """
        roots = dict(named(self.request.roots))
        every = (*roots.values(), *self.request.constraints, *self.request.overrides)
        let = _Let.only(sources, () if any(map(has_source, every)) else roots)
        while True:
            self._refuse_sent_on(let)
            ran = self._listed(self.ask.folder / "flat.txt", let)
            if ran.code:
                raise self._failure(ran)
            flat = self.ask.flat(self.ask.folder / "flat.txt")
            wanted = flat.reached(roots) & set(let.out)
            if not wanted:
                return ran.errors, flat, let
            said = self._heard(flat, let.said, sources)
            let = _Let.only(sources, {*let.sources, *wanted}, said)

    def _refuse_sent_on(self, let: "_Let") -> None:
        """Nothing is asked for but where the index itself has it."""
        for name, index in let.sources.items():
            where, url = self.environment.where_key("pip", "indexes", index), self.request.indexes[index].url
            raise_all(sent_on(self.ask.uv.pages, name, index, url, where))
            if words := self.ask.uv.pages.ailment(plain_name(index), url, name):
                raise self._failure(Ran(1, "", words))

    def _refuse_denied(self, packages: Iterable[dict[str, Any]], sources: Mapping[str, str]) -> None:
        """What came for a bound name is held against the page of its own index."""
        tags = ranks(self.ask.target, self.ask.python)
        for package in packages:
            if index := sources.get(normalise(package["name"])):
                url, where = self.request.indexes[index].url, self.environment.where_key("pip", "indexes", index)
                raise_all(denied(self.ask.uv.pages, package["name"], index, url, file_of(package, tags)[0], where))

    def _heard(self, flat: Flat, before: tuple[Said, ...], sources: Mapping[str, str]) -> tuple[Said, ...]:
        """What packages at URLs say that they need; refused where a bound name would come from a URL as well."""
        members = self.ask.members.by_name
        apart = {one.name for one in self.given} | {one.name for one in before} | sources.keys()
        known = {name: one.needs for name, one in members.items() if one.needs is not None}
        asked = {name: url for name, url in flat.urls.items() if name not in apart | known.keys()}
        ran, said = self.ask.said(f"{name} @ {url}" for name, url in asked.items()) if asked else (None, ())
        if ran and ran.code:
            raise self._failure(ran)
        for name, needs in (known | {one.name: one.needs for one in said}).items():
            for own, wish in urls(needs, sources):
                what = f"{name} wants '{wish}', and '{own}' is bound to the index '{sources[own]}'"
                where = items_by_name(self.request, self.environment).get(name)
                hint = f"let {name} ask for a version of it, or take '{own}' out of 'packages' of that index"
                raise SolveError(what, where.where if where else Place(self.environment.path), hint)
        return (*before, *said)

    def _listed(self, path: Path, let: "_Let") -> Ran:
        loud = bool(self.given) or any("[" in root for root in self.request.roots)  # extras may be unknown
        self.ask.write(path.name, (f"{name}=={version}" for name, version in self.kept.versions.items()))
        shape = ["--no-header", "--annotation-style", "split", *(["--emit-index-annotation"] if let.sources else [])]
        asked = [*shape, *self._limits(let, ()), self._roots(let), "-o", path]
        return self.ask.compile(asked, loud=loud, said=let.said)

    def _roots(self, let: "_Let") -> Path:
        return self.ask.roots(map(self.kept.line, self.request.roots), let.sources)

    def _limits(self, let: "_Let", further: Iterable[str]) -> list[str | Path]:
        """Constraints, what conda brings among them, and overrides: also for what is left out."""
        places = wheels(self.ask.root, self.ask.folder, self.given)
        facts = [f"{name} @ {url_of(place)}" for name, place in places.items()]
        from packaging.requirements import Requirement

        lines = [one for one in self.request.constraints if normalise(Requirement(one).name) not in let.out]
        out = stubs(self.ask.root, self.ask.folder, let.out)
        overrides = [*self.request.overrides, *(f"{name} @ {url_of(place)}" for name, place in out.items())]
        overruled: list[str | Path] = ["--overrides", self.ask.write("overrides.txt", overrides)] if overrides else []
        return ["-c", self.ask.write("constraints.txt", [*lines, *facts, *further]), *overruled]

    def _packages(self, flat: Flat, let: "_Let") -> list[dict[str, Any]]:
        """The same answer with files and hashes."""
        path = self.ask.folder / "pylock.toml"
        pinned = (f"{name}=={version}" for name, version in flat.versions.items())
        asked = ["--format", "pylock.toml", *self._limits(let, pinned), self._roots(let), "-o", path]
        found = self._locked(asked, path, let)
        names = self._to_be_built(flat.versions) if not self.ask.builds else ()
        if not names:
            return found
        lines = [f"{name}=={flat.versions[name]}" for name in names]
        roots = self.ask.roots(lines, {name: one for name, one in let.sources.items() if name in names})
        built = self.ask.folder / "pylock.built.toml"
        wanted = self._locked(["--format", "pylock.toml", "--no-deps", roots, "-o", built], built, let, names)
        instead = {normalise(package["name"]): package for package in wanted}
        return [instead.get(normalise(package["name"]), package) for package in found]

    def _locked(
        self, arguments: list[str | Path], path: Path, let: "_Let", names: tuple[str, ...] = ()
    ) -> list[dict[str, Any]]:
        import tomllib

        ran = self.ask.compile(arguments, sources=names, said=let.said)
        if ran.code:
            raise self._failure(ran)
        packages: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get("packages", [])
        return packages

    def _to_be_built(self, versions: Mapping[str, str]) -> tuple[str, ...]:
        stated = self.request.no_binary
        names = versions if EVERY in stated else versions.keys() & set(map(normalise, stated))
        return tuple(sorted(names))

    def _refuse_strangers(self, flat: Flat, sources: Mapping[str, str]) -> None:
        for name, origin in strangers(flat, sources, self.request):
            where = self.environment.where_key("pip", "indexes", sources[name])
            what = f"'{name}' is bound to the index '{sources[name]}', and came from {origin}"
            raise SolveError(what, where, "take it out of what else offers it")

    def _failure(self, ran: Ran) -> SolveError:
        if self.ask.uv.origins.mirrors.turned(self.places, ran.heard):
            raise _Turned
        words = self.ask.members.told(ran.errors)
        return Failure(words, self.request, self.environment, self.ask.uv.origins, self.known(), self.given).told(
            self._newest
        )

    def _newest(self, name: str) -> str:
        """The newest version that the index has of a package, if it can be had at all."""
        return self.ask.newest([name]).get(normalise(name), "")

    def _made(self, packages: list[dict[str, Any]], flat: Flat) -> Pins:
        tags = ranks(self.ask.target, self.ask.python)
        reading = Reading(self.ask.root, tags, self.environment, self.ask.public)
        own = self.ask.members.by_name
        needed = flat.reached(name for name, _ in named(self.request.roots)) - {one.name for one in self.given}
        pins, members = [], []
        for package in packages:
            name = normalise(package["name"])
            depends = tuple(sorted(flat.edges.get(name, ())))
            if one := own.get(name):
                members.append(Member(one.path, name, str(package.get("version", one.version)), depends))
            elif name in needed:
                pins.append(reading.pin(name, package, depends))
        return Pins(self.request.platform, tuple(sorted(pins)), tuple(sorted(members)))
