"""Everything that can be said of a project without building: what is wrong, and what is worth a warning or a note."""

from collections.abc import Collection, Iterator

import msgspec

from envbuild.errors import EnvbuildError, Note, Place, Problems, raise_all
from envbuild.lock import FOLDER, SUFFIX, read_head
from envbuild.names import FILE
from envbuild.project.commit import is_tracked
from envbuild.project.early import Early
from envbuild.project.front import Project
from envbuild.project.noticing import Noticing
from envbuild.project.reading import Selection
from envbuild.render import complaints
from envbuild.resolve import Environment, lineages
from envbuild.rules import SECRET, Finding, Said, findings
from envbuild.solvers.secrets import Secrets


class Checked(msgspec.Struct, frozen=True):
    """`manifests` were read; `errors` and `findings` are in the order of files and lines.

    Of lines that are `secret` nothing is to be shown, whether or not that they are was silenced.
    """

    manifests: int
    environments: int
    errors: tuple[EnvbuildError, ...]
    findings: tuple[Finding, ...]
    secret: frozenset[Place]

    @property
    def warnings(self) -> tuple[Note, ...]:
        return tuple(one.note for one in self.findings if one.level == "warning")

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(one.note for one in self.findings if one.level == "note")


def check(project: Project, selection: Selection) -> Checked:
    """All files, also those that no plan needs; with a selection its manifests alone."""
    errors: list[EnvbuildError] = []
    environments: tuple[Environment, ...] = ()
    files = project.reader.files
    try:
        environments = project.environments(selection)
        about = _about(project, selection)
        judged = tuple(one for one in files.manifests() if one.path in about)
        raise_all(lineages(judged, files.family.parents)[1].values())
    except EnvbuildError as error:
        if error.exit_code != 1:
            raise
        errors.append(error)
    early = Early(project.workspace, project.settings, lambda: project.templates)
    errors += [problem for one in environments for problem in early.problems(one)]
    if selection.everything:
        errors += [*_templates(project), *_damaged_locks(project)]
    found = Problems(errors).problems
    about = _about(project, selection)
    count = sum(document.path in about for document in files.documents())
    noticing = Noticing(project, environments, about)
    said = [*noticing.said(), *(_of_settings(project, noticing) if selection.everything else ())]
    secret = frozenset(one.note.where for one in said if one.note.kind == SECRET)
    told = findings(_unsaid(said, found), noticing.silence())
    return Checked(count, len(environments), found, told, secret)


def _of_settings(project: Project, noticing: Noticing) -> Iterator[Said]:
    yield from (Said(note, FILE) for note in _committed(project))
    yield from noticing.of_settings()


def _unsaid(said: Collection[Said], errors: Collection[EnvbuildError]) -> Iterator[Said]:
    """A secret is told once: what is wrong with its line is an error already."""
    lines = {(error.where.path, error.where.line) for error in errors if error.where}
    for one in said:
        if one.note.kind != SECRET or (one.note.where.path, one.note.where.line) not in lines:
            yield one


def _about(project: Project, selection: Selection) -> set[str]:
    """The files that are judged: all, or those that the selection means, with what they extend and are built from."""
    files = project.reader.files
    if selection.everything:
        return {*files.found, *(document.path for document in files.documents())}
    return files.with_parents(project.reader.concerned)


def _templates(project: Project) -> Iterator[EnvbuildError]:
    try:
        yield from complaints(project.templates)
    except EnvbuildError as error:
        yield error


def _damaged_locks(project: Project) -> Iterator[EnvbuildError]:
    for path in project.workspace.files(FOLDER, SUFFIX):
        try:
            read_head(path, project.workspace.text(path) or "")
        except EnvbuildError as error:
            yield error


def _committed(project: Project) -> Iterator[Note]:
    """Secrets whose files git has: whoever has the repository has them."""
    for named, file in Secrets(project.settings, project.host, project.root).files:
        if is_tracked(file, project.programs, project.host):
            message = f"git has the file of the secret '{named.name}': {named.secret.file}"
            hint = (
                "take it out with 'git rm --cached', let git ignore it, and have a new secret: history keeps this one"
            )
            yield Note("committed-secret", message, named.where or Place(FILE), hint)
