"""What another format comes to as a manifest: judged line by line before it is written, so that it loads."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from envbuild.document import Document, Mapping, Scalar, parse, scalars
from envbuild.document import Sequence as Items
from envbuild.errors import EnvbuildError, ManifestError, Note, Place, UsageError, raise_all
from envbuild.manifest import manifest, notes
from envbuild.manifest.requirements import pip_items
from envbuild.names import allowed_name
from envbuild.project.front import Project
from envbuild.project.starting.adding import manifest_of, place_for, refuse_lent, refuse_name
from envbuild.project.starting.amending import commented, respelt, span_at
from envbuild.project.starting.drafting import Drafted
from envbuild.project.starting.judging import Judged, judge_one
from envbuild.project.starting.spelling import spelt

_ROUNDS = 50
_SHOWN = 120


class Carried(msgspec.Struct, frozen=True):
    """A text that is to be a manifest, and for each of its lines the place in the source that it is from.

    `left` is what the format cannot say here, and stands in the text as a comment already.
    """

    text: str
    origins: tuple[Place | None, ...]
    left: tuple[EnvbuildError, ...] = ()
    notes: tuple[Note, ...] = ()


class Imported(msgspec.Struct, frozen=True):
    """One manifest, written or only shown; `left` is what is not in it but as a comment."""

    name: str
    path: str
    source: str
    text: str
    written: bool
    left: tuple[EnvbuildError, ...]
    notes: tuple[Note, ...]
    judged: Judged


class Asked(msgspec.Struct, frozen=True):
    """How an import is to be done."""

    name: str = ""
    partial: bool = False
    force: bool = False
    dry: bool = False


def folded_name(stated: str) -> str:
    """A name that a source has for itself, as one of ours; of a path the last part counts."""
    return allowed_name(stated.replace("\\", "/").rstrip("/").rpartition("/")[2])


def place_of(project: Project, asked: Asked) -> str:
    """Where the manifest is to stand; nothing that stands is written over unless that was said."""
    refuse_name(asked.name)
    refuse_lent(project, asked.name)
    standing = manifest_of(project, asked.name)
    if standing and not asked.force:
        hint = "choose another name, or say '--force' to write over it"
        raise UsageError(f"there is an environment '{asked.name}' already", Place(standing), hint)
    if standing and asked.name not in project.reader.files.names.paths:
        hint = "choose another name: that is one of several of a matrix"
        raise UsageError(f"there is an environment '{asked.name}' already", Place(standing), hint)
    return standing or place_for(project, asked.name)


def take_in(project: Project, asked: Asked, path: str, source: str, carried: Carried) -> Imported:
    """Write what holds; where something does not, nothing, unless the rest was asked for."""
    settled = _Settling(project, asked.name, path, carried)
    settled.settle()
    left = tuple(sorted(settled.left, key=lambda one: one.where or Place("")))
    if left and not asked.partial:
        raise_all(left)
    if not asked.dry:
        write = project.workspace.write if asked.force else project.workspace.write_new
        write(path, settled.text)
    judged = settled.judged
    if judged is None:
        raise AssertionError
    return Imported(asked.name, path, source, settled.text, not asked.dry, left, tuple(settled.notes), judged)


class _Settling:
    """Reads the text as the project will, and takes out or mends what is refused, until nothing is."""

    def __init__(self, project: Project, name: str, path: str, carried: Carried) -> None:
        self._project = project
        self._name = name
        self._path = path
        self._origins = carried.origins
        self.text = carried.text
        self.left = list(carried.left)
        self.notes = list(carried.notes)
        self.judged: Judged | None = None

    def settle(self) -> None:
        for _ in range(_ROUNDS):
            problems = self._problems()
            if not problems:
                break
            for line in sorted({problem.where.line for problem in problems if problem.where}, reverse=True):
                self._mend(next(one for one in problems if one.where and one.where.line == line))
        else:
            raise_all(self._told(one) for one in self._problems())
        said = {(one.kind, one.message) for one in self.notes}
        self.notes += [one for one in self._own_notes() if (one.kind, one.message) not in said]

    def _problems(self) -> list[EnvbuildError]:
        """Of the manifest by itself; only then of what it comes to in its project."""
        try:
            document = parse(self._path, self.text.encode())
            if nested := list(_of_files(document, self._project)):
                return nested
            manifest(self._name, document, self._project.workspace.read)
        except EnvbuildError as error:
            return self._own(error)
        project = Project(self._project.root, self._project.host)
        project.workspace = Drafted(project.root, {self._path: self.text}, project.workspace.lent)
        self.judged = judge_one(project, self._name, self._path)
        refused = self.judged.error if self.judged.state == "unreadable" else None
        return [one for one in refused.problems if one.where and one.where.path == self._path] if refused else []

    def _own(self, error: EnvbuildError) -> list[EnvbuildError]:
        """What is wrong elsewhere cannot be mended here."""
        if elsewhere := [one for one in error.problems if not one.where or one.where.path != self._path]:
            raise_all(elsewhere)
        return list(error.problems)

    def _mend(self, problem: EnvbuildError) -> None:
        where = problem.where or Place(self._path)
        span = span_at(self.text, where.line, where.column)
        said = self._said(where)
        better = spelt(said, in_pip=_is_in_pip(self.text, where)) if said else None
        again = respelt(self.text, span, better) if span and better else self.text
        if better and again != self.text:
            self.text = again
            message = f"'{_short(said)}' is written '{_short(better)}'"
            self.notes.append(Note("spelling", message, self._origin(where), "write it so in the source, too"))
            return
        why = self._why(problem, said)
        text = commented(self.text, where.line, where.column, why)
        if text is None:
            raise_all([self._told(problem)] if not self.left else self.left)
            return
        self.text = text
        self.left.append(not_carried(_short(said), why, self._origin(where), problem.hint))

    def _said(self, where: Place) -> str:
        """What stands at a place, where it is one text; an anchor may have been taken from what names it."""
        try:
            root = parse(self._path, self.text.encode()).root
        except EnvbuildError:
            return ""
        found = [node for node in scalars(root) if (node.line, node.column) == (where.line, where.column)]
        return found[0].text.strip() if found else ""

    def _told(self, problem: EnvbuildError) -> EnvbuildError:
        """Where the source says it, since nobody has seen the manifest yet."""
        return ManifestError(self._why(problem), self._origin(problem.where or Place(self._path)), problem.hint)

    def _why(self, problem: EnvbuildError, said: str = "") -> str:
        why = re.sub(rf"{re.escape(self._path)}:(\d+)(:\d+)?", self._moved, problem.message)
        return why.removeprefix(f"'{said}': ") if said else why

    def _moved(self, match: re.Match[str]) -> str:
        return str(self._origin(Place(self._path, int(match[1]))).line_only)

    def _origin(self, where: Place) -> Place:
        found = self._origins[where.line - 1] if 0 < where.line <= len(self._origins) else None
        if found and not found.column and where.column and found.line:
            return Place(found.path, found.line, where.column)
        return found or Place(self._path)

    def _own_notes(self) -> Iterator[Note]:
        document = parse(self._path, self.text.encode())
        found = manifest(self._name, document, self._project.workspace.read)
        for one in (*found.notes, *notes(document, self._project.platform)):
            if one.where.path == self._path:
                yield Note(one.kind, one.message, self._origin(one.where), one.hint)


def not_carried(said: str, why: str, where: Place, hint: str) -> EnvbuildError:
    """One thing of a source that a manifest cannot say."""
    if not said:
        return ManifestError(why, where, hint)
    return ManifestError(f"'{said}' is not carried: {why}", where, hint)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _pip_lists(document: Document) -> Iterator[Items]:
    for key in ("dependencies", "constraints", "overrides"):
        stated = document.root.get(key)
        for item in stated.items if isinstance(stated, Items) else ():
            listed = item.get("pip") if isinstance(item, Mapping) else None
            if isinstance(listed, Items):
                yield listed


def _is_in_pip(text: str, where: Place) -> bool:
    items = (one for found in _pip_lists(parse(where.path, text.encode())) for one in found.items)
    return any((where.line, where.column) == (one.line, one.column) for one in items)


def _of_files(document: Document, project: Project) -> Iterator[EnvbuildError]:
    """A file that a pip list names is carried as a whole, or not: its faults are told at the line that names it."""
    for listed in _pip_lists(document):
        for node in listed.items:
            if isinstance(node, Scalar) and re.match(r"\s*(-[rc]|--requirement|--constraint)", node.text):
                found: list[EnvbuildError] = []
                pip_items((node,), document.path.rpartition("/")[0], project.workspace.read, found)
                if elsewhere := [one for one in found if not one.where or one.where.path != document.path]:
                    yield ManifestError(_first(elsewhere), node.place, elsewhere[0].hint or "mend that file")


def _first(problems: Sequence[EnvbuildError]) -> str:
    first = problems[0]
    more = f" and {len(problems) - 1} more" if problems[1:] else ""
    return f"{first.where}: {first.message}{more}" if first.where else f"{first.message}{more}"
