"""What is worth saying of a project though nothing is wrong with it: all that the rules say, of all that was read."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from envbuild.document import Mapping, decode, scalars
from envbuild.errors import EnvbuildError, Note
from envbuild.lock import FOLDER, SUFFIX
from envbuild.machine import today
from envbuild.manifest import Manifest
from envbuild.manifest import notes as document_notes
from envbuild.names import FILE
from envbuild.project.front import Project
from envbuild.resolve import Environment, lineages, silenced
from envbuild.resolve import notes as environment_notes
from envbuild.rules import Given, Said, Silence, of_document, of_environment, of_manifest, secrets


class Noticing:
    """Each thing is said of the file that it stands in, and of the environments that inherit it."""

    def __init__(self, project: Project, environments: tuple[Environment, ...], about: set[str]) -> None:
        self._project = project
        self._environments = environments
        self._files = project.reader.files
        self._documents = [one for one in self._files.documents() if one.path in about]
        self._manifests = [one for one in self._files.manifests() if one.path in about]
        self._texts = {one.path: one.text for one in self._documents}

    def said(self) -> Iterator[Said]:
        for document in self._documents:
            told = (*document_notes(document, self._project.platform), *of_document(document))
            yield from self._of_file(document.path, told)
        for manifest in self._manifests:
            yield from self._of_file(manifest.path, (*manifest.notes, *of_manifest(manifest)))
        yield from self._of_environments()
        for manifest in self._manifests:
            yield from self._of_file(manifest.path, self._idle_parents(manifest))

    def of_settings(self) -> Iterator[Said]:
        for note in secrets(FILE, self._read(FILE)):
            yield Said(note, FILE)

    def silence(self) -> Silence:
        """Of a file what it says, and what it inherits where no environment tells."""
        own = {manifest.path: _silenced(manifest) for manifest in self._files.manifests()}
        files = {path: own[path] | self._inherited(path, own) for path in own}
        environments = {one.name: silenced(one) for one in self._environments}
        return Silence(frozenset(self._project.settings.check.ignore), files, environments)

    def _inherited(self, path: str, own: dict[str, frozenset[str]]) -> frozenset[str]:
        if path in self._heirs:
            return frozenset()
        above = self._files.with_parents([path])
        return frozenset().union(*(own.get(one, ()) for one in above))

    @cached_property
    def _heirs(self) -> dict[str, tuple[str, ...]]:
        """The environments that a file is part of."""
        found: dict[str, list[str]] = {}
        for one in self._environments:
            for path in {manifest.path for manifest in one.lineage}:
                found.setdefault(path, []).append(one.name)
        return {path: tuple(names) for path, names in found.items()}

    def _of_file(self, path: str, notes: Iterable[Note]) -> Iterator[Said]:
        for note in notes:
            yield Said(note, path, self._heirs.get(path, ()))

    def _of_environments(self) -> Iterator[Said]:
        workspace = self._project.workspace
        locks = workspace.files(FOLDER, SUFFIX)
        locked = frozenset(path.removeprefix(f"{FOLDER}/").removesuffix(SUFFIX) for path in locks)
        given = Given(today(), locked, self._read)
        for one in self._environments:
            for note in (*environment_notes(one, self._project.settings), *of_environment(one, given)):
                yield Said(note, note.where.path, (one.name,))

    def _read(self, path: str) -> str:
        """A file that cannot be read is told as an error, by whoever needs it."""
        if path not in self._texts:
            workspace = self._project.workspace
            try:
                self._texts[path] = decode(path, workspace.read(path)) if workspace.exists(path) else ""
            except EnvbuildError:
                self._texts[path] = ""
        return self._texts[path]

    def _idle_parents(self, manifest: Manifest) -> Iterator[Note]:
        """A parent that another listed parent descends from, and one that is listed twice."""
        parents = self._parents(manifest)
        for at, parent in enumerate(parents):
            others = [one for one in parents if one is not parent and parent.path in self._above.get(one.path, ())]
            if others or parent in parents[:at]:
                why = f"'{others[0].name}' extends it already" if others else "it is listed before"
                message = f"the parent '{parent.name}' adds nothing: {why}"
                yield Note("idle-parent", message, manifest.extends[at].where, "remove it")

    def _parents(self, manifest: Manifest) -> tuple[Manifest, ...]:
        """None where one of them cannot be had, which is said as an error."""
        try:
            return self._files.family.parents(manifest)
        except (EnvbuildError, KeyError):
            return ()

    @cached_property
    def _above(self) -> dict[str, set[str]]:
        """The ancestors of each file, by path; of those that extend each other there are none."""
        ordered, _ = lineages(tuple(self._manifests), self._parents)
        return {path: {one.path for one in lineage[:-1]} for path, lineage in ordered.items()}


def _silenced(manifest: Manifest) -> frozenset[str]:
    """The codes that a file leaves out for itself."""
    stated = manifest.body.get("check")
    ignored = stated.get("ignore") if isinstance(stated, Mapping) else None
    return frozenset(node.text for node in scalars(ignored)) if ignored else frozenset()
