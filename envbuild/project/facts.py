"""The facts that a plan is made of: what is wanted on one side, records and what stands already on the other."""

from collections.abc import Callable, Mapping

import msgspec

from envbuild.errors import Place
from envbuild.lock import Change, Pins, pin_changes, read_lock, request_changes
from envbuild.plan import Plan, Subject, plan
from envbuild.project.locks import Locks
from envbuild.project.preparing import Prepared
from envbuild.project.standing import Harm, Held, Standing
from envbuild.record import Record, Version
from envbuild.state import State


class Facts:
    """Looks up what a plan needs, in as few questions as there are kinds of question."""

    def __init__(self, state: State, locks: Locks, standing: Callable[[str], Standing]) -> None:
        """`standing` knows for each builder what it has made."""
        self._state = state
        self._locks = locks
        self._standing = standing

    def plan(
        self, prepared: tuple[Prepared, ...], known: Callable[[str], bool] | None, *, explain: bool = True
    ) -> Plan:
        """`known` says of a name whether the project has it, when everything is planned: other records are forgotten.

        Where nobody reads the reasons they need not be looked up: `explain` says so.
        """
        names = tuple(one.environment.name for one in prepared)
        latest = self._state.latest(None if known is not None else names)
        held, harm = self._held(prepared, latest), self._harm(prepared, latest)
        numbers = self._state.numbers(names)
        subjects = [self._subject(one, latest, held, harm, numbers) for one in prepared]
        subjects = self._with_past(subjects)
        if explain:
            subjects = [self._explained(one, subject) for one, subject in zip(prepared, subjects, strict=True)]
        forgotten = [version for name, version in latest.items() if known is not None and not known(name)]
        return plan(subjects, forgotten)

    def _held(self, prepared: tuple[Prepared, ...], latest: Mapping[str, Version]) -> dict[str, Held]:
        """By name, of each whose content is not what was built last under it: where it stands already, if it does."""
        sought = [one for one in prepared if one.fingerprint and not _is_built(latest.get(one.environment.name), one)]
        found: dict[str, Held] = {}
        for kind in sorted({one.environment.builder for one in sought}):
            found |= self._standing(kind).held(tuple(one for one in sought if one.environment.builder == kind))
        return found

    def _harm(self, prepared: tuple[Prepared, ...], latest: Mapping[str, Version]) -> dict[str, Harm]:
        """By name, of each that was built as it is wanted now: what is wrong with that, if anything is."""
        latest_of = ((one, latest.get(one.environment.name)) for one in prepared)
        built = [(one, version) for one, version in latest_of if version and _is_built(version, one)]
        found: dict[str, Harm] = {}
        for kind in sorted({one.environment.builder for one, _ in built}):
            found |= self._standing(kind).harm(tuple(pair for pair in built if pair[0].environment.builder == kind))
        return found

    @staticmethod
    def _subject(
        one: Prepared,
        latest: Mapping[str, Version],
        held: Mapping[str, Held],
        harm: Mapping[str, Harm],
        numbers: Mapping[str, int],
    ) -> Subject:
        name = one.environment.name
        found, wrong, last = held.get(name, Held()), harm.get(name), latest.get(name)
        is_taken = last is not None and not last.is_built and max(found.last, (found.version or 0) - 1) >= last.version
        return Subject(
            environment=one.environment,
            fingerprint=one.fingerprint,
            locking=one.locked.changes or _waiting(one),
            latest=last,
            complaint=wrong.what if wrong else None,
            is_lost=is_taken or (wrong is not None and wrong.last is not None),
            elsewhere=found.where,
            held_as=found.version if (found.version or 0) > numbers.get(name, 0) else None,
            next_version=max(numbers.get(name, 0), found.last, (wrong and wrong.last) or 0) + 1,
            base=one.base,
        )

    def _with_past(self, subjects: list[Subject]) -> list[Subject]:
        """Whether anything was built of those whose latest version is only registered."""
        names = tuple(one.latest.environment for one in subjects if one.latest and not one.latest.is_built)
        built = self._state.latest(names, built=True) if names else {}
        return [
            msgspec.structs.replace(one, was_built=one.environment.name in built or one.environment.name not in names)
            for one in subjects
        ]

    def _explained(self, one: Prepared, subject: Subject) -> Subject:
        """With what was built last, where something else is wanted now."""
        latest, found = subject.latest, subject.fingerprint
        record = self._record(latest) if latest and found and not _is(latest, one) else None
        if record is None:
            return subject
        return msgspec.structs.replace(subject, before=record.parts, pins=self._pin_changes(one, record))

    def _record(self, version: Version) -> Record | None:
        return self._state.whole(version.environment, version.version)

    def _pin_changes(self, one: Prepared, record: Record) -> tuple[Change, ...]:
        """Between the lock that was built and the lock that stands now."""
        path = one.locked.path
        now = self._locks.whole(path) if path else None
        before = read_lock(path, record.lock) if record.lock else None
        found: list[Change] = []
        for platform in record.platforms:
            nothing = Pins(platform, ())
            asked: tuple[Change, ...] = ()
            if now and before and (recorded := before.head.requests.get(platform)):
                requests = (request for request in one.locked.requests if request.platform == platform)
                asked = tuple(
                    change for one_now in requests for change in request_changes(recorded, one_now, one.environment)
                )
            found += pin_changes(
                before.pins.get(platform, nothing) if before else nothing,
                now.pins.get(platform, nothing) if now else nothing,
                asked,
                Place(path or one.environment.path),
            )
        return tuple(dict.fromkeys(found))


def _waiting(one: Prepared) -> tuple[Change, ...]:
    """What starts from an environment that is not locked is not known before that is."""
    if one.fingerprint or not one.base:
        return ()
    return (Change(f"'{one.base}', which it starts from, is locked first", one.environment.where("image", "base")),)


def _is_built(version: Version | None, one: Prepared) -> bool:
    return version is not None and version.is_built and _is(version, one)


def _is(version: Version | None, one: Prepared) -> bool:
    return version is not None and one.fingerprint is not None and version.fingerprint == one.fingerprint.text
