"""From names to environments: reads the files that are asked for and what they extend, and nothing else."""

from collections.abc import Collection, Iterable

import msgspec

from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place, Problems, UsageError, raise_all
from envbuild.globs import is_glob, matcher
from envbuild.manifest import Manifest, Parent, manifest, parents
from envbuild.resolve import Environment, Family, Names, name_all, parent_path, resolve
from envbuild.settings import FILE, Settings, settings
from envbuild.shape import nearest
from envbuild.workspace import Workspace


class Selection(msgspec.Struct, frozen=True):
    """What a command was asked for: names and globs; none means everything."""

    patterns: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        return not self.patterns


def read_settings(workspace: Workspace) -> Settings:
    if not workspace.exists(FILE):
        return Settings()
    return settings(parse(FILE, workspace.read(FILE)))


class Reader:
    """Reads each file once, however many environments need it."""

    def __init__(self, workspace: Workspace, project: Settings) -> None:
        self._workspace = workspace
        self._settings = project
        found = workspace.manifests(project.manifests, project.templates)
        self.names: Names = name_all(found, project.manifests)
        self._by_path = {path: name for name, path in self.names.paths.items()}
        self._manifests: dict[str, Manifest] = {}
        self._broken: dict[str, EnvbuildError] = {}

    def environments(self, selection: Selection, platform: str) -> tuple[Environment, ...]:
        """What is selected, complete and typed; all that is wrong with it is raised together."""
        wanted, misnamed = self._wanted(selection)
        for name in wanted:
            self._read_family(name)
        raise_all([*misnamed, *self._broken.values()])
        family = Family(self._manifests, self.names)
        manifests = [family.manifests[self.names.paths[name]] for name in wanted]
        self._refuse_abstract(manifests, selection)
        return resolve([one for one in manifests if not one.abstract], family, self._settings, platform)

    def _wanted(self, selection: Selection) -> tuple[list[str], list[EnvbuildError]]:
        """The names that are asked for, and what is wrong with them as names."""
        every = {**self.names.paths, **self.names.problems}
        chosen = set(every)
        if not selection.everything:
            chosen = {name for pattern in selection.patterns for name in self._matching(pattern, every)}
        problems = [self.names.problems[name] for name in chosen & self.names.problems.keys()]
        return sorted(chosen & self.names.paths.keys()), problems

    def _matching(self, pattern: str, every: Collection[str]) -> Iterable[str]:
        if pattern in every:
            return [pattern]
        if not is_glob(pattern):
            raise UsageError(f"no environment is named '{pattern}'", hint=nearest(pattern, self.names.paths))
        match = matcher(pattern).fullmatch
        if found := [name for name in every if match(name)]:
            return found
        raise UsageError(f"no environment matches '{pattern}'", hint=nearest(pattern, self.names.paths))

    def _refuse_abstract(self, manifests: list[Manifest], selection: Selection) -> None:
        for one in manifests:
            if one.abstract and one.name in selection.patterns:
                raise UsageError(
                    f"'{one.name}' is abstract: it is only extended, never built", one.place, "ask for what extends it"
                )

    def _read_family(self, name: str) -> None:
        """Read a manifest and everything it extends; what is wrong is kept until all is read."""
        path = self.names.paths[name]
        waiting = [(path, name, Place(path))]
        while waiting:
            path, name, where = waiting.pop()
            if path not in self._broken and path not in self._manifests:
                waiting += self._read(path, name, where)

    def _read(self, path: str, name: str, where: Place) -> list[tuple[str, str, Place]]:
        """Read one file, and say which others it extends."""
        problems: list[EnvbuildError] = []
        found: list[tuple[str, str, Place]] = []
        try:
            document = parse(path, self._workspace.read(path, where))
            for parent in parents(document.root):
                try:
                    found.append(self._parent(path, parent))
                except EnvbuildError as error:
                    problems.append(error)
            self._manifests[path] = manifest(name, document, self._workspace.read)
        except EnvbuildError as error:
            problems.append(error)
        if problems:
            self._broken[path] = Problems(problems)
        return found

    def _parent(self, child: str, parent: Parent) -> tuple[str, str, Place]:
        path = parent_path(child.rpartition("/")[0], parent, self.names)
        return path, self._by_path.get(path, path), parent.where
