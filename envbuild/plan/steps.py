"""What is wanted and what is remembered -> Plan: what apply would do, and why. Facts come in, decisions go out."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from envbuild.fingerprint import Fingerprint, Part
from envbuild.lock import Change
from envbuild.plan.reasons import Source, content_reasons
from envbuild.record import Reason, Version
from envbuild.resolve import Environment

Action = Literal["create", "rebuild", "restore", "adopt", "forget", "keep"]
CHANGES: tuple[Action, ...] = ("create", "rebuild", "restore", "adopt")
ACTIONS: tuple[Action, ...] = (*CHANGES, "forget", "keep")


class Step(msgspec.Struct, frozen=True):
    """One environment in a plan. A null fingerprint is known after locking.

    `registered` is the number under which this very content was recorded, and never built.
    """

    environment: str
    action: Action
    builder: str
    fingerprint: str | None
    previous: str | None
    version: int | None
    after: tuple[str, ...]
    reasons: tuple[Reason, ...]
    previous_version: int | None = None
    registered: int | None = None


class Plan(msgspec.Struct, frozen=True):
    steps: tuple[Step, ...]

    @property
    def summary(self) -> dict[Action, int]:
        return {action: sum(step.action == action for step in self.steps) for action in ACTIONS}

    @property
    def changes(self) -> tuple[Step, ...]:
        """What apply would do; a forgotten environment is only shown, unless it is asked for."""
        return tuple(step for step in self.steps if step.action in CHANGES)

    @property
    def listed(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action != "keep")


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """All facts that decide one environment's step.

    `locking` says why its lock must be made first, and is empty when the lock is current. `elsewhere` names what holds
    the content already: another record, the builder's own store, or a registry, where it may have a number, `held_as`.
    `before` and `pins`, the parts of the latest record and what changed among its pins, are only looked up when they
    are a reason. What `is_lost` has a number that is another's now, so that the same content takes the next one. `base`
    is the environment whose image this one starts from. `was_built` says whether any version of it ever was: the latest
    may be registered and no more.
    """

    environment: Environment
    fingerprint: Fingerprint | None
    locking: tuple[Change, ...] = ()
    latest: Version | None = None
    before: tuple[Part, ...] = ()
    complaint: str | None = None
    is_lost: bool = False
    elsewhere: str = ""
    held_as: int | None = None
    next_version: int = 1
    pins: tuple[Change, ...] = ()
    base: str = ""
    was_built: bool = True

    @property
    def registered(self) -> Version | None:
        """The latest version, where it is what is wanted, and nothing was built of it."""
        latest, found = self.latest, self.fingerprint
        return latest if latest and found and latest.fingerprint == found.text and not latest.is_built else None


def plan(subjects: Iterable[Subject], forgotten: Iterable[Version] = ()) -> Plan:
    """Decide every step; of several with one content the first builds and the others adopt it."""
    first_with: dict[str, str] = {}
    bases: dict[str, str] = {}
    steps = []
    for subject in sorted(subjects, key=lambda subject: subject.environment.name):
        step = _step(subject, first_with)
        if step.fingerprint and step.action in {"create", "rebuild", "restore"}:
            first_with.setdefault(step.fingerprint, step.environment)
        bases[step.environment] = subject.base
        steps.append(step)
    changing = {step.environment for step in steps if step.action in CHANGES}
    steps = [_behind(step, {bases[step.environment]} & changing) for step in steps]
    steps += [_forget(record) for record in forgotten]
    return Plan(tuple(sorted(steps, key=lambda step: step.environment)))


def _behind(step: Step, bases: set[str]) -> Step:
    """What starts from an image waits until that is there."""
    if not bases or step.action not in CHANGES:
        return step
    return msgspec.structs.replace(step, after=tuple(sorted({*step.after, *bases})))


def _step(subject: Subject, first_with: dict[str, str]) -> Step:
    action, after, reasons = _decide(subject, first_with)
    latest, found = subject.latest, subject.fingerprint
    same = latest and found and latest.fingerprint == found.text
    new = action in {"create", "rebuild", "adopt"} and (not same or subject.is_lost)
    number = subject.held_as or subject.next_version
    registered = subject.registered
    version = number if new else latest.version if latest else None
    return Step(
        environment=subject.environment.name,
        action=action,
        builder=subject.environment.builder,
        fingerprint=found.text if found else None,
        previous=latest.fingerprint if latest else None,
        version=version if found else None,
        after=after,
        reasons=reasons,
        previous_version=latest.version if latest else None,
        registered=registered.version if registered else None,
    )


def _decide(subject: Subject, first_with: dict[str, str]) -> tuple[Action, tuple[str, ...], tuple[Reason, ...]]:
    latest, found = subject.latest, subject.fingerprint
    anew: Action = "rebuild" if latest and subject.was_built else "create"
    if found is None:
        return anew, (), _lock_reasons(subject)
    if subject.registered:
        return _of_registered(subject, first_with.get(found.text, ""))
    same = latest is not None and latest.fingerprint == found.text
    first = first_with.get(found.text)
    if same and not subject.complaint:
        return "keep", (), ()
    if same:
        why = (Reason("reference", subject.complaint or "", subject.environment.path),)
        if first or subject.is_lost:
            return "adopt", (first,) if first else (), why
        return "restore", (), why
    source = Source(subject.environment.path, subject.environment)
    reasons = content_reasons(subject.before, found.parts, subject.pins, source) if latest else (_new(subject),)
    if subject.elsewhere:
        held = Reason("content", f"already built as {subject.elsewhere}", subject.environment.path)
        return "adopt", (), (held, *reasons) if latest else (held,)
    if first:
        shared = Reason("content", f"the same as {first}", subject.environment.path)
        return "adopt", (first,), (shared, *reasons) if latest else (shared,)
    return anew, (), reasons


def _of_registered(subject: Subject, first: str) -> tuple[Action, tuple[str, ...], tuple[Reason, ...]]:
    """It is built for the first time, whatever came before it; unless it stands already, or will."""
    number, path = subject.latest.version if subject.latest else 0, subject.environment.path
    lost = ", a number that is another's in the registry by now" if subject.is_lost and not subject.held_as else ""
    why = Reason("record", f"registered as v{number}, not built yet{lost}", path)
    if subject.elsewhere:
        return "adopt", (), (Reason("content", f"already built as {subject.elsewhere}", path), why)
    if first:
        return "adopt", (first,), (Reason("content", f"the same as {first}", path), why)
    return "create", (), (why,)


def _new(subject: Subject) -> Reason:
    return Reason("record", "not built yet", subject.environment.path)


def _lock_reasons(subject: Subject) -> tuple[Reason, ...]:
    return tuple(Reason("lock", change.text, change.where.line_only) for change in subject.locking)


def _forget(record: Version) -> Step:
    return Step(
        environment=record.environment,
        action="forget",
        builder=record.builder,
        fingerprint=record.fingerprint,
        previous=record.fingerprint,
        version=record.version,
        after=(),
        reasons=(
            Reason("manifest", "no manifest builds it now; 'envbuild apply --prune' forgets it", record.manifest_path),
        ),
        previous_version=record.version,
    )
