"""From names to environments: what is asked for, what that needs, and nothing else."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property

import msgspec

from envbuild.errors import EnvbuildError, Place, ResolveError, UsageError, raise_all
from envbuild.globs import is_glob, matcher
from envbuild.names import LENT, clash
from envbuild.project.choosing import Choice, no_environment
from envbuild.project.files import Files
from envbuild.project.selection import Selection, spelled_out
from envbuild.project.settled import read_settings
from envbuild.resolve import Candidates, Environment, Graph, Link, Resolved, graph, link, needs, resolve
from envbuild.settings import Settings
from envbuild.workspace import Workspace

__all__ = ["Reader", "Selection", "read_settings"]


class _Found(msgspec.Struct, dict=True):
    """What was read so far: environments, and what is wrong with them, by path; what was `read` is not read again."""

    read: set[str]
    environments: list[Environment] = []
    problems: list[tuple[str, EnvbuildError]] = []
    wanted: tuple[Environment, ...] = ()
    met: list[Environment] = []
    links: list[Link] = []

    def add(self, resolved: Resolved) -> None:
        self.environments += resolved.environments
        self.problems += ((wrong.path, wrong.error) for wrong in resolved.problems)

    @cached_property
    def bases(self) -> dict[str, str]:
        """What starts from the image of what."""
        return {one.environment: one.needed for one in self.links if one.kind == "base"}

    def named(self, names: Collection[str]) -> Iterator[Environment]:
        yield from (one for one in self.environments if one.name in names)


class Reader:
    """Finds what a selection means, resolves it, and tells all that is wrong with it together."""

    def __init__(self, workspace: Workspace, project: Settings) -> None:
        self.files = Files(workspace, project)
        self._own, self._paths = self.files.names.paths, self.files.paths
        self._misnamed = self.files.names.problems
        self._settings = project
        self._last = _Found(set())
        self.concerned: set[str] = set()  # the files that the last selection was about, without what they extend

    def environments(self, selection: Selection, platform: str) -> tuple[Environment, ...]:
        """What is selected, complete and typed; all that is wrong with it is raised together."""
        return self._found(selection, platform).wanted

    def mates(self, group: str, platform: str) -> tuple[Environment, ...]:
        """Every environment of a `solve_group`, of all files that can be read."""
        found = self._last
        more = [name for name in sorted(self._paths.keys() - found.read) if self.files.is_readable(name)]
        found.read.update(more)
        found.add(self._resolve(more, platform))
        return tuple(one for one in found.environments if one.keys.solve_group == group)

    def knowing(self, every: Iterable[Environment]) -> Callable[[str], bool]:
        """Whether the project has a name: one of a catalogue also while it is not asked for."""
        names = {one.name for one in every}
        return lambda name: name in names or bool(self.files.names.lender(name))

    def linked(self, selection: Selection, platform: str) -> tuple[tuple[Environment, ...], list[Link]]:
        """What is selected, and which environments are built from which."""
        found = self._found(selection, platform)
        names = {one.name for one in found.wanted}
        return found.wanted, [one for one in found.links if one.environment in names]

    def base_of(self, environment: Environment) -> Environment | None:
        """The environment whose image another one starts from; both were found by the last selection."""
        needed = self._last.bases.get(environment.name, "")
        return next(iter(self._last.named({needed})), None) if needed else None

    def with_bases(self, selection: Selection, wanted: tuple[Environment, ...]) -> tuple[Environment, ...]:
        """What was found last, and what images of it start from, unless that is excluded."""
        if not self._last.bases:
            return wanted
        choice, found = self._choice(selection), {one.name: one for one in wanted}
        waiting = list(wanted)
        while waiting:
            one = waiting.pop()
            base = self.base_of(one) if one.builder != "local" else None
            if base and base.name not in found and not choice.is_excluded(base):
                found[base.name] = base
                waiting.append(base)
        return tuple(sorted(found.values(), key=lambda one: one.name))

    def graph(self, selection: Selection, platform: str) -> Graph:
        """What is selected with all that it needs, and nothing that is excluded; the whole family when all is."""
        found = self._found(selection, platform, with_parents=True)
        whole = self._graph(found, link(found.met, self._candidates(found.environments))[0])
        if selection.everything:
            return whole
        return whole.part([one.name for one in found.wanted]).without(self._choice(selection).hides)

    def _choice(self, selection: Selection) -> Choice:
        return Choice(spelled_out(selection, self._settings.groups), self.files)

    def _found(self, selection: Selection, platform: str, *, with_parents: bool = False) -> _Found:
        choice = self._choice(selection)
        files, problems = self._selected(choice)
        for name in files:
            self.files.ask(name)
        if not selection.with_dependents:
            choice.refuse_abstract(files)
        found = self._last = _Found(set(files))
        found.add(self._resolve(files, platform))
        certain = not (problems or self.files.told())
        self._refuse_idle_excludes(choice, found, platform, certain=certain)
        self._choose(choice, found, platform, certain=certain, with_parents=with_parents)
        found.links, wrong = link(found.wanted, self._candidates(found.environments))
        own = list(self._concerning(found, choice))
        raise_all([*problems, *self.files.told(), *own, *wrong, *self._clashes(found.wanted)])
        if selection.exclude and not found.wanted:
            raise UsageError("nothing is left: all that was selected is excluded", hint="exclude less")
        return found

    def _choose(self, choice: Choice, found: _Found, platform: str, *, certain: bool, with_parents: bool) -> None:
        """What is meant, what depends on it, and what these need; all of it read, with what it is built from."""
        selection = choice.selection
        behind = self._behind(found, platform) if selection.with_dependents else None
        chosen = choice.chosen(found.environments, behind, certain=certain)
        if behind:
            names = {one.name for one in chosen}
            chosen += found.named(behind.dependents(names) - names)
        found.met = self._with_needed(found, chosen, platform, parents=with_parents or selection.with_dependencies)
        if selection.with_dependencies:
            links = link(found.met, self._candidates(found.environments))[0]
            names = {one.name for one in chosen}
            chosen += found.named(self._graph(found, links).dependencies(names) - names)
        kept = (one for one in chosen if not choice.is_excluded(one))
        found.wanted = tuple(sorted(kept, key=lambda one: one.name))

    def _refuse_idle_excludes(self, choice: Choice, found: _Found, platform: str, *, certain: bool) -> None:
        """What is to be left out has to be there, or its name is wrong; cells are looked for if no file is meant."""
        files = {**self._paths, **self._misnamed}
        environments: Iterable[Environment] = found.environments
        for pattern in choice.selection.exclude:
            if self._is_there(pattern, files) or self._is_there(pattern, (one.name for one in environments)):
                continue
            if self.files.may_have_cells and environments is found.environments:
                readable = (name for name in sorted(self._paths) if self.files.is_readable(name))
                environments = self._resolve(readable, platform).environments
                if self._is_there(pattern, (one.name for one in environments)):
                    continue
            if certain:
                raise no_environment(pattern, choice.known(pattern, environments))

    @staticmethod
    def _is_there(pattern: str, names: Iterable[str]) -> bool:
        match = matcher(pattern).fullmatch
        return any(pattern == name or match(name) for name in names)

    def _behind(self, found: _Found, platform: str) -> Graph:
        """The whole family: only there it is seen what depends on something."""
        every = self._with_needed(found, found.environments, platform, parents=False)
        return self._graph(found, link(every, self._candidates(found.environments))[0])

    def _graph(self, found: _Found, links: Iterable[Link]) -> Graph:
        by_path = self.files.by_path
        return graph(found.environments, self.files.manifests(), self.files.extended, links, by_path)

    def _resolve(self, files: Iterable[str], platform: str) -> Resolved:
        """What can be read with all that it extends; what cannot is told beside it."""
        manifests = [self.files.found[self._paths[name]] for name in files if self.files.is_readable(name)]
        return resolve([one for one in manifests if not one.abstract], self.files.family, self._settings, platform)

    def _with_needed(
        self, found: _Found, start: Iterable[Environment], platform: str, *, parents: bool
    ) -> list[Environment]:
        """These, what they are built from and, if asked for, what they extend: read as well where they were not."""
        met = {one.name: one for one in start}
        waiting = list(met.values())
        while waiting:
            names = {need.name for one in waiting for need in needs(one)}
            if parents:
                names |= {self.files.by_path[above.path] for one in waiting for above in one.lineage
                          if above.path in self.files.by_path}  # fmt: skip
            if not names:
                break
            self._read_more(found, names, platform)
            waiting = [
                one
                for one in found.environments
                if one.name not in met and not names.isdisjoint((one.name, self.files.by_path[one.path]))
            ]
            met |= {one.name: one for one in waiting}
        return list(met.values())

    def _read_more(self, found: _Found, names: set[str], platform: str) -> None:
        """The manifests that names may come from, and that were not read before."""
        unknown = names - {one.name for one in found.environments}
        more = sorted({file for name in unknown for file in self._files_for(name)} - found.read)
        for name in more:
            self.files.ask(name)
        found.read.update(more)
        found.add(self._resolve(more, platform))

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
        self.files.admit(name)
        if name in self._paths:
            return [name]
        every = sorted(self._paths) if self.files.may_have_cells else []
        return [file for file in every if self.files.is_readable(file)]

    def _selected(self, choice: Choice) -> tuple[list[str], list[EnvbuildError]]:
        """The manifests to read, and what is wrong with their names; any file may hold what depends on something.

        Those of catalogues are meant where their catalogue is said, and never by everything.
        """
        patterns = choice.selection.patterns
        for pattern in (*patterns, *choice.selection.exclude):
            self.files.admit(pattern)
        own, every = {**self._own, **self._misnamed}, {**self._paths, **self._misnamed}
        chosen = {
            name
            for one in patterns
            for name in self._matching(one, every if self.files.names.lender(one) else own, choice)
        }
        if choice.selection.with_dependents or not patterns:
            chosen |= set(own)
        chosen = {name for name in chosen if not (choice.excludes_file(name) and self._stays_unread(name, choice))}
        problems = [self._misnamed[name] for name in chosen & self._misnamed.keys()]
        return sorted(chosen & self._paths.keys()), problems

    def _stays_unread(self, name: str, choice: Choice) -> bool:
        """What is excluded is read if it can be, for the names of its cells and for what it leads to."""
        is_of_use = choice.selection.is_widened or self.files.may_have_cells
        return not (is_of_use and name in self._paths and self.files.is_readable(name))

    def _matching(self, pattern: str, every: Collection[str], choice: Choice) -> Iterable[str]:
        """The files that a name or glob may mean; where cells may be meant, all that can be read."""
        if pattern in every:
            return [pattern]
        match = matcher(pattern).fullmatch
        if self.files.may_have_cells:
            return [name for name in every if match(name) or (name in self._paths and self.files.is_readable(name))]
        if not is_glob(pattern):
            raise no_environment(pattern, choice.known(pattern, ()))
        if found := [name for name in every if match(name)]:
            return found
        raise no_environment(pattern, choice.known(pattern, ()))

    def _concerning(self, found: _Found, choice: Choice) -> Iterator[EnvbuildError]:
        """What is wrong with what is selected or needed for it, not with what was read to find cells or dependents."""
        meant = self._paths if choice.selection.patterns else self._own
        concerned = {path for name, path in meant.items() if choice.is_named(name)}
        made = {one.path for one in found.environments}
        if choice.selection.tags:  # what can be made tells its tags, and is selected or not
            concerned -= made
        if choice.selection.with_dependents:  # what cannot be made may depend on what is selected
            concerned |= {self._paths[name] for name in found.read} - made
        concerned -= choice.left_out(concerned, found.environments)
        built = {one.name for one in found.wanted} | {one.needed for one in found.links}
        for one in found.named(built):
            concerned.add(one.path)
            concerned |= {self._paths[need.name] for need in needs(one) if need.name in self._paths}
        self.concerned = concerned
        yield from (error for path, error in found.problems if path in concerned)

    def _clashes(self, wanted: tuple[Environment, ...]) -> Iterator[EnvbuildError]:
        """A cell may be named like no file, like no other manifest's cell, and as no catalogue's are."""
        first: dict[str, Environment] = {}
        for one in wanted:
            file = self._paths.get(one.name)
            other = one.path if file else first.setdefault(one.name, one).path
            if (file or other) != one.path:
                also = f"'{file or other}' is also named '{one.name}'"
                yield ResolveError(also, Place(one.path), "set 'matrix.name'")
            elif (of := self.files.names.lender(one.name)) and not one.path.startswith(LENT):
                yield clash(one.name, of, Place(one.path), self._settings.place_in("catalogues", of))
