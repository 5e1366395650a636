"""Paths become names: the name of an environment is the path of its manifest.

A catalogue is a folder of manifests that are no project's own. Its files stand at `~NAME/…`, a place that no path which
is written in a manifest can lead to, and its environments are called `NAME/…`.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

from envbuild.errors import EnvbuildError, Place, Problems, ResolveError
from envbuild.globs import fixed_folder, matcher

FILE = "envbuild.yaml"
MANIFESTS = ("manifests/**/*.{yaml,yml}",)
TEMPLATES = ("templates",)
CURATED = "curated"
RESERVED = f"{CURATED}/"
LENT = "~"
DEFAULT = f"{RESERVED}minimal"


def name_of(path: str, pattern: str) -> str:
    """Below the glob's fixed folder, without extension, a last `environment` dropped, as a registry allows."""
    folder = fixed_folder(pattern)
    below = path.removeprefix(f"{folder}/") if folder else path
    parts = re.sub(r"\.ya?ml$", "", below).split("/")
    if parts[-1].lower() == "environment" and len(parts) > 1:
        parts = parts[:-1]
    name = "/".join(allowed_name(part) for part in parts)
    if not all(allowed_name(part) for part in parts):
        raise ResolveError("nothing of this file's path can name an environment", Place(path), "use letters and digits")
    return name


def allowed_name(part: str) -> str:
    """What a registry's repository may hold: letters, digits, and single separators between them."""
    folded = re.sub(r"[^a-z0-9._-]", "-", part.lower())
    return re.sub(r"[._-]+", _separator, folded).strip("._-")


def _separator(match: re.Match[str]) -> str:
    run = match[0]
    return run if run in {".", "_", "__"} or not run.strip("-") else "-"


def catalogue_of(path: str) -> str:
    """The catalogue that a file is of; nothing of the project's own files."""
    return path[len(LENT) :].partition("/")[0] if path.startswith(LENT) else ""


def qualified(name: str, path: str) -> str:
    """A name as a file says it: in a catalogue its own names are meant, and those of envbuild's."""
    own = catalogue_of(path)
    return f"{own}/{name}" if own and not name.startswith(RESERVED) else name


class Names(msgspec.Struct, frozen=True):
    """Name -> path for every manifest of a project; what is wrong with a name matters once it is asked for.

    `catalogues` are read when one of their names is asked for.
    """

    paths: dict[str, str]
    problems: dict[str, EnvbuildError]
    catalogues: Mapping[str, "Names"] = {}

    def path(self, name: str) -> str | None:
        if problem := self.problems.get(name):
            raise problem
        return self.paths.get(name) or self._lent(name)

    def _lent(self, name: str) -> str | None:
        of = self.lender(name)
        return self.catalogues[of].path(name) if of else None

    def lender(self, name: str) -> str:
        """The catalogue that a name says it is of."""
        of, slash, _ = name.partition("/")
        return of if slash and of in self.catalogues else ""

    def beside(self, name: str) -> Mapping[str, str]:
        """The names among which one was looked for."""
        of = self.lender(name)
        return self.catalogues[of].paths if of else self.paths


def lent(names: Names, catalogue: str, apart: frozenset[str] = frozenset()) -> Names:
    """The names of a catalogue's files as a project says them, without some that are not for it."""

    def said(name: str) -> str:
        return name if name.startswith(LENT) else f"{catalogue}/{name}"

    paths = {said(name): path for name, path in names.paths.items() if name not in apart}
    return Names(paths, {said(name): problem for name, problem in names.problems.items()})


def name_all(paths: Iterable[str], patterns: tuple[str, ...], catalogues: Mapping[str, Place | None] = {}) -> Names:
    """The first glob that matches a file names it; two files of one name are an error.

    `catalogues` have their names to themselves, each with the line that says so.
    """
    names: dict[str, str] = {}
    problems: dict[str, EnvbuildError] = {}
    for path in sorted(paths):
        pattern = next(pattern for pattern in patterns if matcher(pattern).fullmatch(path))
        try:
            name = name_of(path, pattern)
        except ResolveError as error:
            problems[path] = error
            continue
        if name.startswith(RESERVED):
            hint = "choose another: those under curated/ are envbuild's own"
            problems[name] = ResolveError(f"the name '{name}' is reserved", Place(path), hint)
        elif "/" in name and (of := name.partition("/")[0]) in catalogues:
            problems[name] = clash(name, of, Place(path), catalogues[of])
        elif name in names:
            hint = "rename one of the two"
            twice = ResolveError(f"'{names[name]}' is also named '{name}'", Place(path), hint)
            problems[name] = Problems([problems[name], twice]) if name in problems else twice
        else:
            names[name] = path
    return Names(names, problems)


def clash(name: str, catalogue: str, where: Place, stated: Place | None) -> Problems:
    """A name of the project's own that a catalogue has to itself, told at both lines."""
    what = f"'{catalogue}/' begins the names of a catalogue, and of '{name}'"
    mine = ResolveError(what, where, f"rename it, or the catalogue '{catalogue}'")
    return Problems([mine, ResolveError(what, stated or Place(FILE), f"rename the catalogue, or {where.path}")])
