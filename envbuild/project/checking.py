"""Everything that can be said of a project without building: what is wrong, and what is worth a note."""

from collections.abc import Iterable, Iterator

import msgspec

from envbuild.document import Mapping, scalars
from envbuild.errors import EnvbuildError, Note, Place, Problems, raise_all
from envbuild.lock import FOLDER, SUFFIX, read_head
from envbuild.manifest import Manifest
from envbuild.manifest import notes as manifest_notes
from envbuild.names import FILE
from envbuild.project.commit import is_tracked
from envbuild.project.early import Early
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.render import complaints
from envbuild.resolve import Environment, lineages
from envbuild.resolve import notes as environment_notes
from envbuild.solvers.secrets import Secrets


class Checked(msgspec.Struct, frozen=True):
    """`manifests` were read; `errors` and `notes` are in the order of files and lines."""

    manifests: int
    environments: int
    errors: tuple[EnvbuildError, ...]
    notes: tuple[Note, ...]


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
    notes = _notes(project, environments, about, _committed(project) if selection.everything else ())
    return Checked(count, len(environments), found, tuple(notes))


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


def _notes(
    project: Project, environments: tuple[Environment, ...], about: set[str], further: Iterable[Note]
) -> list[Note]:
    """Each once, however many environments inherit what it is about; `further` ones are about no manifest."""
    files, ignored = project.reader.files, set(project.settings.check.ignore)
    documents = [one for one in files.documents() if one.path in about]
    manifests = [one for one in files.manifests() if one.path in about]
    found = [*further, *(note for document in documents for note in manifest_notes(document, project.platform))]
    found += [note for manifest in manifests for note in manifest.notes]
    found += [note for one in environments for note in environment_notes(one, project.settings)]
    found += _idle_parents(project, manifests)
    silenced = {manifest.path: _ignored(manifest) for manifest in files.manifests()}
    for one in environments:
        silenced[one.path] = silenced.get(one.path, set()) | set(one.keys.check.ignore)
    kept = {note for note in found if note.kind not in ignored | silenced.get(note.where.path, set())}
    return sorted(kept, key=lambda note: (note.where, note.kind, note.message))


def _committed(project: Project) -> Iterator[Note]:
    """Secrets whose files git has: whoever has the repository has them."""
    for named, file in Secrets(project.settings, project.host, project.root).files:
        if is_tracked(file, project.programs, project.host):
            message = f"git has the file of the secret '{named.name}': {named.secret.file}"
            hint = (
                "take it out with 'git rm --cached', let git ignore it, and have a new secret: history keeps this one"
            )
            yield Note("committed-secret", message, named.where or Place(FILE), hint)


def _ignored(manifest: Manifest) -> set[str]:
    """The kinds that a file leaves out for itself."""
    stated = manifest.body.get("check")
    kinds = stated.get("ignore") if isinstance(stated, Mapping) else None
    return {node.text for node in scalars(kinds)} if kinds else set()


def _idle_parents(project: Project, manifests: Iterable[Manifest]) -> Iterator[Note]:
    """A parent that another listed parent descends from, and one that is listed twice."""
    family = project.reader.files.family
    for manifest in manifests:
        try:
            parents = family.parents(manifest)
            above, _ = lineages(parents, family.parents)
        except (EnvbuildError, KeyError):
            continue  # said as an error
        for at, parent in enumerate(parents):
            others = [one for one in parents if one is not parent and parent in above[one.path]]
            if others or parent in parents[:at]:
                why = f"'{others[0].name}' extends it already" if others else "it is listed before"
                message = f"the parent '{parent.name}' adds nothing: {why}"
                yield Note("idle-parent", message, manifest.extends[at].where, "remove it")
