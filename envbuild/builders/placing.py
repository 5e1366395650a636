"""Where the files of several packages come to lie in one prefix: none outside of it, and which in one place."""

import posixpath
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from envbuild.builders.packages import Entry
from envbuild.errors import BuildError
from envbuild.lock import Pin

_MOST_LINKS = 40
# Places that are written to when packages have been linked: folders, so a file in each stands for it.
_WRITTEN = ("conda-meta/history", "bin/any")


def site_packages(pins: Iterable[Pin]) -> str:
    """Where the Python among the packages looks for others; nothing without one."""
    python = next((pin for pin in pins if pin.name == "python"), None)
    if python is None:
        return ""
    return python.site or f"lib/python{'.'.join(python.version.split('.')[:2])}/site-packages"


def places(entry: Entry, site: str) -> Iterator[tuple[str, str]]:
    """Each path of a package where it comes to lie, and where it leads if it is a link."""
    brought = entry.content
    for path in brought.paths:
        first, _, rest = path.partition("/")
        moved = {"site-packages": site, "python-scripts": "bin"}.get(first) if brought.python and rest else None
        yield f"{moved}/{rest}" if moved else path, brought.links.get(path, "")
    for name in brought.commands:
        yield f"bin/{name}", ""


def clashes(entries: Sequence[Entry], site: str, *, more: bool) -> list[tuple[str, Pin, Pin]]:
    """Each path that two packages bring. What would be written through a link, out of the prefix, is refused.

    `more` says that others than packages will write into the prefix, wheels or commands: nobody knows where.
    """
    owners: dict[str, Pin] = {}
    links: dict[str, str] = {}
    found = []
    for entry in entries:
        for path, target in places(entry, site):
            if path in owners:
                found.append((path, owners[path], entry.pin))
            owners.setdefault(path, entry.pin)
            if target:
                links[path] = target
    refuse_files_as_folders({path: f"{pin.name} {pin.version}" for path, pin in owners.items()}, links)
    twice = {path for path, *_ in found}
    written = folders([*owners, *_WRITTEN, f"{site}/any"])
    for path in sorted(links if more else links.keys() & (written | twice)):
        if _leaves(path, links):
            what = f"{owners[path].name} {owners[path].version} brings '{path}', a link that leaves the prefix"
            raise BuildError(f"{what}, and other files would be written through it", hint="name another version of it")
    return found


def refuse_files_as_folders(owners: Mapping[str, str], links: Container[str]) -> None:
    """What one package has as a file, another cannot have as a folder: one of them would be lost."""
    for path in sorted(path for path in folders(owners) if path in owners and path not in links):
        one, other = owners[path], next(shown for below, shown in owners.items() if below.startswith(f"{path}/"))
        what = f"{one} brings a file '{path}', and {other} a folder of that name"
        raise BuildError(what, hint="name another version of one of them")


def folders(paths: Iterable[str]) -> set[str]:
    """Every folder on the way to a path."""
    found = {path.rpartition("/")[0] for path in paths}
    waiting = list(found)
    for folder in waiting:
        if (above := folder.rpartition("/")[0]) not in found:
            found.add(above)
            waiting.append(above)
    return found - {""}


def _leaves(path: str, links: Mapping[str, str]) -> bool:
    return resolved(path, links) is None


def resolved(path: str, links: Mapping[str, str]) -> str | None:
    """Where a path leads in the prefix, by whatever links it goes; nothing where that is out of it."""
    steps, waiting, seen = 0, [path], ""
    while waiting:
        part, _, rest = waiting.pop().partition("/")
        waiting += [rest] if rest else []
        here = posixpath.normpath(posixpath.join(seen, part))
        if here.startswith(".."):
            return None
        target = links.get(here)
        if target is None:
            seen = "" if here == "." else here
            continue
        steps += 1
        if target.startswith("/") or steps > _MOST_LINKS:
            return None
        waiting.append(target)
    return seen
