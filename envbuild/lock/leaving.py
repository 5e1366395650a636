"""Pins on their way into files that other programs read: which may go, in which order, and called by name or by URL."""

import re

from envbuild.errors import LockError
from envbuild.lock.pins import Pin, Pins
from envbuild.lock.specs import spec_name
from envbuild.resolve import Environment

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_VERSION = re.compile(r"[A-Za-z0-9._+!*-]+")
_DIGESTS = re.compile(r"[A-Za-z0-9._+-]*/(?:[0-9a-f]{32})?/[0-9a-z]+")


def sound(pins: Pins, title: str) -> Pins:
    """Whoever can write a lock can write anything into it: what is no pin goes into no file."""
    for pin in pins.pins:
        digests = f"{pin.build}/{pin.md5}/{pin.sha256}"
        if not (_NAME.fullmatch(pin.name) and _VERSION.fullmatch(pin.version) and _DIGESTS.fullmatch(digests)):
            what = f"'{pin.name} {pin.version} {pin.build}' in the lock of '{title}' is no package"
            raise LockError(what, hint="run 'envbuild lock'")
    return pins


def in_order(pins: Pins) -> tuple[Pin, ...]:
    """Conda's: what a package needs stands before it, as older tools install in the order of a file; else by name."""
    known = {pin.name: pin for pin in pins.conda}
    ordered: dict[str, Pin] = {}
    met: set[str] = set()
    waiting = [(name, False) for name in sorted(known, reverse=True)]
    while waiting:
        name, is_ready = waiting.pop()
        if is_ready:
            ordered.setdefault(name, known[name])
        elif name not in met:
            met.add(name)
            needs = {spec_name(spec) for spec in known[name].dependencies} & known.keys() - met
            waiting += [(name, True), *((one, False) for one in sorted(needs, reverse=True))]
    return tuple(ordered.values())


def is_of_the_project(pin: Pin) -> bool:
    """A file of a folder that `find_links` names."""
    return "://" not in pin.url


def direct(pin: Pin, environment: Environment) -> bool:
    """Whether it was asked for by its URL, and not by its name."""
    items = [item for package in environment.packages for item in package.items if item.url]
    own = [item for item in items if item.manager == pin.manager]
    places = {item.url.partition("#")[0] for item in own}
    is_asked = pin.name in {item.name for item in own} or pin.url.partition("#")[0] in places
    return is_asked or "+" in pin.url.partition("://")[0]
