"""What is wanted and what is remembered -> Plan: what apply would do, and why. Facts come in, decisions go out."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from envbuild.document import Scalar, Sequence
from envbuild.errors import Place
from envbuild.fingerprint import Fingerprint, Part
from envbuild.lock import Change, lock_path
from envbuild.record import Reason, Version
from envbuild.resolve import Environment

Action = Literal["create", "rebuild", "restore", "adopt", "forget", "keep"]
CHANGES: tuple[Action, ...] = ("create", "rebuild", "restore", "adopt")
ACTIONS: tuple[Action, ...] = (*CHANGES, "forget", "keep")


class Step(msgspec.Struct, frozen=True):
    """One environment in a plan. A null fingerprint is known after locking."""

    environment: str
    action: Action
    builder: str
    fingerprint: str | None
    previous: str | None
    version: int | None
    after: tuple[str, ...]
    reasons: tuple[Reason, ...]
    previous_version: int | None = None


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
    the content already: another record, or the builder's own store. `before` and `pins`, the parts of the latest record
    and what changed among its pins, are only looked up when they are a reason.
    """

    environment: Environment
    fingerprint: Fingerprint | None
    locking: tuple[Change, ...] = ()
    latest: Version | None = None
    before: tuple[Part, ...] = ()
    complaint: str | None = None
    elsewhere: str = ""
    next_version: int = 1
    pins: tuple[Change, ...] = ()


def plan(subjects: Iterable[Subject], forgotten: Iterable[Version] = ()) -> Plan:
    """Decide every step; of several with one content the first builds and the others adopt it."""
    first_with: dict[str, str] = {}
    steps = []
    for subject in sorted(subjects, key=lambda subject: subject.environment.name):
        step = _step(subject, first_with)
        if step.fingerprint and step.action in {"create", "rebuild", "restore"}:
            first_with.setdefault(step.fingerprint, step.environment)
        steps.append(step)
    steps += [_forget(record) for record in forgotten]
    return Plan(tuple(sorted(steps, key=lambda step: step.environment)))


def _step(subject: Subject, first_with: dict[str, str]) -> Step:
    action, after, reasons = _decide(subject, first_with)
    latest, found = subject.latest, subject.fingerprint
    new = action in {"create", "rebuild", "adopt"} and not (latest and found and latest.fingerprint == found.text)
    version = subject.next_version if new else latest.version if latest else None
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
    )


def _decide(subject: Subject, first_with: dict[str, str]) -> tuple[Action, tuple[str, ...], tuple[Reason, ...]]:
    latest, found = subject.latest, subject.fingerprint
    if found is None:
        return ("rebuild" if latest else "create"), (), _lock_reasons(subject)
    same = latest is not None and latest.fingerprint == found.text
    first = first_with.get(found.text)
    if same and not subject.complaint:
        return "keep", (), ()
    if same:
        why = (Reason("reference", subject.complaint or "", subject.environment.path),)
        return ("adopt", (first,), why) if first else ("restore", (), why)
    reasons = _content_reasons(found, subject) if latest else (_new(subject),)
    if subject.elsewhere:
        held = Reason("content", f"already built as {subject.elsewhere}", subject.environment.path)
        return "adopt", (), (held, *reasons) if latest else (held,)
    if first:
        shared = Reason("content", f"the same as {first}", subject.environment.path)
        return "adopt", (first,), (shared, *reasons) if latest else (shared,)
    return ("rebuild" if latest else "create"), (), reasons


def _new(subject: Subject) -> Reason:
    return Reason("record", "not built yet", subject.environment.path)


def _lock_reasons(subject: Subject) -> tuple[Reason, ...]:
    return tuple(Reason("lock", change.text, change.where.line_only) for change in subject.locking)


def _content_reasons(found: Fingerprint, subject: Subject) -> tuple[Reason, ...]:
    """The difference of two part lists, each part explained by what it holds."""
    before = {part.name: part for part in subject.before}
    now = {part.name: part for part in found.parts}
    reasons: list[Reason] = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old is None or new is None or old.digest != new.digest:
            reasons += _part_reasons(name, old, new, subject)
    return tuple(dict.fromkeys(reasons))


def _part_reasons(name: str, old: Part | None, new: Part | None, subject: Subject) -> Iterator[Reason]:
    environment = subject.environment
    stem, _, rest = name.partition("/")
    match stem:
        case "dependencies":
            for change in subject.pins or (Change("the pins changed", Place(lock_path(environment.name))),):
                yield Reason(stem, change.text, change.where.line_only)
        case "file":
            yield Reason(stem, f"{rest} {_came_or_went(old, new)}", _file_place(rest, environment).line_only)
        case "variables":
            yield from _variable_reasons(old, new, environment)
        case "python":
            yield from _python_reasons(old, new, environment)
        case "setup":
            yield Reason(stem, _setup_change(old, new), _setup_place(old, environment).line_only)
        case _:
            yield Reason(stem, _came_or_went(old, new), environment.path)


def _came_or_went(old: Part | None, new: Part | None) -> str:
    return "changed" if old and new else "added" if new else "removed"


def _file_place(path: str, environment: Environment) -> Place:
    items = (item for package in environment.packages for item in package.items if item.path == path)
    return next((item.where for item in items), Place(environment.path))


def _object(part: Part | None) -> dict[str, object]:
    return json.loads(part.content) if part and part.content else {}


def _variable_reasons(old: Part | None, new: Part | None, environment: Environment) -> Iterator[Reason]:
    before, now = _object(old), _object(new)
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            where = environment.where("variables", name) if name in now else Place(environment.path)
            yield Reason("variables", f"{name} {_shown(before.get(name))} -> {_shown(now.get(name))}", where.line_only)


def _shown(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


def _python_reasons(old: Part | None, new: Part | None, environment: Environment) -> Iterator[Reason]:
    before, now = _object(old), _object(new)
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            items = environment.package("python")
            where = environment.where("python", key) if not items else items[0].where
            label = "" if key == "version" else f"{key} "
            yield Reason("python", f"{label}{_plain(before.get(key))} -> {_plain(now.get(key))}", where.line_only)


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


def _setup_change(old: Part | None, new: Part | None) -> str:
    before: list[str] = json.loads(old.content) if old else []
    now: list[str] = json.loads(new.content) if new else []
    gone = [f"-{json.dumps(command, ensure_ascii=False)}" for command in (Counter(before) - Counter(now)).elements()]
    come = [f"+{json.dumps(command, ensure_ascii=False)}" for command in (Counter(now) - Counter(before)).elements()]
    return " ".join([*gone, *come]) or "other order"


def _setup_place(old: Part | None, environment: Environment) -> Place:
    """The first command that was not there before, else the list."""
    before: list[str] = json.loads(old.content) if old else []
    stated = environment.body.get("setup")
    items = stated.items if isinstance(stated, Sequence) else ()
    fresh = (node.place for node in items if isinstance(node, Scalar) and node.text not in before)
    return next(fresh, environment.where("setup"))


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
