"""Versions as they are asked for on a command line, and why each of them was built."""

from typing import TYPE_CHECKING

import msgspec

from envbuild.errors import EnvbuildError, Place, UsageError
from envbuild.lock import Change, Pins, lock_path, pin_changes, read_lock
from envbuild.plan import Action, Source, content_reasons
from envbuild.project.front import Project
from envbuild.project.selection import Selection, is_pattern
from envbuild.record import Reason, Record, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Told(msgspec.Struct, frozen=True):
    """One version with what it replaced and why it was built; `labels` are those that stand for it."""

    record: Record
    previous: Record | None
    reasons: tuple[Reason, ...]
    labels: tuple[str, ...] = ()

    @property
    def action(self) -> Action:
        if any(reason.part == "content" for reason in self.record.reasons):
            return "adopt"
        return "rebuild" if self.previous else "create"


def parted(text: str) -> tuple[str, str]:
    """`NAME@VERSION` in its two halves; a name alone has no version, and `@GROUP` is all name."""
    name, at, version = text.partition("@")
    if not name or not at:
        return text, ""
    if not version:
        raise UsageError(f"'{text}' names no version", hint=f"say '{name}@1' or '{name}@latest'")
    return name, version


def asked(project: Project, text: str) -> tuple[str, str]:
    """The one environment that is meant, by its own name, and its version if one is named."""
    name, version = parted(text)
    return project.named(name), version


def told(project: Project, name: str, version: str) -> Told:
    """One version of a name; `latest` is the newest of this machine."""
    return told_of(project.record(name, version), project.history(name), project.state.labels.of(name))


def asked_versions(project: Project, selection: Selection) -> tuple[list[Told], Selection | None]:
    """The versions among what is selected, and what is left to be planned, if anything is."""
    halves = [(text, *parted(text)) for text in selection.patterns]
    rest = tuple(text for text, _, version in halves if not version)
    if halves and not rest and selection != Selection(selection.patterns):
        what = "only versions are named, and --tag, --exclude and --with-… choose by what manifests say now"
        raise UsageError(what, hint="leave these out, or name an environment without @VERSION")
    found = [(one, version) for _, name, version in halves if version for one in _meant(project, name)]
    versions = [told(project, name, version) for name, version in found]
    return versions, msgspec.structs.replace(selection, patterns=rest) if rest or not versions else None


def _meant(project: Project, name: str) -> tuple[str, ...]:
    """A glob means all that it matches, each by its own name."""
    if is_pattern(name):
        return tuple(one.name for one in project.environments(Selection((name,))))
    return (project.named(name),)


def histories(project: Project, selection: Selection) -> dict[str, tuple[Told, ...]]:
    """Every version of what is selected, newest first; what is given by name may be long gone, and is not read."""
    known = [name for name in selection.patterns if selection.only_names and project.state.history(name)]
    unread = tuple(name for name in selection.patterns if name not in known)
    names = set(known)
    if unread or not known:
        names |= {one.name for one in project.environments(msgspec.structs.replace(selection, patterns=unread))}
    if len(names) == 1:
        project.history(*names)  # says what to do where it was never built
    found = {name: project.state.history(name) for name in sorted(names)}
    if not any(found.values()):
        raise UsageError("none of what is selected was ever built", hint="run 'envbuild apply'")
    labels = project.state.labels.of_all(found)
    return {
        name: tuple(told_of(record, records, labels.get(name, {})) for record in records)
        for name, records in found.items()
    }


def told_of(record: Record, records: "Sequence[Record]", labels: "Mapping[str, int]") -> Told:
    previous = next(_before(record, records), None)
    reasons = record.reasons or _computed(record, previous)
    return Told(record, previous, reasons, labels_of(labels, record.version))


def _before(record: Record, records: "Sequence[Record]") -> "Iterator[Record]":
    """What a plan of that machine had for the latest then; the records come newest first."""
    here = (record.machine, record.platform)
    return (one for one in records if one.version < record.version and one.is_of(*here))


def _computed(record: Record, previous: Record | None) -> tuple[Reason, ...]:
    """For records that remember no reasons: the difference of their parts, without the lines of then."""
    if previous is None:
        first = "first build" if record.version == 1 else "nothing of this machine is recorded before it"
        return (Reason("record", first, record.manifest_path),)
    source = Source(record.manifest_path, name=record.environment)
    return content_reasons(previous.parts, record.parts, _moved(previous, record), source)


def _moved(previous: Record, record: Record) -> tuple[Change, ...]:
    try:
        return pin_changes(_pins(previous), _pins(record), (), Place(lock_path(record.environment)))
    except EnvbuildError:
        return ()  # a recorded lock of another format: that the pins changed is known all the same


def _pins(record: Record) -> Pins:
    nothing = Pins(record.platform, ())
    return read_lock(record.manifest_path, record.lock).pins.get(record.platform, nothing) if record.lock else nothing
