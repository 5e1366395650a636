"""The facts that a plan is made of: fingerprints on one side, records and what stands on this machine on the other."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from envbuild.builders import BUILDERS, EDITABLES, local
from envbuild.document import Mapping, Scalar, Value
from envbuild.errors import EnvbuildError, Place, PlanError, raise_all
from envbuild.fingerprint import Fingerprint, Folder, Inputs, fingerprint, is_tied
from envbuild.lock import (
    Change,
    Held,
    Pins,
    Request,
    disagreements,
    group_of,
    lock_path,
    member_items,
    pin_changes,
    read_lock,
    refusals,
    request_changes,
)
from envbuild.manifest import Asked
from envbuild.plan import Plan, Subject, plan
from envbuild.project.locks import Locked, Locks
from envbuild.record import Record, Version
from envbuild.resolve import Environment
from envbuild.state import State
from envbuild.workspace import Workspace
from envbuild.workspace.folders import Folders


class Prepared(msgspec.Struct, frozen=True):
    """An environment with all that goes into its build; no fingerprint before it is locked.

    `contents` say of folders what their digests among `files` are of.
    """

    environment: Environment
    locked: Locked
    files: dict[str, str]
    fingerprint: Fingerprint | None
    contents: dict[str, str] = {}


Mates = Callable[[str], tuple[Environment, ...]]


class Facts:
    """Looks up what a plan needs, in as few questions as there are kinds of question."""

    def __init__(
        self, workspace: Workspace, folders: Folders, state: State, store: Path, platform: str, mates: Mates
    ) -> None:
        self._mates = mates
        self._workspace = workspace
        self._folders = folders
        self._state = state
        self._store = store
        self._platform = platform
        self._complaints: dict[str, str | None] = {}
        self._groups: dict[str, Held] = {}
        self.locks = Locks(workspace, folders)

    def prepare(self, environments: Iterable[Environment], *, to_build: bool) -> tuple[Prepared, ...]:
        """Locks, and to build also files and fingerprints; everything that is wrong is raised together."""
        problems: list[EnvbuildError] = []
        prepared = []
        for environment in environments:
            try:
                prepared.append(self._prepared(environment) if to_build else self._to_lock(environment))
            except EnvbuildError as error:
                problems.append(error)
        raise_all(problems)
        return tuple(prepared)

    def _to_lock(self, environment: Environment) -> Prepared:
        return Prepared(environment, self._locked(environment, repair=True), {}, None)

    def _locked(self, environment: Environment, *, repair: bool) -> Locked:
        """Whether it is current: also with the locks of its `solve_group`."""
        locked = self.locks.locked(environment, repair=repair)
        group = group_of(environment)
        own = self.locks.usable(locked.path) if group and locked.current and locked.path else None
        if own is None:
            return locked
        changes = tuple(disagreements(environment, own.pins, self._of_group(group)))
        return msgspec.structs.replace(locked, changes=changes) if changes else locked

    def _of_group(self, group: str) -> Held:
        """What its locks pin, which are read once for all of it."""
        if group not in self._groups:
            locks = ((one.name, self.locks.usable(lock_path(one.name))) for one in self._mates(group))
            self._groups[group] = Held.of({name: lock.pins for name, lock in locks if lock})
        return self._groups[group]

    def _prepared(self, environment: Environment) -> Prepared:
        raise_all([*self._refusals(environment), *refusals(environment)])
        locked = self._locked(environment, repair=False)
        contents = self._contents(environment)
        files = {path: folder.digest for path, folder in contents.items()}
        for item in member_items(environment):
            if item.path not in contents:
                files[item.path] = self._workspace.digest(item.path, item.where)
        texts = {path: folder.text for path, folder in contents.items()}
        inputs = Inputs(local.FORMAT, locked.head, (self._platform,), files, texts)
        found = fingerprint(environment, inputs) if locked.current else None
        return Prepared(environment, locked, files, found, texts)

    def _contents(self, environment: Environment) -> dict[str, Folder]:
        return {
            item.path: self._folders.content(item.path, item.where, editable=item.editable)
            for item in member_items(environment)
            if Asked(item.path).is_folder
        }

    def _refusals(self, environment: Environment) -> Iterable[EnvbuildError]:
        """What this builder cannot do for this manifest, each with its line: never ignored."""
        builder = BUILDERS.get(environment.builder)
        if builder is None:
            what = f"the builder '{environment.builder}' is not in this version yet"
            yield PlanError(what, environment.builder_where, "use 'local'")
            return
        if EDITABLES in builder.CANNOT_HONOUR:
            for item in (one for one in member_items(environment) if one.editable):
                what = f"builder '{environment.builder}' cannot do '-e': what it makes goes elsewhere"
                yield PlanError(what, item.where, "remove '-e'")
        for key, value in sorted({*builder.CANNOT_HONOUR} - {EDITABLES}):
            stated = environment.node(*key.split("."))
            if stated is not None and _says(stated, value):
                shown = f"{key}: {stated.text}" if isinstance(stated, Scalar) else key
                what = f"builder '{environment.builder}' cannot do '{shown}'"
                yield PlanError(what, environment.where_key(*key.split(".")), "remove it")
        if self._platform not in environment.platforms:
            where = environment.where("platforms")
            hint = f"add {self._platform}, or run this where one of {', '.join(environment.platforms)} is"
            yield PlanError(f"this machine is {self._platform}, and '{environment.name}' is not", where, hint)

    def plan(
        self, prepared: tuple[Prepared, ...], known: set[str] | None, *, refresh: bool, explain: bool = True
    ) -> Plan:
        """`known` are all names of the project when everything is planned: other records are to be forgotten.

        Where nobody reads the reasons they need not be looked up: `explain` says so.
        """
        names = tuple(one.environment.name for one in prepared)
        latest = self._state.latest(None if known is not None else names)
        held = self._held(prepared, latest, refresh=refresh)
        numbers = self._state.numbers(names)
        subjects = [
            self._subject(one, latest.get(one.environment.name), held, numbers, refresh=refresh) for one in prepared
        ]
        if explain:
            subjects = [self._explained(one, subject) for one, subject in zip(prepared, subjects, strict=True)]
        forgotten = [version for name, version in latest.items() if known is not None and name not in known]
        return plan(subjects, forgotten)

    def _held(self, prepared: tuple[Prepared, ...], latest: dict[str, Version], *, refresh: bool) -> dict[str, str]:
        """Content that stands already, by fingerprint: under another name, or in the store of this user."""
        sought = {
            one.fingerprint.text: self._checkout(one.fingerprint)
            for one in prepared
            if one.fingerprint and not _is(latest.get(one.environment.name), one.fingerprint)
        }
        if not sought:
            return {}
        records = self._state.with_content(tuple(sorted(sought)))
        held = {}
        for text, checkout in sought.items():
            version = records.get(text)
            stands = version and local.strays(version.reference, text, checkout) is None
            if version and stands and (not refresh or self._complaint(version.reference) is None):
                held[text] = f"{version.environment}@{version.version}"
            elif refresh and local.find(self._store, text, checkout):
                held[text] = "a prefix of this user's store"
        return held

    def _subject(
        self, one: Prepared, latest: Version | None, held: dict[str, str], numbers: dict[str, int], *, refresh: bool
    ) -> Subject:
        found = one.fingerprint
        same = found is not None and _is(latest, found)
        return Subject(
            environment=one.environment,
            fingerprint=found,
            locking=one.locked.changes,
            latest=latest,
            complaint=self._harm(latest, found, refresh=refresh) if latest and found and same else None,
            elsewhere=held.get(found.text, "") if found and not same else "",
            next_version=numbers.get(one.environment.name, 0) + 1,
        )

    def _checkout(self, found: Fingerprint) -> str:
        return str(self._workspace.root) if is_tied(found.parts) else ""

    def _harm(self, latest: Version, found: Fingerprint, *, refresh: bool) -> str | None:
        stray = local.strays(latest.reference, found.text, self._checkout(found))
        return stray or (self._complaint(latest.reference) if refresh else None)

    def _explained(self, one: Prepared, subject: Subject) -> Subject:
        """With what was built last, where something else is wanted now."""
        latest, found = subject.latest, subject.fingerprint
        record = self._record(latest) if latest and found and not _is(latest, found) else None
        if record is None:
            return subject
        return msgspec.structs.replace(subject, before=record.parts, pins=self._pin_changes(one, record))

    def _complaint(self, reference: str) -> str | None:
        """A prefix that many environments share is looked at once."""
        if reference not in self._complaints:
            self._workspace.ledger.note_prefix(reference)
            self._complaints[reference] = local.complaint(reference)
        return self._complaints[reference]

    def _record(self, version: Version) -> Record | None:
        return self._state.whole(version.environment, version.version)

    def _pin_changes(self, one: Prepared, record: Record) -> tuple[Change, ...]:
        """Between the lock that was built and the lock that stands now."""
        path = one.locked.path
        now = self.locks.whole(path) if path else None
        before = read_lock(path, record.lock) if record.lock else None
        nothing = Pins(self._platform, ())
        asked: tuple[Change, ...] = ()
        if now and before and (recorded := before.head.requests.get(self._platform)):
            request = next(request for request in one.locked.requests if request.platform == self._platform)
            asked = request_changes(recorded, request, one.environment)
        return pin_changes(
            before.pins.get(self._platform, nothing) if before else nothing,
            now.pins.get(self._platform, nothing) if now else nothing,
            asked,
            Place(path or one.environment.path),
        )


def _says(node: Value, value: str) -> bool:
    """Whether anything is said, or just this value."""
    if isinstance(node, Scalar):
        return not value or node.text == value
    return bool(node.entries if isinstance(node, Mapping) else node.items)


def _is(version: Version | None, found: Fingerprint) -> bool:
    return version is not None and version.fingerprint == found.text


def requests_of(prepared: Iterable[Prepared]) -> Iterator[Request]:
    return (request for one in prepared for request in one.locked.requests)
