"""One more environment like another one: its manifest as it stands, or what a version was built from."""

import posixpath
import string

import msgspec

from envbuild.document import RAW, Scalar, decode, parse, written
from envbuild.errors import EnvbuildError, Place, UsageError
from envbuild.globs import is_glob
from envbuild.lock import lock_path, lock_text, read_lock
from envbuild.manifest.moving import Said, moved
from envbuild.names import catalogue_of
from envbuild.plan import Source, content_reasons
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.project.standing import Depth
from envbuild.project.starting.adding import place_for, refuse_lent, refuse_name, refuse_taken
from envbuild.project.starting.amending import span_at, with_written
from envbuild.project.starting.judging import Judged, judge_one
from envbuild.project.versions import parted
from envbuild.record import Reason, Record
from envbuild.resolve import resolved_text

_HARMLESS = set(f"{string.ascii_letters}{string.digits}_./~-")


class Cloned(msgspec.Struct, frozen=True):
    """`whole` where it is not a copy of a file, but all that the source comes to. Of a version also its lock.

    `same` says whether it has the content of that version, and `reasons` why not; nothing where no version was meant.
    """

    path: str
    judged: Judged
    source: str
    whole: bool
    lock: str = ""
    same: bool | None = None
    reasons: tuple[Reason, ...] = ()


class _Text(msgspec.Struct, frozen=True):
    """What is to be written, and the version that it is from, if it is from one."""

    source: str
    text: str
    whole: bool
    record: Record | None = None


def clone(project: Project, source: str, name: str) -> Cloned:
    """Nothing that stands is written over, and nothing is left of what cannot be written whole."""
    refuse_name(name)
    refuse_lent(project, name)
    refuse_taken(project, name)
    path = place_for(project, name)
    found = _found(project, source, path)
    lock = _lock(project, found.record, name, path) if found.record and found.record.lock else ""
    project.workspace.write_new(path, found.text)
    try:
        if lock:
            project.workspace.write_new(lock_path(name), lock)
    except BaseException:
        project.workspace.discard(path)
        raise
    again = Project(project.root, project.host)
    judged = judge_one(again, name, path)
    same, reasons = _compared(again, name, found.record) if found.record and not judged.error else (None, ())
    return Cloned(path, judged, found.source, found.whole, lock_path(name) if lock else "", same, reasons)


def _found(project: Project, source: str, path: str) -> _Text:
    name, version = parted(source)
    if is_glob(name) or name.startswith("@"):
        raise UsageError(f"'{name}' may mean several", hint="name one environment")
    if version:
        record = project.record(project.named(name), version)
        text = moved_text(project, record.manifest_path, record.manifest, path)
        return _Text(f"{record.environment}@{record.version}", text, whole=True, record=record)
    if file := project.reader.files.names.path(name):
        text = decode(file, project.workspace.read(file, Place(file)))
        return _Text(name, moved_text(project, file, text, path), whole=False)
    one = project.one(name)
    return _Text(one.name, moved_text(project, one.path, resolved_text(one), path), whole=True)


def moved_text(project: Project, start: str, text: str, path: str) -> str:
    """The same text, in the place that it gets; all but paths and names stays as it is, comments too."""
    files = project.reader.files

    def called(parent: str) -> str:
        name = files.called(parent) if catalogue_of(parent) else parent
        return name if name != parent else ""

    for one in moved(parse(start, text.encode()).root, posixpath.dirname(path), called):
        again = _with(text, one)
        if again == text:
            hint = "write it on one line"
            raise UsageError(
                f"'{_short(one.node.text)}' cannot be told apart from what is around it", one.node.place, hint
            )
        text = again
    return text


def _with(text: str, said: Said) -> str:
    """The text with a value as it has to be said; in a block of lines, at one of them."""
    node, lines = said.node, text.split("\n")
    if node.block:
        lines[node.line - 1] = lines[node.line - 1].replace(node.text, said.text, 1)
        return "\n".join(lines)
    span = span_at(text, node.line, node.column)
    return with_written(text, span, _shown(node, said.text)) if span else text


def _shown(node: Scalar, text: str) -> str:
    """As YAML has it, without quotes where it had none and no sign has come; an expression stays one."""
    if node.plain and not node.tag and not set(text) - set(node.text) - _HARMLESS:
        return text
    tag = f"{RAW} " if node.tag == RAW else ""
    return f"{tag}{written(Scalar('', 0, 0, None, text, plain=False))}"


def _short(text: str) -> str:
    return text.partition("\n")[0]


def _lock(project: Project, record: Record, name: str, path: str) -> str:
    if project.workspace.exists(lock_path(name)):
        raise UsageError("there is such a lock already", Place(lock_path(name)), "remove it, or choose another name")
    return lock_text(read_lock(record.manifest_path, record.lock or ""), path, name)


def _compared(project: Project, name: str, record: Record) -> tuple[bool | None, tuple[Reason, ...]]:
    """Whether it is planned as what the version is, else what differs."""
    try:
        planned = project.plan(Selection((name,)), Depth.RECORDS)
    except EnvbuildError as error:
        return False, tuple(Reason("plan", one.message, str(one.where or "")) for one in error.problems)
    step = next(one for one in planned.plan.steps if one.environment == name)
    if step.fingerprint is None or step.fingerprint == record.fingerprint:
        return step.fingerprint is not None, step.reasons if step.fingerprint is None else ()
    one = next(one for one in planned.prepared if one.environment.name == name)
    now = one.fingerprint.parts if one.fingerprint else ()
    return False, content_reasons(record.parts, now, (), Source(one.environment.path, one.environment))
