"""Dependencies in the words of pixi.toml: what is asked for on a platform, or the pins of it.

What conda-lock has no value for (URLs, repositories, folders, an index of its own) is a table, kept as JSON in the
place of a version while conda-lock finds out what platforms share.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from envbuild.interop.exports.subject import Subject
from envbuild.lock import Pin, direct, joined_specs, safe_url, spec_fields, spec_name, split_spec
from envbuild.manifest import Item, source_of, wish

if TYPE_CHECKING:
    from rattler import MatchSpec

_REPOSITORY = re.compile(r"git\+(?P<url>[^#]*?)(?:@(?P<rev>[^@/#]+))?(?:#(?P<fragment>.*))?")
_SUBDIRECTORY = re.compile(r"(?:^|&)subdirectory=(?P<folder>[^&]+)")


class Dependency(msgspec.Struct, frozen=True):
    """One package of one manager; `table` stands for what is no version."""

    manager: str
    name: str
    version: str = "*"
    build: str = ""
    channel: str = ""
    extras: tuple[str, ...] = ()
    table: tuple[tuple[str, Any], ...] = ()

    @property
    def kept(self) -> str:
        """What stands in the place of a version."""
        return json.dumps(dict(self.table)) if self.table else self.version


def kept_table(version: object) -> dict[str, Any] | None:
    """The table that was put in the place of a version."""
    return dict(json.loads(version)) if isinstance(version, str) and version.startswith("{") else None


def dependencies(subject: Subject, platform: str) -> tuple[Dependency, ...]:
    if subject.wish.exact:
        return tuple(_pinned(subject, platform))
    return (*_conda_asked(subject, platform), *_pip_asked(subject, platform))


def constraints(subject: Subject, platform: str) -> tuple[Dependency, ...]:
    """Bounds on what channels bring; those of pip have no place."""
    conda = subject.request(platform).conda
    return tuple(_specs(conda.constraints, subject.channel_names)) if conda else ()


def overrides(subject: Subject, platform: str) -> dict[str, Any]:
    """What beats the wishes of packages, by the name of the package."""
    packages = subject.environment.overrides.on(platform)
    items = [item for package in packages for item in package.items if item.manager == "pip"]
    return {one.name: _value(one) for one in _requirements(items, subject, platform)}


def _value(one: Dependency) -> Any:
    if one.table:
        return dict(one.table)
    return {"version": one.version, "extras": list(one.extras)} if one.extras else one.version


def _conda_asked(subject: Subject, platform: str) -> Iterator[Dependency]:
    request = subject.request(platform)
    if request.conda:
        yield from _specs(request.conda.roots, subject.channel_names)
    elif request.roots or request.python:
        yield Dependency("conda", "python", wish(request.python) if request.python else "*")


def _specs(roots: Iterable[str], names: Mapping[str, str]) -> Iterator[Dependency]:
    """One for each package: what several specs say of it holds together."""
    from rattler import MatchSpec

    said: dict[str, list[str]] = {}
    channels: dict[str, str] = {}
    for root in roots:
        channel, bare = split_spec(root)
        said.setdefault(spec_name(root), []).append(bare)
        channels[spec_name(root)] = channel or channels.get(spec_name(root), "")
    for name, bare_specs in said.items():
        spec = MatchSpec(joined_specs(bare_specs)[0], strict=False)
        fields = {key: value for one in bare_specs for key, value in spec_fields(one).items()}
        yield _spec(name, spec, fields, names.get(channels[name], channels[name]))


def _spec(name: str, spec: "MatchSpec", fields: Mapping[str, str], channel: str) -> Dependency:
    """A table where a version, a build and a channel do not say all."""
    further = {key.replace("_", "-"): value for key, value in fields.items() if key not in {"version", "build"}}
    version, build = str(spec.version or "*"), str(spec.build or "")
    if not further:
        return Dependency("conda", name, version, build, channel)
    said = {"version": version if spec.version else "", "build": build, "channel": channel, **further}
    return Dependency("conda", name, table=tuple((key, value) for key, value in said.items() if value))


def _pip_asked(subject: Subject, platform: str) -> Iterator[Dependency]:
    packages = subject.environment.dependencies.on(platform)
    own = subject.environment.python.source != "conda"
    items = [item for package in packages for item in package.items]
    yield from _requirements(
        [item for item in items if item.manager == "pip" or (own and item.name == "pip")], subject, platform
    )
    yield from _members(subject, platform)


def _requirements(items: Iterable[Item], subject: Subject, platform: str) -> Iterator[Dependency]:
    """One for each distribution, with what counts on this platform and for the Python that is locked."""
    from envbuild.solvers.targets import holds

    found: dict[str, list[Item]] = {}
    for item in items:
        if not item.path and holds(item.marker, platform, subject.python):
            name = item.name or next((one.name for one in subject.pins(platform).pip if _is_at(one, item)), "")
            found.setdefault(name, []).append(item)
    for name, said in found.items():
        extras = tuple(sorted({extra for item in said for extra in item.extras}))
        source = next((item.url for item in said if item.url), "")
        version = ",".join(sorted({clause for item in said for clause in item.specifier.split(",") if clause})) or "*"
        yield _distribution(name, version, extras, source, subject.bound(platform).get(name, ""))


def _is_at(pin: Pin, item: Item) -> bool:
    return source_of(pin.url) == source_of(item.url)


def _distribution(name: str, version: str, extras: tuple[str, ...], source: str, index: str) -> Dependency:
    table: dict[str, Any] = {}
    if source:
        table = _source(source)
    elif index:
        table = {"version": version, "index": safe_url(index)}
    if not table:
        return Dependency("pip", name, version, extras=extras)
    return Dependency("pip", name, table=tuple({**table, **({"extras": list(extras)} if extras else {})}.items()))


def _source(url: str) -> dict[str, Any]:
    """A repository at what is asked for of it, or a file."""
    repository = _REPOSITORY.fullmatch(url)
    if repository is None:
        return {"url": safe_url(url)}
    folder = _SUBDIRECTORY.search(repository["fragment"] or "")
    said = {"git": safe_url(repository["url"]), "rev": repository["rev"], "subdirectory": folder and folder["folder"]}
    return {key: value for key, value in said.items() if value}


def _members(subject: Subject, platform: str) -> Iterator[Dependency]:
    names = {member.path: member.name for member in subject.pins(platform).members}
    for item, _ in subject.members(platform):
        said = {"path": subject.path(item.path), "editable": item.editable, "extras": list(item.extras)}
        table = tuple((key, value) for key, value in said.items() if value)
        yield Dependency("pip", item.name or names.get(item.path, ""), table=table)


def _pinned(subject: Subject, platform: str) -> Iterator[Dependency]:
    pins, names = subject.pins(platform), subject.channel_names
    conda = subject.request(platform).conda
    known = conda.channels if conda else ()  # a channel may keep its packages elsewhere
    for pin in pins.conda:
        if direct(pin, subject.environment):
            table = (("url", safe_url(pin.url)), ("sha256", pin.sha256))
            yield Dependency("conda", pin.name, table=table)
        else:
            channel = names.get(pin.channel, safe_url(pin.channel) if pin.channel in known else "")
            yield Dependency("conda", pin.name, f"=={pin.version}", pin.build, channel)
    if not pins.conda and subject.python:
        yield Dependency("conda", "python", f"{subject.python}.*")
    for pin in pins.pip:
        source = pin.url if direct(pin, subject.environment) else ""
        yield _distribution(pin.name, f"=={pin.version}", (), source, subject.bound(platform).get(pin.name, ""))
    yield from _members(subject, platform)
