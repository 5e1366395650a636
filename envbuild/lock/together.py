"""Environments of one `solve_group`: put together as one for the solvers, and each one's share of the answer."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from envbuild.errors import EnvbuildError, LockError, Place
from envbuild.lock.changes import Change, source_changes
from envbuild.lock.met import nameless, root_keys
from envbuild.lock.pins import Pin, Pins
from envbuild.lock.request import CondaRequest, Request, conda_items, root_items
from envbuild.resolve import Environment, Package, Packages, channel_url, contradictions, distribution

SOLVE_GROUP = "solve_group"
_ASKED = ("dependencies", "limits", "constraints", "overrides")
_OF_PIP = (
    "index_url",
    "extra_index_urls",
    "indexes",
    "find_links",
    "prerelease",
    "no_binary",
    "no_build_isolation",
)


def group_of(environment: Environment) -> str:
    return environment.keys.solve_group or ""


def together(mates: Sequence[Environment], platform: str) -> Environment:
    """What all of them ask for on a platform, as one environment; each item keeps its own line."""
    first = _speaker(mates, platform)
    asked = {field: Packages({platform: _joined(mates, field, platform)}) for field in _ASKED}
    return msgspec.structs.replace(first, platforms=(platform,), system={platform: first.system[platform]}, **asked)


def _joined(mates: Sequence[Environment], field: str, platform: str) -> tuple[Package, ...]:
    found: dict[str, list[Package]] = {}
    for one in mates:
        packages: Packages = getattr(one, field)
        for package in packages.on(platform):
            found.setdefault(package.key, []).append(package)
    return tuple(
        Package(key, tuple(dict.fromkeys(item for package in found[key] for item in package.items)))
        for key in sorted(found)
    )


def quarrels(mates: Sequence[Environment], platform: str, asked: Mapping[str, Request]) -> Iterator[EnvbuildError]:
    """Why they cannot be solved as one: other sources, another machine, or wishes that no version can meet."""
    first = _speaker(mates, platform)
    for one in mates:
        if one.python.source != first.python.source:
            what = f"{first.name} has its Python from {first.python.source}, and {one.name} from {one.python.source}"
            stating = next((each for each in (one, first) if each.node("python")), one)
            yield _quarrel(one, what, stating.where("python"))
            continue
        theirs, own = _sources(first, asked[first.name]), _sources(one, asked[one.name])
        if not asked[one.name].roots:
            own = msgspec.structs.replace(own, **{field: getattr(theirs, field) for field in _OF_PIP})
        for change in source_changes(theirs, own, one):
            yield _quarrel(one, f"{change.text}, from {first.name} to {one.name}", change.where)
    for error in contradictions(together(mates, platform).packages):
        yield _quarrel(first, error.message, error.where)


def _speaker(mates: Sequence[Environment], platform: str) -> Environment:
    """Whose keys hold for all: of one that asks PyPI for something, where any does."""
    return next((one for one in mates if root_items(one, platform)), mates[0])


def _sources(environment: Environment, request: Request) -> Request:
    """What all of a group have to say alike; channels that specs name are added for all of them."""
    channels = tuple(map(channel_url, environment.channels)) if environment.python.source == "conda" else ()
    conda = CondaRequest(channels, environment.channel_priority) if channels else None
    return msgspec.structs.replace(request, conda=conda, base="")


def _quarrel(one: Environment, what: str, where: Place | None) -> EnvbuildError:
    hint = f"let all of the group say the same, or take one out of it: '{SOLVE_GROUP}'"
    return LockError(f"the {SOLVE_GROUP} '{group_of(one)}' cannot be solved as one: {what}", where, hint)


class Held(msgspec.Struct, frozen=True):
    """What the locks of a group pin: by platform and package each pin that there is, and whose it is."""

    pins: dict[tuple[str, str], dict[str, tuple[Pin, list[str]]]]

    @classmethod
    def of(cls, locks: Mapping[str, Mapping[str, Pins]]) -> "Held":
        found: dict[tuple[str, str], dict[str, tuple[Pin, list[str]]]] = {}
        for name, by_platform in sorted(locks.items()):
            for platform, pins in by_platform.items():
                for pin in pins.pins:
                    known = found.setdefault((platform, pin.key), {})
                    known.setdefault(pin.identity, (pin, []))[1].append(name)
        return cls(found)


def disagreements(environment: Environment, own: Mapping[str, Pins], held: Held) -> Iterator[Change]:
    """Packages that others of the group have pinned otherwise, on the platforms that both have."""
    where = environment.where(SOLVE_GROUP)
    for platform, pins in sorted(own.items()):
        for pin in pins.pins:
            for identity, (other, names) in held.pins.get((platform, pin.key), {}).items():
                others = [name for name in names if name != environment.name]
                if identity != pin.identity and others:
                    what = f"{_shown(pin)} is {_shown(other, pin)} in {_some(others)}, of one {SOLVE_GROUP}"
                    yield Change(what, where, pin.key)


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _shown(pin: Pin, beside: Pin | None = None) -> str:
    """As short as tells one from the other."""
    if beside is None:
        return f"{pin.name} {pin.version}"
    if pin.version != beside.version:
        return pin.version
    return f"{pin.version} {pin.build}" if pin.build != beside.build else "another file"


def merged(found: Sequence[Pins]) -> Pins | None:
    """What several have pinned, as one: to start from, so that what they agree about stays."""
    if not found:
        return None
    pins = {pin.key: pin for one in reversed(found) for pin in one.pins}
    members = {member.key: member for one in reversed(found) for member in one.members}
    return Pins(found[0].platform, tuple(sorted(pins.values())), tuple(sorted(members.values())))


def conda_share(answer: Pins, request: Request) -> tuple[Pin, ...]:
    """The conda packages that one of the group needs, also for its distributions."""
    names = {member.path: member.name for member in answer.members} | nameless(request.roots, answer)
    needed = answer.reached(root_keys(request, names))
    return tuple(pin for pin in answer.conda if pin.key in needed)


def untold(environment: Environment, request: Request, conda: Sequence[Pin]) -> Iterator[EnvbuildError]:
    """A conda package gives way where PyPI is asked for the same, which another one of the group may have done."""
    have = {pin.name for pin in conda}
    own = {key.removeprefix("pip/") for key in root_keys(request) if key.startswith("pip/")}
    for item in conda_items(environment, request.platform):
        if item.name not in have and distribution(item.name, environment.pypi_names) not in own:
            what = f"{environment.name} asks conda for {item.name}, and another one asks PyPI for it"
            yield _quarrel(environment, what, item.where)


def bounds(answer: Pins) -> tuple[str, ...]:
    """The distributions of the group's answer as constraints; what has a source of its own is asked for by it."""
    return tuple(f"{pin.name}=={pin.version}" for pin in answer.pip if "+" not in pin.url.partition(":")[0])
