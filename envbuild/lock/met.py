"""DECISIONS 15: whether pins still answer a request, without asking a solver."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from envbuild.lock.pins import Member, Pin, Pins
from envbuild.lock.request import Request, canonical
from envbuild.lock.specs import spec_fields, spec_name, split_spec
from envbuild.manifest import asked_member, is_nameless, source_of

if TYPE_CHECKING:
    from rattler import MatchSpec, PackageRecord


def still_met(request: Request, recorded: Request, pins: Pins) -> bool:
    """Other roots are no reason to solve when each is met by a pin and reaches each pin."""
    if canonical(request.besides_roots) != canonical(recorded.besides_roots):
        return False
    known = pins.by_key()
    if not all(_conda_met(root, known) for root in {*request.conda_roots} - {*recorded.conda_roots}):
        return False
    if not all(_met(root, pins) for root in _touched(request.roots, recorded.roots)):
        return False
    names = {member.path: member.name for member in pins.members} | nameless(request.roots, pins)
    return pins.reached(root_keys(request, names)) == set(known)


def nameless(roots: Iterable[str], pins: Pins) -> dict[str, str]:
    """The names of roots that are URLs, by the pins that come from there."""
    found = {source_of(pin.url): pin.name for pin in pins.pip}
    return {root: found[source_of(root)] for root in roots if is_nameless(root) and source_of(root) in found}


def root_keys(request: Request, names: Mapping[str, str] = MappingProxyType({})) -> set[str]:
    """What is asked for, by the keys of pins; `names` are those of folders and URLs asked for alone."""
    return {f"pip/{_name(root, names)}" for root in request.roots} | {spec_name(root) for root in request.conda_roots}


def _conda_met(root: str, known: Mapping[str, Pin | Member]) -> bool:
    pin = known.get(spec_name(root))
    return isinstance(pin, Pin) and meets(root, pin)


def _touched(roots: tuple[str, ...], recorded: tuple[str, ...]) -> list[str]:
    """The roots, old and new, whose answer may be another now: those of each package that is asked for otherwise.

    A plain root that is gone leaves nothing behind but its pins; one with extras or a source has shaped others.
    """
    changed = set(roots) ^ set(recorded)
    still = {_name(root) for root in roots} & {_name(root) for root in changed}
    return [root for root in (*roots, *recorded) if _name(root) in still or (root in changed and not _is_plain(root))]


def _is_plain(root: str) -> bool:
    from packaging.requirements import Requirement

    if asked_member(root) or is_nameless(root):
        return False
    requirement = Requirement(root)
    return not (requirement.extras or requirement.marker or requirement.url)


def _name(root: str, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """What has no name that is known is known by its path or URL."""
    from packaging.requirements import Requirement

    if member := asked_member(root):
        return member.name or names.get(member.path) or member.shown
    if is_nameless(root):
        return names.get(root, root)
    return Requirement(root).name


def _met(root: str, pins: Pins) -> bool:
    """Whether no solver could answer otherwise: extras, markers and sources, come or gone, are for a solver."""
    from packaging.requirements import Requirement

    if not _is_plain(root):
        return False
    requirement = Requirement(root)
    pin = pins.bringing(requirement.name)
    return pin is not None and requirement.specifier.contains(pin.version, prereleases=True)


def meets(spec: str, pin: Pin) -> bool:
    """Whether a pin is one of those that a spec admits: its channel compared by URL, the rest by rattler."""
    channel, bare = split_spec(spec)
    if channel and pin.channel != channel:
        return False
    if stated := spec_fields(bare).get("url"):
        return stated == pin.url
    return bool(_parsed(bare).matches(package_record(pin)))


def package_record(pin: Pin) -> "PackageRecord":
    """A pin as rattler knows packages."""
    from rattler import BuildString, PackageRecord

    return PackageRecord(
        name=pin.name,
        version=pin.version,
        build=BuildString(pin.build),
        build_number=pin.number,
        subdir=pin.subdir,
        depends=list(pin.dependencies),
        constrains=list(pin.constrains),
        md5=bytes.fromhex(pin.md5) if pin.md5 else None,
        sha256=bytes.fromhex(pin.sha256),
    )


@lru_cache(maxsize=4096)
def _parsed(spec: str) -> "MatchSpec":
    from rattler import MatchSpec

    return MatchSpec(spec, strict=False)
