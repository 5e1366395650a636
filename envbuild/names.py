"""Paths become names: the name of an environment is the path of its manifest."""

import re
from collections.abc import Iterable

import msgspec

from envbuild.errors import EnvbuildError, Place, Problems, ResolveError
from envbuild.globs import fixed_folder, matcher

FILE = "envbuild.yaml"
MANIFESTS = ("manifests/**/*.{yaml,yml}",)
TEMPLATES = ("templates",)
RESERVED = "curated/"


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


class Names(msgspec.Struct, frozen=True):
    """Name -> path for every manifest of a project; what is wrong with a name matters once it is asked for."""

    paths: dict[str, str]
    problems: dict[str, EnvbuildError]

    def path(self, name: str) -> str | None:
        if problem := self.problems.get(name):
            raise problem
        return self.paths.get(name)


def name_all(paths: Iterable[str], patterns: tuple[str, ...]) -> Names:
    """The first glob that matches a file names it; two files of one name are an error."""
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
        elif name in names:
            hint = "rename one of the two"
            twice = ResolveError(f"'{names[name]}' is also named '{name}'", Place(path), hint)
            problems[name] = Problems([problems[name], twice]) if name in problems else twice
        else:
            names[name] = path
    return Names(names, problems)
