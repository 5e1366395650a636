"""Requirement files and pyproject.toml become manifests; of what cannot, it is said why, and what to do."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from itertools import count

import msgspec

from envbuild.errors import EnvbuildError
from envbuild.names import name_of
from envbuild.project.starting.drafting import GLOB, Draft, relative
from envbuild.project.starting.finding import Find, Findings
from envbuild.project.starting.included import (
    ON_TOP_OF_OTHERS,
    bases,
    files_read,
    folded,
    readers_of,
    requirements_name,
    rest,
    within,
)
from envbuild.project.starting.leaving import NO_USE, Told, how_to_write
from envbuild.project.starting.pyproject import Declared, declared
from envbuild.workspace import Workspace

LIMIT_WRITTEN = 50


class Copied(msgspec.Struct, frozen=True):
    """One list of packages of a pyproject.toml: of the project itself, or of a group."""

    path: str
    project: str
    group: str
    packages: tuple[str, ...]
    python: str


class Carried(msgspec.Struct, frozen=True):
    """`told` of what was made into `drafts`, `unwritten` of what was not."""

    drafts: tuple[Draft, ...]
    told: tuple[Told, ...]
    unwritten: tuple[Told, ...]

    @property
    def is_broken(self) -> bool:
        return any(one.error for one in self.unwritten)


def carry(
    workspace: Workspace, findings: Findings, names: Mapping[str, str], left: Mapping[str, EnvbuildError], main: str
) -> Carried:
    """`names` are those of the manifests that are there, by path; `left` what was found to be unreadable, and why."""
    carrier = _Carrier(workspace, findings, names, left, main)
    for one in findings.of("pyproject"):
        carrier.pyproject(one)
    requirements = sorted(findings.of("requirements"), key=lambda one: rest(one.path) in ON_TOP_OF_OTHERS)
    for one in requirements:
        carrier.requirements(one)
    for one in findings.of("constraints"):
        carrier.constraints(one)
    return Carried(tuple(carrier.drafts.values()), tuple(carrier.told), tuple(carrier.unwritten))


class _Carrier:
    def __init__(
        self,
        workspace: Workspace,
        findings: Findings,
        names: Mapping[str, str],
        left: Mapping[str, EnvbuildError],
        main: str,
    ) -> None:
        self._workspace = workspace
        self._left = left
        self._main = main
        self._readers = readers_of(workspace, names)
        self._names = names
        self._python: dict[str, str] = {}
        self._limits = {one.path for one in findings.of("constraints")} - set(left)
        self._held: dict[str, list[str]] = {}
        self._by_source: dict[str, str] = {path: names[reader] for path, reader in self._readers.items()}
        self.drafts: dict[str, Draft] = {}
        self.told: list[Told] = []
        self.unwritten: list[Told] = []

    def requirements(self, one: Find) -> None:
        """A manifest that reads the file, so that the file stays what it is: the place where packages are listed."""
        name = requirements_name(one.path, self._main)
        if one.path in self._left:
            self._unwritten(one, name, self._left[one.path])
            return
        if reader := self._readers.get(one.path):
            self.told.append(Told(one.path, one.kind, f"is read by {reader}", (self._names[reader],)))
            return
        if len(self.drafts) >= LIMIT_WRITTEN:
            says = f"no manifest is written: more than {LIMIT_WRITTEN} were found"
            self.unwritten.append(Told(one.path, one.kind, says, hint=how_to_write(one.path, name)))
            return
        draft = self._settled(name, f"{name}-requirements", lambda path: self._reading(one, path))
        self._hold(draft)
        if error := self._left.get(draft.path):
            self._unwritten(one, name, error)
            return
        named = self._add(draft)
        self._by_source[one.path] = named
        more = f" on top of '{draft.extends[0]}'" if draft.extends else ""
        self.told.append(Told(one.path, one.kind, f"is read by {draft.path}{more}", (named,)))

    def _unwritten(self, one: Find, name: str, error: EnvbuildError) -> None:
        self.unwritten.append(
            Told(one.path, one.kind, "left out", error=error, hint=f"mend it; then {how_to_write(one.path, name)}")
        )

    def _reading(self, one: Find, manifest_path: str) -> Draft:
        folder = posixpath.dirname(one.path)
        draft = Draft(manifest_path, pip=(f"-r {relative(one.path, manifest_path)}",))
        included = files_read(self._workspace, draft.path, draft.text.encode())
        beside = sorted(path for path in self._limits - included if posixpath.dirname(path) == folder)
        base = next((path for path in bases(one.path) if path in self._by_source and path not in included), "")
        extends = (self._by_source[base],) if base and rest(one.path) in ON_TOP_OF_OTHERS else ()
        python = self._python.get(folder, "") if not extends else ""
        return msgspec.structs.replace(
            draft,
            comment=f"Its packages are listed in {one.path}, and stay there.",
            extends=extends,
            conda=(f"python {python}",) if python else (),
            pip=(*draft.pip, *(f"-c {relative(path, draft.path)}" for path in beside)),
        )

    def _hold(self, draft: Draft) -> None:
        for path in files_read(self._workspace, draft.path, draft.text.encode()):
            self._held.setdefault(path, []).append(draft.path)

    def pyproject(self, one: Find) -> None:
        """Its packages are copied: no manifest can point into it."""
        try:
            if one.path in self._left:
                raise self._left[one.path]
            said = declared(one.path, self._workspace.read(one.path))
        except EnvbuildError as error:
            hint = "mend it; then 'envbuild new NAME PACKAGE…' writes a manifest"
            self.unwritten.append(Told(one.path, one.kind, "left out", error=error, hint=hint))
            return
        folder = posixpath.dirname(one.path)
        self._python[folder] = said.python
        if not (said.packages or said.groups):
            says = "says nothing of packages that could be carried" if said.left else "says nothing of packages"
            self.unwritten.append(Told(one.path, one.kind, says, left=said.left))
            return
        self._copied(one, said, folder)

    def _copied(self, one: Find, said: Declared, folder: str) -> None:
        written: list[Draft] = []
        errors: list[EnvbuildError] = []
        parent, main = "", folded(folder) or folded(said.name) or self._main
        for group, packages in (("", said.packages), *said.groups.items()):
            own = within(folder, group) if group else main
            if not packages or not own:
                continue
            draft = self._copy(own, Copied(one.path, main, group, packages, said.python), parent)
            if error := self._left.get(draft.path):
                errors.append(error)
                continue
            named = self._add(draft)
            parent = parent if group else named
            written.append(draft)
        where = written[0].path if len(written) == 1 else "manifests/"
        says = f"its packages are copied to {where}" if written else "left out"
        error = errors[0] if errors else None
        told = Told(one.path, one.kind, says, tuple(map(_named, written)), said.left, error=error)
        (self.told if written else self.unwritten).append(told)

    def _copy(self, name: str, copied: Copied, parent: str) -> Draft:
        what = f"the group '{copied.group}'" if copied.group else "the dependencies"
        comment = f"A copy of {what} of {copied.path}: what changes there is changed here, too."
        extends = (parent,) if parent else ()
        conda = (f"python {copied.python}",) if copied.python and not parent else ()

        def make(path: str) -> Draft:
            return Draft(path, comment, extends, conda=conda, pip=copied.packages)

        return self._settled(name, f"{copied.project}-{copied.group or 'project'}", make)

    def constraints(self, one: Find) -> None:
        held = self._held.get(one.path) or ([self._readers[one.path]] if one.path in self._readers else [])
        if one.path in self._left:
            self.unwritten.append(Told(one.path, one.kind, "left out", error=self._left[one.path]))
        elif held:
            self.told.append(Told(one.path, one.kind, f"is read by {', '.join(dict.fromkeys(held))}"))
        else:
            self.unwritten.append(Told(one.path, one.kind, NO_USE))

    def _add(self, draft: Draft) -> str:
        name = _named(draft)
        self.drafts[name] = draft
        return name

    def _settled(self, name: str, otherwise: str, make: Callable[[str], Draft]) -> Draft:
        """Under a name that nothing has; what an interrupted run left behind, to the letter, has its name again."""
        held = {*self.drafts, *self._names.values()}
        for tried in _alternatives(name, otherwise):
            draft = make(_path(tried))
            if draft.path in self._names and self._stands(draft):
                return draft
            if _named(draft) not in held:
                return draft
        raise AssertionError

    def _stands(self, draft: Draft) -> bool:
        try:
            return _named(draft) not in self.drafts and self._workspace.read(draft.path) == draft.text.encode()
        except EnvbuildError:
            return False


def _alternatives(name: str, otherwise: str) -> Iterator[str]:
    yield name
    yield (further := folded(otherwise))
    yield from (f"{further}-{number}" for number in count(2))


def _path(name: str) -> str:
    return f"manifests/{name}.yaml"


def _named(draft: Draft) -> str:
    return name_of(draft.path, GLOB)
