"""The two sides of a comparison, collected: a version from its record, what a manifest says now from the files."""

from collections.abc import Iterator

import msgspec

from envbuild.builders import local
from envbuild.difference import Difference, Package, Side, Unknown, Value, difference
from envbuild.document import parse
from envbuild.errors import EnvbuildError, Place, UsageError
from envbuild.fingerprint import Inputs, Part, fingerprint
from envbuild.lock import Lock, read_lock
from envbuild.manifest import manifest
from envbuild.project.front import Project
from envbuild.project.preparing import Prepared
from envbuild.project.recorded import Read, reading
from envbuild.project.versions import asked
from envbuild.record import Record
from envbuild.resolve import Environment, Explained, explain, fields, resolved_text

_FROM_LOCK = frozenset({"dependencies", "python"})


def compared(project: Project, first: str, second: str = "") -> Difference:
    """Two of NAME, NAME@VERSION and NAME@latest; one alone is compared with what its manifest says now."""
    name, version = asked(project, first)
    if second:
        return difference(_side(project, name, version), _side(project, *asked(project, second)))
    return difference(recorded_side(project.record(name, version or "latest")), _side(project, name, ""))


def _side(project: Project, name: str, version: str) -> Side:
    if version:
        return recorded_side(project.record(name, version))
    try:
        environment = project.one(name)
    except UsageError:
        records = project.state.history(name)
        if not records:
            raise
        known = " ".join(f"{name}@{record.version}" for record in records[1::-1])
        raise UsageError(f"'{name}' has no manifest now", hint=f"compare versions: envbuild diff {known}") from None
    return _Now(project, environment).side()


def recorded_side(record: Record) -> Side:
    """Everything stands in the record; the files of the project may be gone."""
    unknown: list[Unknown] = []
    title = f"{record.environment}@{record.version}"
    try:
        lock = read_lock(record.manifest_path, record.lock) if record.lock else None
        packages = packages_of(lock, {part.name: part.digest for part in record.parts})
    except EnvbuildError as error:
        packages = None
        unknown.append(Unknown("packages", f"the lock in the record of {title} cannot be read: {error.message}", ""))
    try:
        found = _fields(record.environment, record.manifest_path, record.manifest, reading(record))
    except EnvbuildError as error:
        found = None
        unknown.append(Unknown("fields", f"the manifest in the record of {title} cannot be read: {error.message}", ""))
    return Side(
        environment=record.environment,
        version=record.version,
        fingerprint=record.fingerprint,
        builder=record.builder,
        parts=record.parts,
        packages=packages,
        fields={field: tuple(Value(text) for text in texts) for field, texts in found.items()} if found else None,
        unknown=tuple(unknown),
    )


def packages_of(lock: Lock | None, digests: dict[str, str]) -> dict[str, tuple[Package, ...]]:
    """By platform; a package of the project is known by its bytes."""
    return {
        platform: (
            *(Package(pin.manager, pin.name, pin.version, pin.build, pin.sha256) for pin in pins.pins),
            *(
                Package("pip", member.name, member.version, "", digests.get(f"file/{member.path}", ""))
                for member in pins.members
            ),
        )
        for platform, pins in (lock.pins if lock else {}).items()
    }


def _fields(name: str, path: str, text: str, read: Read) -> dict[str, tuple[str, ...]]:
    return fields(manifest(name, parse(path, text.encode()), read))


class _Now:
    """What a manifest says now; all that can be known of it, and of the rest why not."""

    def __init__(self, project: Project, environment: Environment) -> None:
        self._project = project
        self._environment = environment
        self._unknown: list[Unknown] = []

    def side(self) -> Side:
        one = self._environment
        prepared = self._prepared()
        lock = self._lock(prepared)
        known = prepared is not None and prepared.locked.current
        found = prepared.fingerprint if prepared else None
        digests = {f"file/{path}": digest for path, digest in (prepared.files if prepared else {}).items()}
        return Side(
            environment=one.name,
            version=None,
            fingerprint=found.text if found else None,
            builder=one.builder,
            parts=self._parts(prepared, lock),
            hidden=frozenset() if found else _FROM_LOCK,
            packages=packages_of(lock, digests) if known else None,
            fields=self._values(),
            unknown=tuple(self._unknown),
        )

    def _prepared(self) -> Prepared | None:
        """Ready to be built, or as far as its lock goes, or not at all."""
        preparer = self._project.preparer
        try:
            return preparer.prepare((self._environment,), to_build=True)[0]
        except EnvbuildError as error:
            refusal = error.problems[0]
        try:
            prepared = preparer.prepare((self._environment,), to_build=False)[0]
        except EnvbuildError:
            prepared = None
        what = "parts" if prepared and prepared.locked.current else "packages and parts"
        self._unknown.append(Unknown(what, _said(refusal.message, refusal.where), refusal.hint))
        return msgspec.structs.replace(prepared, fingerprint=None) if prepared else None

    def _lock(self, prepared: Prepared | None) -> Lock | None:
        if prepared is None:
            return None
        if changes := prepared.locked.changes:
            name = self._environment.name
            why = f"the lock of '{name}' is not current: {_said(changes[0].text, changes[0].where)}"
            if not self._unknown:
                self._unknown.append(Unknown("packages", why, f"run 'envbuild lock {name}'"))
            return None
        return self._project.preparer.locks.whole(prepared.locked.path) if prepared.locked.path else None

    def _parts(self, prepared: Prepared | None, lock: Lock | None) -> tuple[Part, ...] | None:
        """As a record has them: the pins with their content. Without a lock those that it says nothing of."""
        if prepared is None or self._is_refused:
            return None
        platform = self._project.platform
        inputs = Inputs(local.FORMAT, None, (platform,), prepared.files, prepared.contents)
        parts = (prepared.fingerprint or fingerprint(self._environment, inputs)).parts
        pins = lock.pins.get(platform) if lock else None
        content = pins.content if pins else ""
        return tuple(Part(one.name, one.digest, content) if one.stem == "dependencies" else one for one in parts)

    @property
    def _is_refused(self) -> bool:
        return any("parts" in one.what for one in self._unknown)

    def _values(self) -> dict[str, tuple[Value, ...]]:
        one = self._environment
        stated = _fields(one.name, one.path, resolved_text(one), self._project.workspace.read)
        lines = _Lines(explain(one, self._project.settings))
        return {field: tuple(Value(text, lines.of(field, text)) for text in texts) for field, texts in stated.items()}


class _Lines:
    """The line of each value, as `explain` knows it."""

    def __init__(self, rows: tuple[Explained, ...]) -> None:
        self._exact = {(row.field, row.value): row.where for row in rows}
        self._field: dict[str, str] = {}
        for row in rows:
            for field in _above(row.field):
                self._field.setdefault(field, row.where)

    def of(self, field: str, text: str) -> str:
        found = self._exact.get((field, text)) or self._field.get(field, "")
        path, _, rest = found.partition(":")
        return f"{path}:{rest.partition(':')[0]}" if rest else found


def _above(field: str) -> Iterator[str]:
    """A field, and those it lies in."""
    yield field
    while "." in field:
        field = field.rpartition(".")[0]
        yield field


def _said(message: str, where: Place | None) -> str:
    return f"{message}  {where.line_only}" if where else message
