"""Files that stay where they are get globs that find exactly them, and the names that those give them."""

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from envbuild.errors import EnvbuildError, Place, ResolveError
from envbuild.globs import matcher
from envbuild.names import RESERVED, name_of

_SPECIAL = re.compile(r"[*?\[\]{},]|^~")
_ALTERNATIVES = 50
_FEW = 3
_ODD = "its name holds signs of a glob, and the glob that finds it finds other files, too"

Matched = Callable[[str], list[str]]


class Placed(msgspec.Struct, frozen=True):
    """The globs, the name of each file by its path, and why a file has none."""

    globs: tuple[str, ...]
    names: dict[str, str]
    nameless: dict[str, EnvbuildError]


def place(paths: Sequence[str], before: Sequence[str], taken: Iterable[str], matched: Matched) -> Placed:
    """`before` are the globs that come first; what they match has its name in `taken` already.

    Files whose short names clash are named by their whole path; where even that is one name, the first has it.
    """
    taken = set(taken)
    globs = list(_globs(paths, matched))
    named = dict(_named(paths, (*before, *globs)))
    held: dict[str, list[str]] = defaultdict(list)
    for path, name in named.items():
        held[name].append(path)
    clashing = {path for name, those in held.items() if len(those) > 1 or name in taken for path in those}
    if clashing:
        rest = [path for path in paths if path not in clashing]
        globs = [*_whole_paths([path for path in paths if path in clashing]), *_globs(rest, matched)]
    return _placed(paths, before, globs, taken, matched)


def _placed(paths: Sequence[str], before: Sequence[str], globs: list[str], taken: set[str], matched: Matched) -> Placed:
    named = dict(_named(paths, (*before, *globs)))
    names: dict[str, str] = {}
    nameless: dict[str, EnvbuildError] = {}
    for path in paths:
        if why := _complaint(named.get(path), taken | set(names.values())):
            nameless[path] = ResolveError(why, Place(path), "rename it")
        else:
            names[path] = named[path]
    if not nameless and not _finds_others(globs, paths, matched):
        return Placed(tuple(globs), names, {})
    odd = [] if nameless else [path for path in paths if _SPECIAL.search(path)]
    nameless |= {path: ResolveError(_ODD, Place(path), "rename it") for path in odd}
    again = place([path for path in paths if path not in nameless], before, taken, matched)
    return Placed(again.globs, again.names, {**nameless, **again.nameless})


def _finds_others(globs: Iterable[str], paths: Sequence[str], matched: Matched) -> bool:
    """Only a sign that stands for any character can find what was not meant."""
    if not any(_SPECIAL.search(path) for path in paths):
        return False
    return bool({path for glob in globs for path in matched(glob)} - set(paths))


def _complaint(name: str | None, taken: set[str]) -> str:
    if not name:
        return "nothing of this file's path can name an environment"
    if name.startswith(RESERVED):
        return f"the name '{name}' is reserved"
    return f"another file is named '{name}' already" if name in taken else ""


def _named(paths: Iterable[str], globs: Sequence[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        glob = next((glob for glob in globs if matcher(glob).fullmatch(path)), None)
        try:
            if glob:
                yield path, name_of(path, glob)
        except EnvbuildError:
            continue


def _globs(paths: Sequence[str], matched: Matched) -> Iterator[str]:
    """`services/*/environment.yml` and `envs/*.yml` where they find nothing else, else one file after the other."""
    company = defaultdict(list)
    for path in paths:
        company[posixpath.dirname(path)].append(path)
    groups: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        folder, file = posixpath.split(path)
        stem, ending = posixpath.splitext(file)
        if folder and stem.lower() == "environment" and len(company[folder]) == 1:
            groups[posixpath.join(posixpath.dirname(folder), "*", file)].append(path)
        elif len(company[folder]) > 1:
            groups[posixpath.join(folder, f"*{ending}")].append(path)
        else:
            groups[path].append(path)
    for glob, found in groups.items():
        yield from _exactly(glob, found, matched)


def _exactly(glob: str, paths: list[str], matched: Matched) -> Iterator[str]:
    folder, file = posixpath.split(glob)
    plain = not _SPECIAL.search(glob.replace("*", "", 1))
    if folder and glob != paths[0] and plain and matched(glob) == sorted(paths):
        yield glob
    elif folder == "*" or folder.endswith("/*"):
        above = posixpath.dirname(folder)
        for some in _chunks([_plain(posixpath.basename(posixpath.dirname(path))) for path in paths]):
            yield posixpath.join(_plain(above), f"{{{','.join(some)}}}", _plain(file))
    elif len(paths) > _FEW:
        ending = posixpath.splitext(file)[1]
        for some in _chunks([_plain(posixpath.basename(path).removesuffix(ending)) for path in paths]):
            yield posixpath.join(_plain(folder), f"{{{','.join(some)}}}{ending}")
    else:
        yield from map(_plain, paths)


def _whole_paths(paths: list[str]) -> Iterator[str]:
    """A glob with nothing before its first wildcard leaves nothing out of names."""
    for some in _chunks([_plain(path) for path in paths]):
        yield f"{{{','.join(some)}}}"


def _chunks(texts: list[str]) -> Iterator[list[str]]:
    yield from (texts[at : at + _ALTERNATIVES] for at in range(0, len(texts), _ALTERNATIVES))


def _plain(path: str) -> str:
    """A path as a glob: what would be a sign stands for any character."""
    return _SPECIAL.sub("?", path)
