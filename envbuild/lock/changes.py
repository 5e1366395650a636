"""Two requests, compared as a person reads them: `numpy 1.26.* -> 2.0.*`, with the line that now says so."""

import posixpath
from collections.abc import Callable, Iterator

import msgspec

from envbuild.errors import Place
from envbuild.lock.pins import Pin, Pins
from envbuild.lock.request import Digest, Request, conda_items, root_items
from envbuild.lock.specs import spec_name, split_spec
from envbuild.manifest import Item, asked_member, root_of, wish, wish_of
from envbuild.resolve import Environment


class Change(msgspec.Struct, frozen=True):
    """One difference; `key` is the package it is about, if it is about one: `numpy` of conda, `pip/numpy` of PyPI."""

    text: str
    where: Place
    key: str = ""


def request_changes(recorded: Request, request: Request, environment: Environment) -> tuple[Change, ...]:
    """Every way in which what is asked for now differs from what was asked for then."""
    gone = Place(environment.path)
    changes = [*_conda_roots(recorded, request, environment), *_roots(recorded, request, environment)]
    if recorded.python != request.python:
        items = environment.package("python")
        shown = f"python {wish(recorded.python)} -> {wish(request.python)}"
        changes.append(Change(shown, items[0].where if items else gone, "python"))
    changes += source_changes(recorded, request, environment)
    for field in ("constraints", "overrides"):
        changes += _bounds(field, recorded, request, environment)
    for root in sorted(request.members.keys() & recorded.members.keys()):
        changes += _member_changes(root, recorded.members[root], request.members[root], environment)
    return tuple(changes)


# What else decides pins: what it is called, how it is had from a request, and the keys that state it.
_OTHERS: tuple[tuple[str, Callable[[Request], object], tuple[str, ...]], ...] = (
    ("channels", lambda one: one.conda.channels if one.conda else (), ()),
    ("channel_priority", lambda one: one.conda.priority if one.conda else "", ()),
    ("pypi_names", lambda one: one.conda.names if one.conda else {}, ()),
    ("system_requirements", lambda one: one.system, ()),
    ("index_url", lambda one: one.index_url, ("pip", "index_url")),
    ("extra_index_urls", lambda one: one.extra_index_urls, ("pip", "extra_index_urls")),
    ("indexes", lambda one: {name: f"{it.url} {' '.join(it.packages)}" for name, it in one.indexes.items()},
     ("pip", "indexes")),
    ("find_links", lambda one: one.find_links, ("pip", "find_links")),
    ("prerelease", lambda one: "true" if one.prerelease else "", ("pip", "prerelease")),
    ("no_binary", lambda one: one.no_binary, ("pip", "no_binary")),
    ("base", lambda one: one.base, ("image", "base")),
    ("no_build_isolation", lambda one: one.no_build_isolation, ("pip", "no_build_isolation")),
)  # fmt: skip


def source_changes(recorded: Request, request: Request, environment: Environment) -> Iterator[Change]:
    """What decides pins besides what is asked for: where from, for which machine, and how."""
    for name, of, keys in _OTHERS:
        before, now = _told(of(recorded)), _told(of(request))
        if before != now:
            stated = environment.node(*keys) if keys else None
            yield Change(f"{name} {before} -> {now}", stated.place if stated else environment.where_said(name))


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in sorted(value.items())) or "none"
    return (", ".join(value) if isinstance(value, tuple) else str(value)) or "none"


def _bounds(field: str, recorded: Request, request: Request, environment: Environment) -> Iterator[Change]:
    """Constraints or overrides that have come or gone."""
    before, now = _stated(field, recorded), _stated(field, request)
    if before != now:
        where = next((item.where for item in _limits(environment, field) if item.text in now - before), None)
        shown = " ".join(
            [*(f"-{text}" for text in sorted(before - now)), *(f"+{text}" for text in sorted(now - before))]
        )
        yield Change(f"{field} {shown}", where or Place(environment.path))


def _stated(field: str, request: Request) -> set[str]:
    conda = request.conda.constraints if request.conda and field == "constraints" else ()
    return {*getattr(request, field), *conda}


def _limits(environment: Environment, field: str) -> list[Item]:
    found = (environment.overrides,) if field == "overrides" else (environment.limits, environment.constraints)
    return [item for packages in found for package in packages.every for item in package.items]


def pin_changes(before: Pins, now: Pins, asked: tuple[Change, ...], lock: Place) -> tuple[Change, ...]:
    """What moved among the pins: first what a manifest's line asked for, then what only the lock knows."""
    old = {pin.key: pin for pin in before.pins}
    new = {pin.key: pin for pin in now.pins}
    moved = {key for key in old.keys() | new.keys() if _identity(old.get(key)) != _identity(new.get(key))}
    stated = [change for change in asked if change.key in moved]
    told = {change.key for change in stated}
    rest = [Change(_movement(old.get(key), new.get(key)), lock, key) for key in sorted(moved - told)]
    return (*stated, *rest)


def _identity(pin: Pin | None) -> str:
    return pin.identity if pin else ""


def _movement(old: Pin | None, new: Pin | None) -> str:
    if old is None:
        return f"{new.name} {new.version} added" if new else ""
    if new is None:
        return f"{old.name} {old.version} removed"
    if old.version != new.version:
        return f"{old.name} {old.version} -> {new.version}"
    if old.build != new.build:
        return f"{old.name} {old.version} {old.build} -> {new.build}"
    return f"{old.name} {old.version} is another file"


def _conda_roots(recorded: Request, request: Request, environment: Environment) -> Iterator[Change]:
    places = {item.name: item.where for item in conda_items(environment)}
    before, now = _conda_wishes(recorded.conda_roots), _conda_wishes(request.conda_roots)
    yield from _wish_changes(before, now, places, environment, "")


def _conda_wishes(roots: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for root in roots:
        channel, bare = split_spec(root)
        name = spec_name(bare)
        shown = bare.strip()[len(name) :].strip() or "*"
        found.setdefault(name, []).append(f"{channel}::{shown}" if channel else shown)
    return {name: " and ".join(asked) for name, asked in found.items()}


def _roots(recorded: Request, request: Request, environment: Environment) -> Iterator[Change]:
    places = {wish_of(root_of(item))[0]: item.where for item in root_items(environment)}
    yield from _wish_changes(wishes(recorded.roots), wishes(request.roots), places, environment, "pip/")


def _wish_changes(
    before: dict[str, str], now: dict[str, str], places: dict[str, Place], environment: Environment, prefix: str
) -> Iterator[Change]:
    gone = Place(environment.path)
    for name in sorted(before.keys() | now.keys()):
        key = f"{prefix}{name}"
        if name not in before:
            yield Change(f"{_with(name, now[name])} added", places.get(name, gone), key)
        elif name not in now:
            yield Change(f"{_with(name, before[name])} removed", gone, key)
        elif before[name] != now[name]:
            yield Change(f"{name} {before[name] or '*'} -> {now[name] or '*'}", places.get(name, gone), key)


def _with(name: str, wished: str) -> str:
    return f"{name} {wished}".rstrip()


def wishes(roots: tuple[str, ...]) -> dict[str, str]:
    """Name -> what is asked of it; several requirements of one package hold together."""
    found: dict[str, list[str]] = {}
    for root in roots:
        name, asked = wish_of(root)
        found.setdefault(name, []).append(asked)
    return {name: " and ".join(asked) for name, asked in found.items()}


def _member_changes(root: str, before: Digest, now: Digest, environment: Environment) -> Iterator[Change]:
    """What a wheel or an archive says of itself has changed, or some build files of a folder; at the line that asks."""
    member = asked_member(root)
    path = member.path if member else root
    where = next((item.where for item in root_items(environment) if item.path == path), Place(environment.path))
    if isinstance(before, str) or isinstance(now, str):
        if before != now:
            yield Change(f"{path} has other metadata", where)
        return
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            how = "added" if name not in before else "removed" if name not in now else "changed"
            yield Change(f"{posixpath.normpath(posixpath.join(path, name))} {how}", where)
