"""From names to environments: what is asked for, what that needs, and nothing else."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place, ResolveError, UsageError, raise_all
from envbuild.globs import is_glob, matcher
from envbuild.names import FILE
from envbuild.project.files import Files
from envbuild.resolve import Candidates, Environment, Link, Resolved, link, needs, resolve
from envbuild.settings import Settings, settings
from envbuild.shape import nearest
from envbuild.workspace import Workspace


class Selection(msgspec.Struct, frozen=True):
    """What a command was asked for: names, globs, groups and tags; nothing means everything."""

    patterns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def everything(self) -> bool:
        return not self.patterns and not self.tags


def read_settings(workspace: Workspace) -> Settings:
    if not workspace.exists(FILE):
        return Settings()
    return settings(parse(FILE, workspace.read(FILE)))


class Reader:
    """Finds what a selection means, resolves it, and tells all that is wrong with it together."""

    def __init__(self, workspace: Workspace, project: Settings) -> None:
        self.files = Files(workspace, project)
        self._paths = self.files.names.paths
        self._misnamed = self.files.names.problems
        self._settings = project

    def environments(self, selection: Selection, platform: str) -> tuple[Environment, ...]:
        """What is selected, complete and typed; all that is wrong with it is raised together."""
        return self.linked(selection, platform)[0]

    def linked(self, selection: Selection, platform: str) -> tuple[tuple[Environment, ...], list[Link]]:
        """What is selected, and which environments are built from which."""
        files, problems = self._selected(selection)
        for name in files:
            self.files.ask(name)
        self._refuse_abstract(files, selection)
        resolved = self._resolve(files, platform)
        wanted = self._chosen(resolved.environments, selection, certain=not (problems or self.files.told()))
        every = self._with_needed(resolved, files, platform, problems)
        links, wrong = link(wanted, self._candidates(every))
        own = self._concerning(resolved, wanted, selection)
        raise_all([*problems, *self.files.told(), *own, *wrong, *self._clashes(wanted)])
        names = {one.name for one in wanted}
        return wanted, [one for one in links if one.environment in names]

    def _resolve(self, files: Iterable[str], platform: str) -> Resolved:
        """What can be read with all that it extends; what cannot is told beside it."""
        manifests = [self.files.found[self._paths[name]] for name in files if self.files.is_readable(name)]
        return resolve([one for one in manifests if not one.abstract], self.files.family, self._settings, platform)

    def _with_needed(
        self, resolved: Resolved, files: list[str], platform: str, problems: list[EnvbuildError]
    ) -> list[Environment]:
        """What is selected is built from others; those and what they need are read as well."""
        every = list(resolved.environments)
        read = set(files)
        waiting = list(every)
        while waiting:
            mentioned = {need.name for one in waiting for need in needs(one)} - {one.name for one in every}
            more = sorted({file for name in mentioned for file in self._files_for(name)} - read)
            for name in more:
                self.files.ask(name)
            read.update(more)
            found = self._resolve(more, platform)
            problems += (wrong.error for wrong in found.problems)
            waiting = list(found.environments)
            every += waiting
        return every

    def _candidates(self, every: Iterable[Environment]) -> Candidates:
        by_manifest: dict[str, tuple[Environment, ...]] = {}
        for one in every:
            file = self.files.by_path[one.path]
            by_manifest[file] = (*by_manifest.get(file, ()), one)
        abstract = frozenset(self.files.by_path.get(one.path, "") for one in self.files.found.values() if one.abstract)
        return Candidates(
            by_name={one.name: one for one in every},
            by_manifest=by_manifest,
            abstract=abstract,
            known=frozenset(self._paths) - abstract,
        )

    def _files_for(self, name: str) -> list[str]:
        """The manifests that a name may come from: its own, else any whose cells may be named so."""
        if name in self._paths:
            return [name]
        every = sorted(self._paths) if self.files.may_have_cells else []
        return [file for file in every if self.files.is_readable(file)]

    def _selected(self, selection: Selection) -> tuple[list[str], list[EnvbuildError]]:
        """The manifests to read, and what is wrong with their names."""
        every = {**self._paths, **self._misnamed}
        chosen = set(every)
        if selection.patterns:
            chosen = {name for pattern in self._patterns(selection) for name in self._matching(pattern, every)}
        problems = [self._misnamed[name] for name in chosen & self._misnamed.keys()]
        return sorted(chosen & self._paths.keys()), problems

    def _patterns(self, selection: Selection) -> Iterator[str]:
        """The names and globs of a selection; `@NAME` stands for those of a group."""
        for pattern in selection.patterns:
            if not pattern.startswith("@"):
                yield pattern
            elif group := self._settings.groups.get(pattern[1:]):
                yield from group
            else:
                known = nearest(pattern[1:], self._settings.groups)
                raise UsageError(f"no group is named '{pattern[1:]}'", hint=known)

    def _matching(self, pattern: str, every: Collection[str]) -> Iterable[str]:
        """The files that a name or glob may mean; where cells may be meant, all that can be read."""
        if pattern in every:
            return [pattern]
        match = matcher(pattern).fullmatch
        if self.files.may_have_cells:
            return [name for name in every if match(name) or (name in self._paths and self.files.is_readable(name))]
        if not is_glob(pattern):
            raise UsageError(f"no environment is named '{pattern}'", hint=nearest(pattern, self._paths))
        if found := [name for name in every if match(name)]:
            return found
        raise UsageError(f"no environment matches '{pattern}'", hint=nearest(pattern, self._paths))

    def _chosen(
        self, environments: tuple[Environment, ...], selection: Selection, *, certain: bool
    ) -> tuple[Environment, ...]:
        """Those of the environments that are meant: by name, by glob, as a cell of a manifest, by their tags."""
        named = environments
        if selection.patterns:
            by_pattern = [self._meant(one, environments, certain=certain) for one in self._patterns(selection)]
            names = {one.name for found in by_pattern for one in found}
            named = tuple(one for one in environments if one.name in names)
        found = [one for one in named if all(one.tags.get(key) == value for key, value in selection.tags)]
        if selection.tags and not found and certain:
            shown = " and ".join(f"{key}={value}" for key, value in selection.tags)
            raise UsageError(f"no environment is tagged {shown}", hint="'envbuild list' shows all tags")
        return tuple(sorted(found, key=lambda one: one.name))

    def _meant(self, pattern: str, environments: tuple[Environment, ...], *, certain: bool) -> list[Environment]:
        """Nothing is said to be missing while there are names and files that are wrong."""
        if path := self._paths.get(pattern):
            return [one for one in environments if one.path == path]
        match = matcher(pattern).fullmatch if is_glob(pattern) else None
        found = [one for one in environments if (match(one.name) if match else one.name == pattern)]
        if certain and not found and not (match and any(match(name) for name in self._paths)):
            what = f"no environment matches '{pattern}'" if match else f"no environment is named '{pattern}'"
            raise UsageError(what, hint=self._known(pattern, environments))
        return found

    def _known(self, pattern: str, environments: tuple[Environment, ...]) -> str:
        """The nearest name; names of cells are not known where a manifest cannot be read."""
        unread = sum(path not in self.files.found for path in self._paths.values())
        if unread:
            return f"manifests that cannot be read: {unread}; run 'envbuild check'"
        return nearest(pattern, {*self._paths, *(one.name for one in environments)})

    def _concerning(
        self, resolved: Resolved, wanted: tuple[Environment, ...], selection: Selection
    ) -> Iterator[EnvbuildError]:
        """What is wrong with what is selected, not with what was read to find its cells."""
        matches = [matcher(pattern).fullmatch for pattern in self._patterns(selection)]
        named = {path for name, path in self._paths.items() if not matches or any(match(name) for match in matches)}
        concerned = named | {one.path for one in wanted}
        yield from (wrong.error for wrong in resolved.problems if wrong.path in concerned)

    def _clashes(self, wanted: tuple[Environment, ...]) -> Iterator[EnvbuildError]:
        """A cell may be named like no file and like no other manifest's cell."""
        first: dict[str, Environment] = {}
        for one in wanted:
            file = self._paths.get(one.name)
            other = one.path if file else first.setdefault(one.name, one).path
            if (file or other) != one.path:
                also = f"'{file or other}' is also named '{one.name}'"
                yield ResolveError(also, Place(one.path), "set 'matrix.name'")

    def _refuse_abstract(self, files: list[str], selection: Selection) -> None:
        for name in files:
            one = self.files.found.get(self._paths[name])
            if one and one.abstract and name in selection.patterns:
                raise UsageError(
                    f"'{name}' is abstract: it is only extended, never built", one.place, "ask for what extends it"
                )
