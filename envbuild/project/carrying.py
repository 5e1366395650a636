"""Requirement files and pyproject.toml become manifests; of what cannot, it is said why, and what to do."""

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from itertools import count

import msgspec

from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place
from envbuild.manifest import manifest
from envbuild.project.drafting import GLOB, Draft, relative
from envbuild.project.finding import Find, Findings, Kind
from envbuild.project.pyproject import Declared, declared
from envbuild.resolve import allowed_name, name_of
from envbuild.workspace import Workspace

LIMIT_WRITTEN = 50
_ON_TOP_OF_OTHERS = {"dev", "develop", "development", "test", "tests", "testing"}


class Told(msgspec.Struct, frozen=True):
    """What is said of one file: what became of it, and what of it could not be carried or read."""

    path: str
    kind: Kind
    says: str
    environments: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    error: EnvbuildError | None = None
    hint: str = ""


class Copied(msgspec.Struct, frozen=True):
    """One list of packages of a pyproject.toml: of the project itself, or of a group."""

    path: str
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
    requirements = sorted(findings.of("requirements"), key=lambda one: _rest(one.path) in _ON_TOP_OF_OTHERS)
    for one in requirements:
        carrier.requirements(one)
    for one in findings.of("constraints"):
        carrier.constraints(one)
    return Carried(tuple(carrier.drafts.values()), tuple(carrier.told), tuple(carrier.unwritten))


def uncarried(workspace: Workspace, findings: Findings, names: Mapping[str, str], main: str) -> Iterator[Told]:
    """In a project that is there already nothing is written: what no manifest reads is told, with how one could."""
    readers = _readers(workspace, names)
    for one in findings.files:
        if one.path in readers and one.kind in {"requirements", "constraints"}:
            yield Told(one.path, one.kind, f"is read by {readers[one.path]}", (names[readers[one.path]],))
        elif one.kind == "requirements":
            yield Told(
                one.path,
                one.kind,
                "is read by no manifest",
                error=one.error,
                hint=_new(one.path, _name(one.path, main)),
            )
        elif one.kind == "constraints":
            yield Told(one.path, one.kind, _NO_USE, error=one.error)
        elif one.kind == "pyproject":
            yield Told(one.path, one.kind, "is not read: manifests hold a copy of its packages", error=one.error)


def other_files(findings: Findings) -> Iterator[Told]:
    """What this version makes nothing of."""
    for one in findings.files:
        if one.kind == "dockerfile":
            at = relative(one.path, "manifests/x.yaml")
            later = f"'image: {{dockerfile: {at}}}' in a manifest will build on it"
            yield Told(one.path, one.kind, f"is not used: this version builds no images yet; later {later}")
        elif one.kind == "conda-lock":
            own = "'envbuild lock' writes one for each environment in locks/"
            yield Told(one.path, one.kind, f"is not read: {own}")
        elif one.kind == "pixi":
            yield Told(one.path, one.kind, "is not read: list its packages in a manifest ('envbuild new NAME')")


_NO_USE = "is not used: write '-c' and its path into the pip list that it is for"


def _new(path: str, name: str) -> str:
    return f"'envbuild new {name} -r {shlex.quote(path)}' writes a manifest that reads it"


def _readers(workspace: Workspace, names: Mapping[str, str]) -> dict[str, str]:
    """Which manifest reads a requirement or constraints file, for each that is read."""
    found: dict[str, str] = {}
    for path in names:
        try:
            data = workspace.read(path)
        except EnvbuildError:
            continue
        for included in _included(workspace, path, data):
            found.setdefault(included, path)
    return found


def _included(workspace: Workspace, path: str, data: bytes) -> set[str]:
    """The files that a manifest reads, and those that they read."""
    opened: set[str] = set()

    def open_file(file: str, where: Place) -> bytes:
        opened.add(file)
        return workspace.read(file, where)

    try:
        manifest("", parse(path, data), open_file)
    except EnvbuildError:
        pass  # told by whoever judges it
    return opened


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
        self._readers = _readers(workspace, names)
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
        name = _name(one.path, self._main)
        if one.path in self._left:
            self._unwritten(one, name, self._left[one.path])
            return
        if reader := self._readers.get(one.path):
            self.told.append(Told(one.path, one.kind, f"is read by {reader}", (self._names[reader],)))
            return
        if len(self.drafts) >= LIMIT_WRITTEN:
            says = f"no manifest is written: more than {LIMIT_WRITTEN} were found"
            self.unwritten.append(Told(one.path, one.kind, says, hint=_new(one.path, name)))
            return
        draft = self._settled(name, "requirements", lambda path: self._reading(one, path))
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
            Told(one.path, one.kind, "left out", error=error, hint=f"mend it; then {_new(one.path, name)}")
        )

    def _reading(self, one: Find, manifest_path: str) -> Draft:
        folder = posixpath.dirname(one.path)
        draft = Draft(manifest_path, pip=(f"-r {relative(one.path, manifest_path)}",))
        included = _included(self._workspace, draft.path, draft.text.encode())
        beside = sorted(path for path in self._limits - included if posixpath.dirname(path) == folder)
        base = next((path for path in _bases(one.path) if path in self._by_source and path not in included), "")
        extends = (self._by_source[base],) if base and _rest(one.path) in _ON_TOP_OF_OTHERS else ()
        python = self._python.get(folder, "") if not extends else ""
        return msgspec.structs.replace(
            draft,
            comment=f"Its packages are listed in {one.path}, and stay there.",
            extends=extends,
            conda=(f"python {python}",) if python else (),
            pip=(*draft.pip, *(f"-c {relative(path, draft.path)}" for path in beside)),
        )

    def _hold(self, draft: Draft) -> None:
        for path in _included(self._workspace, draft.path, draft.text.encode()):
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
        parent = ""
        for group, packages in (("", said.packages), *said.groups.items()):
            own = _within(folder, group) if group else _folded(folder) or _folded(said.name) or self._main
            if not packages or not own:
                continue
            draft = self._copy(own, Copied(one.path, group, packages, said.python), parent)
            if error := self._left.get(draft.path):
                errors.append(error)
                continue
            named = self._add(draft)
            parent = parent if group else named
            written.append(draft)
        says = f"is copied to {', '.join(draft.path for draft in written)}" if written else "left out"
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

        return self._settled(name, copied.group or "project", make)

    def constraints(self, one: Find) -> None:
        held = self._held.get(one.path) or ([self._readers[one.path]] if one.path in self._readers else [])
        if one.path in self._left:
            self.unwritten.append(Told(one.path, one.kind, "left out", error=self._left[one.path]))
        elif held:
            self.told.append(Told(one.path, one.kind, f"is read by {', '.join(dict.fromkeys(held))}"))
        else:
            self.unwritten.append(Told(one.path, one.kind, _NO_USE))

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
    yield (further := f"{name}-{allowed_name(otherwise) or 'more'}")
    yield from (f"{further}-{number}" for number in count(2))


def _path(name: str) -> str:
    return f"manifests/{name}.yaml"


def _named(draft: Draft) -> str:
    return name_of(draft.path, GLOB)


def _folded(path: str) -> str:
    return "/".join(filter(None, map(allowed_name, path.split("/")))) if path else ""


def _within(folder: str, group: str) -> str:
    return "/".join(filter(None, (_folded(folder), _folded(group))))


def _rest(path: str) -> str:
    """What a requirement file's name says beside that it is one: `dev` of `requirements-dev.txt`."""
    folder, file = posixpath.split(path)
    if posixpath.basename(folder) == "requirements" and "requirements" not in file:
        return file.removesuffix(".txt").lower()
    return re.sub(r"requirements", "", file.removesuffix(".txt"), flags=re.IGNORECASE).strip("-_. ").lower()


def _name(path: str, main: str) -> str:
    """`services/web` of `services/web/requirements.txt`, `dev` of `requirements-dev.txt`."""
    folder = posixpath.dirname(path)
    if posixpath.basename(folder) == "requirements":
        folder = posixpath.dirname(folder)
    return _within(folder, _rest(path)) or main


def _bases(path: str) -> Iterator[str]:
    """The files that `requirements-dev.txt` is usually installed on top of."""
    folder = posixpath.dirname(path)
    names = ("requirements.txt", "base.txt", "main.txt", "requirements-base.txt", "requirements/base.txt")
    yield from (posixpath.join(folder, name) for name in names)
    if posixpath.basename(folder) == "requirements":
        yield posixpath.join(posixpath.dirname(folder), "requirements.txt")
