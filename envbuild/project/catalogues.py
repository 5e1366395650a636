"""Catalogues: manifests that are no project's own, in envbuild itself, in a folder, or in git at one commit."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from envbuild.document import Mapping as Node
from envbuild.errors import Place, SettingsError
from envbuild.globs import fixed_folder
from envbuild.machine import cache_folder
from envbuild.names import CURATED, FILE, LENT, MANIFESTS, Names, lent, name_all
from envbuild.project.settled import read_settings
from envbuild.project.shipped import shipped
from envbuild.settings import Settings
from envbuild.settings.catalogues import Catalogue
from envbuild.workspace import Lent, Workspace

if TYPE_CHECKING:
    from envbuild.process import Programs

_EVERY = ("**/*.{yaml,yml}",)
_APART = frozenset({"quickstart"})  # the first environment of this repository's own project
_CLOSED = (".git", ".envbuild", "locks")


def lent_to(
    root: Path, settings: Callable[[], Settings], host: Mapping[str, str], programs: "Programs | None" = None
) -> Lent:
    """Every catalogue of a project; what is in git is fetched when it is first asked for, if programs may be run."""

    def opened(name: str) -> Path:
        stated = settings().catalogues.get(name)
        said = settings().body.get("catalogues")
        entry = said.entries.get(name) if isinstance(said, Node) else None
        where = entry.value.place if entry else None
        if stated is None:
            return shipped("manifests")
        if isinstance(stated, str):
            return _folder(root, stated, where)
        return _fetched(stated, where, host, programs)

    return Lent(lambda: stated_in(settings()), opened)


def stated_in(settings: Settings) -> dict[str, Place | None]:
    """The names of catalogues, each with the line that says so; envbuild's own is said nowhere."""
    return {CURATED: None, **{name: settings.place_in("catalogues", name) for name in settings.catalogues}}


def _folder(root: Path, stated: str, where: Place | None) -> Path:
    folder = root / stated
    if not folder.is_dir():
        known = folder.exists()
        what = f"'{stated}' is no folder" if known else f"there is no folder '{stated}'"
        raise SettingsError(what, where, "name a folder" if known else "check the path's spelling")
    return folder


def _fetched(stated: Catalogue, where: Place | None, host: Mapping[str, str], programs: "Programs | None") -> Path:
    from envbuild.workspace.fetching import Fetching, Repository, kept  # nobody who waits at a prompt needs it

    wanted = Repository(stated.git or "", stated.commit or "", stated.path or "", where)
    if programs:
        return Fetching(programs, host, cache_folder(host)).fetched(wanted)
    if found := kept(cache_folder(host), wanted):
        return found
    raise SettingsError(f"{wanted.url} is not fetched yet", where, "run 'envbuild list --curated'")


class Lending(Mapping[str, Names]):
    """The names of each catalogue, read when one of them is asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[str, Names] = {}

    def __getitem__(self, name: str) -> Names:
        if name not in self._known:
            self._workspace.lent[name]  # what is wrong with the whole of it is told first
            self._known[name] = _names(self._workspace, name)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._workspace.lent

    def __iter__(self) -> Iterator[str]:
        return iter(self._workspace.lent)

    def __len__(self) -> int:
        return len(self._workspace.lent)


def _names(workspace: Workspace, catalogue: str) -> Names:
    """By the globs of its own settings, where it is a project; else each of its files is named by its path."""
    root = f"{LENT}{catalogue}"
    settings = read_settings(workspace, f"{root}/{FILE}")
    every = settings.body.get("manifests") is None and not workspace.is_folder(f"{root}/{fixed_folder(MANIFESTS[0])}")
    patterns = tuple(f"{root}/{one}" for one in (_EVERY if every else settings.manifests))
    closed = tuple(f"{root}/{one}" for one in (*_CLOSED, *(settings.templates if not every else ())))
    found = [path for path in workspace.manifests(patterns, closed) if path.rpartition("/")[2][0] != "."]
    names = name_all([path for path in found if path != f"{root}/{FILE}"], patterns)
    return lent(names, catalogue, _APART if catalogue == CURATED else frozenset())
