"""Two requests, compared as a person reads them: `numpy 1.26.* -> 2.0.*`, with the line that now says so."""

import msgspec

from envbuild.errors import Place
from envbuild.lock.pins import Pin, Pins
from envbuild.lock.request import Request, root_items
from envbuild.manifest import Item, wish, wish_of
from envbuild.resolve import Environment


class Change(msgspec.Struct, frozen=True):
    """One difference; `name` is the package it is about, if it is about one."""

    text: str
    where: Place
    name: str = ""


def request_changes(recorded: Request, request: Request, environment: Environment) -> tuple[Change, ...]:
    """Every way in which what is asked for now differs from what was asked for then."""
    gone = Place(environment.path)
    changes = [*_roots(recorded, request, environment)]
    if recorded.python != request.python:
        items = environment.package("python")
        shown = f"python {wish(recorded.python)} -> {wish(request.python)}"
        changes.append(Change(shown, items[0].where if items else gone, "python"))
    if recorded.index_url != request.index_url:
        shown = f"index_url {recorded.index_url or 'none'} -> {request.index_url or 'none'}"
        changes.append(Change(shown, environment.where("pip", "index_url") if request.index_url else gone))
    if recorded.constraints != request.constraints:
        added = sorted(set(request.constraints) - set(recorded.constraints))
        where = next((item.where for item in _limits(environment) if item.text in added), gone)
        shown = ", ".join([*(f"-{text}" for text in sorted(set(recorded.constraints) - set(request.constraints)))])
        changes.append(Change(f"constraints {' '.join([shown, *(f'+{text}' for text in added)]).strip()}", where))
    changes += [
        Change(f"{path} has other metadata", _wheel_place(path, environment))
        for path in sorted(request.wheels.keys() & recorded.wheels.keys())
        if request.wheels[path] != recorded.wheels[path]
    ]
    return tuple(changes)


def _limits(environment: Environment) -> list[Item]:
    packages = (*environment.limits.every, *environment.constraints.every)
    return [item for package in packages for item in package.items]


def pin_changes(before: Pins, now: Pins, asked: tuple[Change, ...], lock: Place) -> tuple[Change, ...]:
    """What moved among the pins: first what a manifest's line asked for, then what only the lock knows."""
    old = {pin.name: pin for pin in before.pins}
    new = {pin.name: pin for pin in now.pins}
    moved = {name for name in old.keys() | new.keys() if _identity(old.get(name)) != _identity(new.get(name))}
    stated = [change for change in asked if change.name in moved]
    told = {change.name for change in stated}
    rest = [Change(_movement(name, old.get(name), new.get(name)), lock, name) for name in sorted(moved - told)]
    return (*stated, *rest)


def _identity(pin: Pin | None) -> str:
    return pin.identity if pin else ""


def _movement(name: str, old: Pin | None, new: Pin | None) -> str:
    if old is None:
        return f"{name} {new.version if new else ''} added"
    if new is None:
        return f"{name} {old.version} removed"
    if old.version == new.version:
        return f"{name} {old.version} is another file"
    return f"{name} {old.version} -> {new.version}"


def _roots(recorded: Request, request: Request, environment: Environment) -> list[Change]:
    before, now = wishes(recorded.roots), wishes(request.roots)
    places = {item.name: item.where for item in root_items(environment)}
    gone = Place(environment.path)
    changes = []
    for name in sorted(before.keys() | now.keys()):
        if name not in before:
            changes.append(Change(f"{name} {now[name]} added", places[name], name))
        elif name not in now:
            changes.append(Change(f"{name} {before[name]} removed", gone, name))
        elif before[name] != now[name]:
            changes.append(Change(f"{name} {before[name]} -> {now[name]}", places[name], name))
    return changes


def wishes(roots: tuple[str, ...]) -> dict[str, str]:
    """Name -> what is asked of it; several requirements of one package hold together."""
    found: dict[str, list[str]] = {}
    for root in roots:
        name, asked = wish_of(root)
        found.setdefault(name, []).append(asked)
    return {name: " and ".join(asked) for name, asked in found.items()}


def _wheel_place(path: str, environment: Environment) -> Place:
    return next((item.where for item in root_items(environment) if item.path == path), Place(environment.path))
