"""The manifests of a project: each file read once, with everything it extends, and all that is wrong with it."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from envbuild.document import Document, parse
from envbuild.errors import EnvbuildError, Place, Problems
from envbuild.manifest import Manifest, Parent, manifest, parents
from envbuild.names import Names, catalogue_of, name_all
from envbuild.project.catalogues import Lending, stated_in
from envbuild.resolve import Family, parent_path
from envbuild.settings import Settings
from envbuild.workspace import Workspace

_MENTION = b"matrix"


class Files:
    """Reads on demand; what is wrong is kept, and told to who asked for the file, or for what extends or needs it."""

    def __init__(self, workspace: Workspace, project: Settings) -> None:
        self._workspace = workspace
        every = workspace.manifests(project.manifests, project.templates)
        found = [path for path in every if not path.rpartition("/")[2].startswith(".")]  # editors leave such files
        named = name_all(found, project.manifests, stated_in(project))
        self.names = Names(named.paths, named.problems, Lending(workspace))
        self.paths = dict(self.names.paths)  # and those of catalogues that were asked for
        self.by_path = {path: name for name, path in self.names.paths.items()}
        self.found: dict[str, Manifest] = {}
        self._bytes: dict[str, bytes] = {}
        self._documents: dict[str, Document] = {}
        self._broken: dict[str, EnvbuildError] = {}
        self._parents: dict[str, list[tuple[str, str, Place]]] = {}
        self._asked: set[str] = set()

    def admit(self, name: str) -> None:
        """A name or glob of a catalogue: what it may mean is as good as the project's own from now on."""
        of = self.names.lender(name)
        if not of or name in self.paths:
            return
        lent = self.names.catalogues[of]
        path = lent.path(name)
        meant = {name: path} if path else lent.paths
        self.paths |= meant
        self.by_path |= {path: name for name, path in meant.items()}
        self.__dict__.pop("may_have_cells", None)

    @property
    def family(self) -> Family:
        return Family(self.found, self.names, self._workspace.read)

    def documents(self) -> Iterator[Document]:
        """Every manifest of the project that could be parsed, and that has been asked for."""
        yield from (self._documents[path] for path in sorted(self._documents))

    def manifests(self) -> Iterator[Manifest]:
        yield from (self.found[path] for path in sorted(self.found))

    def extended(self, path: str) -> Iterator[tuple[str, Place]]:
        """The paths that a file extends, each with the line that says so; none of a file that was not read."""
        yield from ((parent, where) for parent, _, where in self._parents.get(path, ()))

    def with_parents(self, paths: Iterable[str]) -> set[str]:
        """These files and all that they extend, as far as they were read."""
        waiting = list(paths)
        met = set(waiting)
        while waiting:
            more = {parent for parent, _ in self.extended(waiting.pop())} - met
            met |= more
            waiting += more
        return met

    def told(self) -> list[EnvbuildError]:
        """What is wrong with files that were asked for, or that those extend or need."""
        return [error for path, error in self._broken.items() if path in self._asked]

    def start_over(self) -> None:
        """Another question: what was asked for until now is told no more."""
        self._asked = set()

    def ask(self, name: str) -> None:
        """Read a manifest and everything it extends, and be told what is wrong with any of it."""
        self._asked |= self._read_all(name)

    def _read_all(self, name: str) -> set[str]:
        """The paths of a manifest and of everything it extends, each read once."""
        path = self.paths[name]
        waiting, met = [(path, name, Place(path))], {path}
        while waiting:
            path, name, where = waiting.pop()
            if path not in self._parents:
                self._parents[path] = self._read(path, name, where)
            waiting += (parent for parent in self._parents[path] if parent[0] not in met)
            met |= {parent[0] for parent in self._parents[path]}
        return met

    def is_readable(self, name: str) -> bool:
        """A file that cannot be read has no cells; only who asks for its own name is told."""
        return not self._read_all(name) & self._broken.keys()

    @cached_property
    def may_have_cells(self) -> bool:
        """Whether any file speaks of a matrix, or of a parent's path: only then may names exist that no file has."""
        every = (self._data(path).replace(b"\x00", b"") for path in self.paths.values())
        return any(_MENTION in data or b".yaml" in data or b".yml" in data or b"./" in data for data in every)

    def _data(self, path: str, where: Place | None = None) -> bytes:
        if path not in self._bytes:
            try:
                self._bytes[path] = self._workspace.read(path, where)
            except EnvbuildError:
                if where:
                    raise
                return b""
        return self._bytes[path]

    def _read(self, path: str, name: str, where: Place) -> list[tuple[str, str, Place]]:
        """Read one file, and say which others it extends."""
        problems: list[EnvbuildError] = []
        found: list[tuple[str, str, Place]] = []
        try:
            document = self._documents.get(path) or parse(path, self._data(path, where))
            self._documents[path] = document
            for parent in parents(document.root):
                try:
                    found.append(self._parent(path, parent))
                except EnvbuildError as error:
                    problems.append(error)
            self.found[path] = manifest(name, document, self._workspace.read)
        except EnvbuildError as error:
            problems.append(error)
        if problems:
            self._broken[path] = Problems(problems)
        return found

    def _parent(self, child: str, parent: Parent) -> tuple[str, str, Place]:
        path = parent_path(child.rpartition("/")[0], parent, self.names)
        return path, self.called(path), parent.where

    def called(self, path: str) -> str:
        """A file that no name leads to is called by its path."""
        of = catalogue_of(path)
        if path in self.by_path or not of:
            return self.by_path.get(path, path)
        lent = self.names.catalogues[of].paths
        return next((name for name, there in lent.items() if there == path), path)
