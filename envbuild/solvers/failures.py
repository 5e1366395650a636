"""What uv says when it fails, told as a problem of the manifest: where, what, how; below it uv's own words."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from envbuild.errors import Place, SolveError
from envbuild.lock import Request
from envbuild.manifest import Item, normalise
from envbuild.resolve import Environment
from envbuild.solvers.case import NAME, Case, items_by_name
from envbuild.solvers.fetching import BUILT, unfetched
from envbuild.solvers.names import meant
from envbuild.solvers.origins import Origins
from envbuild.solvers.provided import Given

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

_UNKNOWN = re.compile(rf"(?P<name>{NAME}) was not found in the (?:package registry|provided package locations|cache)")
_NO_VERSION = re.compile(
    rf"Because (?:there (?:is|are) no versions? of|only(?: the following versions of)?) (?P<name>{NAME})"
    r"(?P<rest>(?:(?!we can conclude|depend).)*)we can conclude that your requirements"
)
_PYTHON = re.compile(
    r"(?:requested|current) Python version \((?P<python>[^)]*)\) does not satisfy Python(?P<wanted>\S+) and "
    rf"(?:all versions of )?(?P<name>{NAME})(?:==(?P<version>\S+))? depends? on Python"
)
_NO_FILE = re.compile(rf"(?P<name>{NAME})==(?P<version>\S+) has no (?:usable )?wheels")
_FILES = re.compile(r"Wheels are available .* on the following platforms?: (?P<platforms>.+)")
_EXTRA = re.compile(
    rf"The package `(?P<name>{NAME})(?:==(?P<version>\S+?)| @ \S+)?` does not have an extra named `(?P<extra>\S+)`"
)
_DEPENDS = re.compile(
    rf"(?P<who>{NAME})(?P<at>[=<>!~][^ ]*)? depends? on (?P<name>{NAME})(?P<wish>[=<>!~][\w.*+!,=<>~]*)"
)
_NO_SOURCE = re.compile(rf"(?P<name>{NAME})(?:==(?P<version>\S+))? has no source distribution")


def unknown_extras(told: str, request: Request, environment: Environment) -> Iterator[SolveError]:
    """Extras that the manifest itself asks for and that are none: uv warns of them, and leaves them out."""
    items = items_by_name(request, environment)
    for found in _EXTRA.finditer(told):
        item = items.get(normalise(found["name"]))
        if item and found["extra"] in map(normalise, item.extras):
            what = f"{item.name or item.path} {found['version'] or ''}".rstrip() + f" has no extra '{found['extra']}'"
            yield SolveError(what, item.where, "remove it, or mend its spelling")


def without_extras(told: str, given: Iterable[Given]) -> set[str]:
    """The distributions of conda's that something asks for with an extra."""
    return {normalise(found["name"]) for found in _EXTRA.finditer(told)} & {one.name for one in given}


class Failure(Case):
    """One failed question: what was asked, and what uv wrote."""

    def __init__(
        self,
        errors: str,
        request: Request,
        environment: Environment,
        origins: Origins,
        known: Iterable[str],
        given: Iterable[Given] = (),
    ) -> None:
        super().__init__(errors, request, environment, origins)
        self._known = known
        self._given = {one.name: one for one in given}

    def told(self, newest: Callable[[str], str]) -> SolveError:
        """`newest` gives the newest version that the index has of a package, where one is asked for that is not."""
        return (
            unfetched(self)
            or self._unknown()
            or self._brought()
            or self._no_source()
            or self._no_version(newest)
            or self._other_python()
            or self._no_file()
            or self._contradiction()
        )

    def _unknown(self) -> SolveError | None:
        found = _UNKNOWN.search(self.text)
        if not found:
            return None
        name = normalise(found["name"])
        near = meant(name, self._known)
        hint = f"did you mean '{near}'?" if near else "check the spelling of its name, and which index has it"
        own = self.own_index(name)
        if own and not near:
            asks = f"whether '{own}' wants a user and a password: 'secrets' in envbuild.yaml may name them"
            hint = f"check its spelling, and {asks}"
        what = f"no package is named '{name}' in {self.index(name)}"
        if own and name not in self.roots:
            built = BUILT.search(self.text)
            what += f": {normalise(built['name'])} asks for it while it is built" if built else ""
            return SolveError(what, self.environment.where_key("pip", "indexes", own), hint)
        if item := self.roots.get(name):
            return SolveError(what, item.where, hint)
        root = self.required()
        asking = f": {_asking(name, self.text) or 'another package'} asks for it"
        where = root.where if root else Place(self.environment.path)
        return SolveError(self.with_words(f"{what}{asking}"), where, hint if near else _hint_of(root))

    def _brought(self) -> SolveError | None:
        """What a package, or a constraint, wants of a distribution that is conda's in another version."""
        for found in _DEPENDS.finditer(self.text):
            one = self._given.get(normalise(found["name"]))
            if one and not _specifiers(found["wish"]).contains(one.version, prereleases=True):
                return self._unlike(one, found["who"], found["wish"].rstrip(","))
        limited = (one for name, one in self._given.items() if name in self.text and self._limit(one))
        return next((self._unlike(one, "", "") for one in limited), None)

    def _limit(self, one: Given) -> Item | None:
        """A constraint of the manifest that conda's version does not meet."""
        return next(
            (
                item
                for item in self._limits(one.name)
                if not _specifiers(item.specifier).contains(one.version, prereleases=True)
            ),
            None,
        )

    def _unlike(self, one: Given, who: str, wish: str) -> SolveError:
        if limit := self._limit(one):
            what = f"conda brings {one.name} {one.version}, and '{limit.text}' is asked for"
            where, wish = limit.where, wish or limit.specifier
        else:
            root = self.roots.get(normalise(who)) or self.required()
            what = f"conda brings {one.name} {one.version}, and {who} wants {one.name}{wish}"
            where = root.where if root else Place(self.environment.path)
        other = f"'{one.package} {wish}' under 'dependencies', or PyPI: '{one.name}{wish}' under '- pip:'"
        hint = f"ask conda for another: {other}"
        return SolveError(self.with_words(what), where, hint)

    def _limits(self, name: str) -> list[Item]:
        found = (self.environment.limits, self.environment.constraints, self.environment.overrides)
        items = (item for packages in found for package in packages.on(self.request.platform) for item in package.items)
        return [item for item in items if item.manager == "pip" and normalise(item.name) == name]

    def _no_source(self) -> SolveError | None:
        found = _NO_SOURCE.search(self.text)
        if not found:
            return None
        name = normalise(found["name"])
        shown = f"{name} {found['version'] or ''}".strip()
        what = f"{shown} has no source, and 'no_binary' asks for it to be built from one"
        where = self.environment.where("pip", "no_binary")
        return SolveError(self.with_words(what), where, "name in it only what has one, or ask for another version")

    def _no_version(self, newest: Callable[[str], str]) -> SolveError | None:
        """What the manifest itself asks for, and no version of it is."""
        found = _NO_VERSION.search(self.text)
        item = self.roots.get(normalise(found["name"])) if found and "you require" in found["rest"] else None
        if not item:
            return None
        version = newest(item.name)
        hint = f"the newest is {version}" if version else "ask for a version that there is"
        return SolveError(f"{item.name} has no version {item.wish} in {self.index(item.name)}", item.where, hint)

    def _other_python(self) -> SolveError | None:
        found = _PYTHON.search(self.text)
        if not found:
            return None
        python, name = found["python"].removeprefix(">="), normalise(found["name"])
        item = self.roots.get(name) or self.required()
        what = f"{name} {found['version'] or ''}".strip() + f" needs Python {found['wanted']}, and {python} is locked"
        where = item.where if item else Place(self.environment.path)
        return SolveError(self.with_words(what), where, "ask for another version of it, or of python")

    def _no_file(self) -> SolveError | None:
        found = _NO_FILE.search(self.text)
        if not found:
            return None
        item = self.roots.get(normalise(found["name"])) or self.required()
        there = _FILES.search(self.text)
        others = f": there are wheels for {there['platforms'].replace('`', '')}" if there else ""
        hint = f"ask for another version, or take the platform out of 'platforms'{others}"
        where = item.where if item else Place(self.environment.path)
        what = f"{found['name']} {found['version']} has no wheel for {self.request.platform}"
        return SolveError(self.with_words(what), where, hint)

    def _contradiction(self) -> SolveError:
        """All lines that asked for what uv names."""
        named = [item for name, item in self.roots.items() if _names(name, self.text)]
        lines = ", ".join(f"{item.name} {item.wish} at {item.where}" for item in named)
        where = named[0].where if named else Place(self.environment.path)
        hint = f"ask for less in one of: {lines}" if lines else "look at what uv says above"
        return SolveError(self.with_words(f"no set of packages fits on {self.request.platform}"), where, hint)


def _specifiers(text: str) -> "SpecifierSet":
    """As many of the clauses as stand whole in a sentence of uv's."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(text.rstrip(","))
    except InvalidSpecifier:
        return SpecifierSet()


def _asking(name: str, text: str) -> str:
    """Who depends on a package, by uv's account."""
    found = re.search(rf"(?:all versions of )?({NAME})(?:==\S+)? depends? on {re.escape(name)}(?![\w-])", text)
    return found[1] if found else ""


def _hint_of(root: Item | None) -> str:
    if root is None:
        return "name the index that has it"
    return f"ask for another version of {root.name}, or name the index that has what it needs"


def _names(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None
