"""Two Sides -> Difference: what differs between two environments, two versions, or a version and now.

A mirror holds: the difference of b and a is that of a and b with before and after exchanged.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal, TypeVar

import msgspec

from envbuild.errors import RefusedError
from envbuild.fingerprint import Part

Some = TypeVar("Some")
Word = Literal["added", "removed", "moved", "other manager", "other file", "changed"]
Jump = Literal["", "major", "minor", "patch"]


class Package(msgspec.Struct, frozen=True):
    manager: str
    name: str
    version: str
    build: str = ""
    sha256: str = ""

    @property
    def content(self) -> tuple[str, str]:
        return self.build, self.sha256


class Value(msgspec.Struct, frozen=True):
    """One value of a field; `where` is its line, for what a manifest says now."""

    text: str
    where: str = ""


class Unknown(msgspec.Struct, frozen=True):
    """What cannot be compared, and how to come to know it."""

    what: str
    why: str
    hint: str


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two that are compared; no version means what the manifest says now.

    What is None is not known, and `unknown` says why. Of parts some may be known: `hidden` are the stems that are not.
    No packages on any platform is an environment that asks for none.
    """

    environment: str
    version: int | None
    fingerprint: str | None
    builder: str
    parts: tuple[Part, ...] | None
    hidden: frozenset[str] = frozenset()
    packages: dict[str, tuple[Package, ...]] | None
    fields: dict[str, tuple[Value, ...]] | None
    unknown: tuple[Unknown, ...] = ()


class PackageChange(msgspec.Struct, frozen=True):
    """One package; no platforms means all that were compared."""

    before: Package | None
    after: Package | None
    platforms: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return _either(self.before, self.after).name

    @property
    def word(self) -> Word:
        if self.before is None or self.after is None:
            return "removed" if self.before else "added"
        if self.before.manager != self.after.manager:
            return "other manager"
        return "moved" if self.before.version != self.after.version else "other file"

    @property
    def jump(self) -> Jump:
        """The first number of the two versions that differs, as people name it."""
        if not self.before or not self.after or self.before.version == self.after.version:
            return ""
        old, new = _release(self.before.version), _release(self.after.version)
        at = next((at for at, (one, other) in enumerate(zip(old, new, strict=True)) if one != other), None)
        if at is None:
            return ""  # a candidate, a post-release, a local build: no number moved
        return "major" if at <= 1 else "minor" if at == _MINOR else "patch"

    @property
    def is_back(self) -> bool:
        """Whether the version went down."""
        if not self.before or not self.after:
            return False
        return _is_before(self.after.version, self.before.version)


class PartChange(msgspec.Struct, frozen=True):
    before: Part | None
    after: Part | None

    @property
    def name(self) -> str:
        return _either(self.before, self.after).name

    @property
    def word(self) -> Word:
        return "changed" if self.before and self.after else "removed" if self.before else "added"


class FieldChange(msgspec.Struct, frozen=True):
    field: str
    before: Value | None
    after: Value | None

    @property
    def where(self) -> str:
        """The line that says so, on whichever side there is one."""
        return (self.after.where if self.after else "") or (self.before.where if self.before else "")


class Difference(msgspec.Struct, frozen=True):
    """`unmatched` are the platforms that only one side has packages for."""

    before: Side
    after: Side
    packages: tuple[PackageChange, ...] = ()
    parts: tuple[PartChange, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    unmatched: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        return tuple(dict.fromkeys((*self.before.unknown, *self.after.unknown)))

    @property
    def is_same_content(self) -> bool:
        return self.before.fingerprint is not None and self.before.fingerprint == self.after.fingerprint


class ConflictError(RefusedError):
    """A version is insisted on that is another definition's."""

    def __init__(self, message: str, hint: str, difference: Difference) -> None:
        super().__init__(message, hint=hint)
        self.difference = difference


_RELEASE_NUMBERS = 8
_MINOR = 2  # the epoch stands before the major number


def difference(before: Side, after: Side) -> Difference:
    """What differs in all that both sides know."""
    return Difference(
        before,
        after,
        tuple(_packages(before.packages, after.packages)) if before.packages != after.packages else (),
        tuple(_parts(before, after)),
        tuple(_fields(before.fields, after.fields)),
        _unmatched(before.packages, after.packages),
    )


def _either(one: Some | None, other: Some | None) -> Some:
    found = one or other
    assert found is not None  # noqa: S101 - a change has a side
    return found


def _release(version: str) -> tuple[int, ...]:
    """Epoch and numbers, all of one length; what is no version for PyPI by the numbers in it."""
    from packaging.version import InvalidVersion, Version

    try:
        known = Version(version)
        numbers = (known.epoch, *known.release)
    except InvalidVersion:
        numbers = (0, *(int(number) for number in re.findall(r"[0-9]{1,18}", version)))
    return (*numbers, *(0,) * _RELEASE_NUMBERS)[:_RELEASE_NUMBERS]


def _is_before(one: str, other: str) -> bool:
    """As PyPI orders whole versions; where one is none for PyPI, by numbers and then by the letters between them."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) < Version(other)
    except InvalidVersion:
        return (_release(one), _pieces(one)) < (_release(other), _pieces(other))


def _pieces(version: str) -> list[tuple[int, str]]:
    return [(int(number or -1), word) for number, word in re.findall(r"([0-9]{1,18})|([a-z]+)", version.lower())]


_Platforms = Mapping[str, tuple[Package, ...]]


def _compared(before: _Platforms, after: _Platforms) -> list[str]:
    """The platforms of both; a side that asks for no package has none on any."""
    return sorted(before.keys() & after.keys() if before and after else before.keys() | after.keys())


def _unmatched(before: _Platforms | None, after: _Platforms | None) -> tuple[str, ...]:
    return tuple(sorted(before.keys() ^ after.keys())) if before and after else ()


def _packages(before: _Platforms | None, after: _Platforms | None) -> Iterator[PackageChange]:
    """Each change once, with the platforms that it holds on where it is not all."""
    if before is None or after is None:
        return
    platforms = _compared(before, after)
    found: dict[tuple[str, ...], tuple[PackageChange, list[str]]] = {}
    for platform in platforms:
        for change in _moves(before.get(platform, ()), after.get(platform, ())):
            found.setdefault(_key(change), (change, []))[1].append(platform)
    for change, where in sorted(found.values(), key=lambda one: (one[0].name, one[1], sorted(_key(one[0])))):
        own = () if where == platforms else tuple(where)
        yield msgspec.structs.replace(change, platforms=own)


def _key(change: PackageChange) -> tuple[str, ...]:
    sides = (change.before, change.after)
    return tuple(text for side in sides for text in ((side.manager, side.name, side.version) if side else ("", "", "")))


def _moves(before: tuple[Package, ...], after: tuple[Package, ...]) -> Iterator[PackageChange]:
    """By name and manager; one that only left one manager and only came to another is the same package."""
    old, new = _named(before), _named(after)
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name, {}), new.get(name, {})
        left = [was[manager] for manager in sorted(was.keys() - now.keys())]
        come = [now[manager] for manager in sorted(now.keys() - was.keys())]
        if len(left) == len(come) == 1:
            yield PackageChange(left[0], come[0])
        else:
            yield from (PackageChange(one, None) for one in left)
            yield from (PackageChange(None, one) for one in come)
        for manager in sorted(was.keys() & now.keys()):
            one, other = was[manager], now[manager]
            if one.version != other.version or one.content != other.content:
                yield PackageChange(one, other)


def _named(packages: tuple[Package, ...]) -> dict[str, dict[str, Package]]:
    found: dict[str, dict[str, Package]] = {}
    for package in packages:
        found.setdefault(package.name, {})[package.manager] = package
    return found


def _parts(before: Side, after: Side) -> Iterator[PartChange]:
    if before.parts is None or after.parts is None:
        return
    hidden = before.hidden | after.hidden
    old = {part.name: part for part in before.parts if part.stem not in hidden}
    new = {part.name: part for part in after.parts if part.stem not in hidden}
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name), new.get(name)
        if one is None or other is None or one.digest != other.digest:
            yield PartChange(one, other)


_Fields = Mapping[str, tuple[Value, ...]]


def _fields(before: _Fields | None, after: _Fields | None) -> Iterator[FieldChange]:
    if before is None or after is None:
        return
    for field in sorted(before.keys() | after.keys()):
        yield from _field(field, before.get(field, ()), after.get(field, ()))


def _field(field: str, before: tuple[Value, ...], after: tuple[Value, ...]) -> Iterator[FieldChange]:
    """Item by item; the same items in another order are one change of the whole."""
    gone, come = _less(before, after), _less(after, before)
    if len(gone) == len(come) == 1:
        yield FieldChange(field, gone[0], come[0])
    elif gone or come:
        yield from (FieldChange(field, one, None) for one in gone)
        yield from (FieldChange(field, None, one) for one in come)
    elif [one.text for one in before] != [one.text for one in after]:
        yield FieldChange(field, _whole(before), _whole(after))


def _less(values: tuple[Value, ...], others: tuple[Value, ...]) -> list[Value]:
    """The values that the others do not have, each as often as they lack it."""
    left = Counter(one.text for one in others)
    found = []
    for value in values:
        if left[value.text]:
            left[value.text] -= 1
        else:
            found.append(value)
    return found


def _whole(values: tuple[Value, ...]) -> Value:
    return Value(f"[{', '.join(one.text for one in values)}]", values[0].where if values else "")
