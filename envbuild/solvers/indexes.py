"""`pip.indexes`: names that come from one index of their own, and from nowhere else (DECISIONS 19).

uv binds a name to an index only where the name is asked for directly: each is, and what nothing reaches is dropped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from envbuild.errors import EnvbuildError, Place, SolveError
from envbuild.lock import Bound, Request
from envbuild.manifest import Item, asked_member, is_nameless, normalise
from envbuild.process import toml
from envbuild.resolve import Environment, Packages
from envbuild.solvers.answers import Flat
from envbuild.solvers.origins import Origins, public_url
from envbuild.solvers.pages import Pages
from envbuild.solvers.provided import Given

ROOTS = "envbuild-roots"  # what uv is told that the project is called


def bound(request: Request, given: Iterable[Given]) -> dict[str, str]:
    """Name -> its index, as the manifest calls it; not what conda brings, nor what names its own file."""
    elsewhere = {one.name for one in given} | {name for name, root in named(request.roots) if has_source(root)}
    return {name: index for name, index in owners(request.indexes).items() if name not in elsewhere}


def owners(indexes: Mapping[str, Bound]) -> dict[str, str]:
    """Each bound name with its index, as the manifest calls it."""
    return dict(sorted((normalise(name), index) for index, one in indexes.items() for name in one.packages))


def named(roots: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each root with the name that it asks for; of a folder or a URL it may not be known."""
    from packaging.requirements import Requirement

    for root in roots:
        member = asked_member(root)
        if member or is_nameless(root):
            yield member.name if member else "", root
        else:
            yield normalise(Requirement(root).name), root


def has_source(root: str) -> bool:
    """Whether it says where it comes from itself."""
    return asked_member(root) is not None or " @ " in root


def problems(request: Request, environment: Environment) -> Iterator[EnvbuildError]:
    """What would leave it open where a name comes from."""
    known: dict[str, str] = {}
    for index, one in request.indexes.items():
        where = environment.where_key("pip", "indexes", index)
        for name in map(normalise, one.packages):
            if known.setdefault(name, index) != index:
                what = f"'{name}' is bound to two indexes, '{known[name]}' and '{index}'"
                yield SolveError(what, where, "name it under one of them")
    overrides = {normalise(item.name): item for one in environment.overrides.every for item in one.items}
    for name in sorted(known.keys() & overrides.keys()):
        what = f"'{name}' is bound to the index '{known[name]}', and an override would come from any"
        yield SolveError(what, overrides[name].where, "ask for its version under 'dependencies', or unbind it")
    limits = (item for packages in (environment.limits, environment.constraints) for item in _items(packages))
    for item in limits:
        if item.url and (name := normalise(item.name)) in known:
            what = f"'{name}' is bound to the index '{known[name]}', and a constraint would have it from a URL"
            yield SolveError(what, item.where, "keep to versions in it, or unbind it")


def _items(packages: Packages) -> Iterator[Item]:
    return (item for package in packages.every for item in package.items)


def project(indexes: Mapping[str, Bound], lines: Sequence[str], sources: Mapping[str, str], origins: Origins) -> str:
    """The roots as a pyproject.toml, which is where uv reads which name is of which index."""
    used = {index: indexes[index] for index in sorted(set(sources.values()))}
    names = {index: plain_name(index) for index in used}
    asked = dict(named(lines))
    wanted = [*lines, *(name for name in sources if name not in asked)]
    return "\n".join(
        [
            f'[project]\nname = "{ROOTS}"\nversion = "0"',
            f"dependencies = [{', '.join(map(toml, wanted))}]",
            "[tool.uv.sources]",
            *(f"{toml(name)} = {{ index = {toml(names[index])} }}" for name, index in sources.items()),
            *(_index(names[index], origins.carried(one.url)) for index, one in used.items()),
            "",
        ]
    )


def plain_name(index: str) -> str:
    """A name as uv takes it; the variables with its credentials are called by it."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", index)


def _index(name: str, url: str) -> str:
    return f"[[tool.uv.index]]\nname = {toml(name)}\nurl = {toml(url)}\nexplicit = true"


def sent_on(pages: Pages, name: str, index: str, url: str, where: Place | None) -> Iterator[EnvbuildError]:
    """An index that has another server answer for a name is asked for nothing more."""
    if elsewhere := pages.sent_on(plain_name(index), url, name):
        server = "://".join(urlsplit(elsewhere)[:2])
        what = f"'{name}' is bound to the index '{index}', which sends it on to {server}"
        yield SolveError(what, where, "put it there, or bind it to the index that has it")


def denied(pages: Pages, name: str, index: str, url: str, file: str, where: Place | None) -> Iterator[EnvbuildError]:
    """A file that has come for a bound name, and that its index does not offer by itself."""
    if why := pages.denies(plain_name(index), url, name, file):
        what = f"'{name}' is bound to the index '{index}', which does not offer {public_url(file)}: {why}"
        yield SolveError(what, where, "try again; if it stays so, ask who keeps that index where it has its files from")


def strangers(flat: Flat, sources: Mapping[str, str], request: Request) -> Iterator[tuple[str, str]]:
    """Names that came from elsewhere than their own index, each with that place; there should be none, ever."""
    for name in sorted(sources.keys() & (flat.versions.keys() | flat.urls.keys())):
        origin = flat.urls.get(name) or flat.origins.get(name, "nowhere that is known")
        if origin.rstrip("/") != request.indexes[sources[name]].url.rstrip("/"):
            yield name, origin
