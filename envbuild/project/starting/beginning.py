"""A project where there was none: what is found, what is made of it, and what that comes to. Decided, then written."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from envbuild.document import parse
from envbuild.errors import EnvbuildError
from envbuild.manifest import manifest
from envbuild.names import FILE, allowed_name, name_all
from envbuild.project.front import Project
from envbuild.project.starting.carrying import Carried, carry
from envbuild.project.starting.drafting import GLOB, Draft, Drafted, matched, settings_text
from envbuild.project.starting.finding import Findings, closed_folders, find
from envbuild.project.starting.judging import Judged, judge
from envbuild.project.starting.leaving import Told, other_files, uncarried
from envbuild.project.starting.placing import Placed, place
from envbuild.workspace import Workspace

_NEVER = ("templates",)
_ROUNDS = 10


class Begun(msgspec.Struct, frozen=True):
    """`texts` are the files to write, the settings last; empty where a project is already."""

    root: Path
    exists: bool
    texts: dict[str, str]
    told: tuple[Told, ...]
    judged: tuple[Judged, ...]
    unlisted: tuple[str, ...]
    whole: bool
    starter: str


def enclosing_project(folder: Path) -> Path | None:
    """The project that a folder lies in and is not the root of; the folder need not be there yet."""
    root = folder.resolve()
    if (root / FILE).is_file():
        return None
    return next((parent for parent in root.parents if (parent / FILE).is_file()), None)


def begin(root: Path, host: Mapping[str, str], starter: str = "") -> Begun:
    """Decide, and write nothing. `starter` names the first environment where nothing is found to make one of."""
    workspace = Workspace(root)
    findings = find(workspace.survey(closed_folders(_ignored(workspace))), workspace.read)
    if workspace.exists(FILE):
        return _existing(root, host, findings)
    return _Beginning(root, host, findings, starter).begun()


def _ignored(workspace: Workspace) -> str:
    """Only where to look depends on it, so one that cannot be read says nothing."""
    try:
        return workspace.read(".gitignore").decode(errors="replace") if workspace.exists(".gitignore") else ""
    except EnvbuildError:
        return ""


def write_begun(begun: Begun) -> None:
    """All of it or nothing: what was written before something failed is taken back."""
    workspace = Workspace(begun.root)
    written: list[str] = []
    try:
        for path, text in begun.texts.items():
            workspace.write_new(path, text)
            written.append(path)
    except BaseException:
        for path in reversed(written):
            workspace.discard(path)
        raise


def _existing(root: Path, host: Mapping[str, str], findings: Findings) -> Begun:
    """What is there stays as it is; what it does not use is told, with how it could."""
    project = Project(root, host)
    names = {path: name for name, path in project.reader.files.names.paths.items()}
    told = [
        *_conda_of_existing(project.workspace, findings, names),
        *uncarried(project.workspace, findings, names, _main(root)),
    ]
    return Begun(
        root=root,
        exists=True,
        texts={},
        told=_in_order(findings, [*told, *other_files(findings)]),
        judged=judge(project),
        unlisted=findings.unlisted,
        whole=findings.whole,
        starter="",
    )


def _main(root: Path) -> str:
    """The name of what has no name of its own: that of the project's folder."""
    return allowed_name(root.resolve().name) or "main"


def _in_order(findings: Findings, told: Iterable[Told]) -> tuple[Told, ...]:
    """As the files were found: nearest first."""
    order = {one.path: at for at, one in enumerate(findings.files)}
    return tuple(sorted(told, key=lambda one: order[one.path]))


def _conda_of_existing(workspace: Workspace, findings: Findings, names: Mapping[str, str]) -> Iterator[Told]:
    for one in findings.of("conda"):
        if one.path in names:
            yield Told(one.path, one.kind, "is found by this project", (names[one.path],))
        else:
            error = one.error or _complaint(workspace, one.path)
            hint = f"{'mend it, then ' if error else ''}add it to 'manifests' in {FILE}"
            yield Told(one.path, one.kind, "is not part of this project", error=error, hint=hint)


def _complaint(workspace: Workspace, path: str) -> EnvbuildError | None:
    """What is wrong with a file by itself."""
    try:
        manifest("", parse(path, workspace.read(path)), workspace.read)
    except EnvbuildError as error:
        return error
    return None


class _Beginning:
    def __init__(self, root: Path, host: Mapping[str, str], findings: Findings, starter: str) -> None:
        self._root = root
        self._host = host
        self._findings = findings
        self._workspace = Workspace(root)
        self._starter = starter or _main(root)
        self._conda = [one.path for one in findings.of("conda") if not one.error]
        self._own = name_all(matched(self._workspace, GLOB, _NEVER), (GLOB,)).paths
        self._left = {one.path: one.error for one in findings.files if one.error}

    def begun(self) -> Begun:
        """What cannot be read is left out, and then what is left is judged again, since one may extend another."""
        for _ in range(_ROUNDS):
            placed, carried, texts = self._made()
            judged = self._judged(texts)
            unreadable = {one.path: one.error for one in judged if one.state == "unreadable" and one.error}
            new = {path: error for path, error in unreadable.items() if path not in self._own.values()}
            if not new:
                break
            self._left |= new
        kept = {path: text for path, text in texts.items() if not self._workspace.exists(path)}
        return Begun(
            root=self._root,
            exists=False,
            texts=kept,
            told=self._told(placed, carried),
            judged=judged,
            unlisted=self._findings.unlisted,
            whole=self._findings.whole,
            starter=self._starter if self._is_empty(placed, carried) else "",
        )

    def _made(self) -> tuple[Placed, Carried, dict[str, str]]:
        paths = [path for path in self._conda if path not in self._left]
        placed = place(paths, (GLOB,), self._own, lambda glob: matched(self._workspace, glob, _NEVER))
        names = {**{path: name for name, path in self._own.items()}, **placed.names}
        carried = carry(self._workspace, self._findings, names, self._left, self._starter)
        texts = {draft.path: draft.text for draft in carried.drafts}
        if self._is_empty(placed, carried):
            draft = starter_draft(self._starter)
            texts[draft.path] = draft.text
        out = [one.path for one in self._findings.of("conda") if one.path in self._left or one.path in placed.nameless]
        return placed, carried, {**texts, FILE: settings_text((GLOB, *placed.globs), out)}

    def _is_empty(self, placed: Placed, carried: Carried) -> bool:
        broken = any(one.error for one in self._findings.of("conda")) or set(self._conda) & self._left.keys()
        return not (placed.names or placed.nameless or broken or carried.drafts or carried.is_broken or self._own)

    def _judged(self, texts: Mapping[str, str]) -> tuple[Judged, ...]:
        project = Project(self._root, self._host)
        project.workspace = Drafted(self._root, texts, project.workspace.lent)
        return judge(project)

    def _told(self, placed: Placed, carried: Carried) -> tuple[Told, ...]:
        told = [*carried.told, *carried.unwritten, *other_files(self._findings)]
        for one in self._findings.of("conda"):
            if error := self._left.get(one.path) or placed.nameless.get(one.path):
                hint = f"mend it, then add it to 'manifests' in {FILE}"
                told.append(Told(one.path, one.kind, "left out", error=error, hint=hint))
            else:
                told.append(Told(one.path, one.kind, "stays where it is", (placed.names[one.path],)))
        return _in_order(self._findings, told)


def starter_draft(name: str) -> Draft:
    """The smallest environment that is of use: it locks and builds as it is."""
    path = f"manifests/{name}.yaml"
    return Draft(
        path,
        f"One environment. Its name is its path: this file is '{name}'.\n"
        "'envbuild new NAME' writes another one; 'envbuild schema' lists all keys.",
        description="the first environment of this project",
        conda=("python >=3.11",),
        pip=("tabulate",),
        ending="What else a manifest may say, for example:\n"
        '  variables: {OMP_NUM_THREADS: "2"}\n'
        '  setup: [python -c "import tabulate"]\n'
        f"Another manifest may build on this one: 'extends: {name}'.",
    )
