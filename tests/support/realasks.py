"""What an environment file asks for, read without envbuild, and versions that would meet it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rattler import MatchSpec, Version, VersionSpec
from ruamel.yaml import YAML

# The newest patch of each minor version, where a file does not say one.
_PYTHONS = (
    "2.7.18", "3.5.6", "3.6.15", "3.7.16", "3.8.19", "3.9.19", "3.10.14", "3.11.9", "3.12.4", "3.13.1",
)  # fmt: skip
_MINORS = {"3.14", *(".".join(one.split(".")[:2]) for one in _PYTHONS)}
_ANY = ("0.1.0", "1.0.0", "1.4.2", "2.1.0")
_LITERAL = re.compile(r"(?:\d+!)?\d[\w.]*")
_PINNED = re.compile(r"[\w.-]+==?([^=*<>!~,|\s]+)=[^=*]+")
_LAST = re.compile(r"(\d+)$")


@dataclass(frozen=True)
class Asked:
    """One spec: of which package, from which channel ("" is any), its versions and its build."""

    name: str
    channel: str = ""
    version: str = ""
    build: str = ""

    @property
    def exact(self) -> str:
        """The one version that is named, if it is one."""
        version = self.version.removeprefix("==")
        return version if self.version.startswith("==") and not set(version) & set("*,|") else ""


@dataclass(frozen=True)
class File:
    channels: Sequence[str]
    conda: Sequence[str]
    pip: Sequence[str]

    @property
    def asked(self) -> Sequence[Asked]:
        return tuple(asked(spec) for spec in self.conda)


def read(text: str) -> File:
    found: Mapping[str, Any] = YAML(typ="safe").load(text)
    items = found.get("dependencies") or []
    lists = [entry for item in items if isinstance(item, dict) for entry in item["pip"]]
    return File(found.get("channels") or (), [_meant(item) for item in items if isinstance(item, str)], lists)


def _meant(spec: str) -> str:
    """A version that ends in a dot is any that begins so; rattler alone takes the dot for a build."""
    return re.sub(r"(=[\d.]+)\.\Z", r"\1.*", spec.strip())


def asked(spec: str) -> Asked:
    channel, _, rest = spec.strip().rpartition("::")
    found = MatchSpec(rest, strict=False)
    name = str(getattr(found.name, "normalized", found.name))
    version = str(found.version or "")
    if written := _PINNED.fullmatch(rest):
        version = f"=={written[1]}"  # 1.007001 is 1.7001 to a solver, and has its zeros in the package's own name
    return Asked(name, channel, "" if version == "*" else version, found.build or "")


def good(ranges: Iterable[str], pool: Iterable[str] = _ANY) -> Sequence[str]:
    """Versions of a pool, and near what the ranges name, that meet them all: oldest first."""
    wanted = [VersionSpec(one) for one in ranges if one]
    tried = {version for one in ranges for version in near(one)} | set(pool)
    return _sorted(one for one in tried if all(spec.matches(Version(one)) for spec in wanted))


def pythons(ranges: Sequence[str]) -> Sequence[str]:
    """Versions of python: the newest patch of each minor that is admitted; `==3.11` is both 3.11.0 and any 3.11."""
    loose = [f"{one[2:]}.*" if re.fullmatch(r"==\d\.\d+", one) else one for one in ranges]
    newest = {minor(one): one for one in good(loose, _PYTHONS) if _is_python(one)}
    return _sorted([*newest.values(), *(one[2:] for one in set(ranges) - set(loose))])


def _is_python(version: str) -> bool:
    return minor(version) in _MINORS and version.count(".") <= 2


def minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def bumped(version: str) -> str:
    """A newer version."""
    return _LAST.sub(lambda found: str(int(found[1]) + 1), version) if _LAST.search(version) else f"{version}.1"


def near(text: str) -> Iterator[str]:
    """What the text names, what is a bit newer and older than that, and what comes below it."""
    for literal in _LITERAL.findall(text):
        named = literal.rstrip(".")
        yield named
        if not (last := _LAST.search(named)):
            continue
        yield bumped(named)
        yield from [f"{named[: last.start()]}{int(last[1]) - 1}"] if int(last[1]) else []
        yield from (f"{named}.3", f"{named}.9") if named.count(".") < 2 else (f"{named}.1",)
        yield from [f"{int(named.split('.')[0]) + 1}.0"] if named.split(".")[0].isdigit() else []


def _sorted(versions: Iterable[str]) -> Sequence[str]:
    kept: dict[Version, str] = {}
    for one in versions:
        kept.setdefault(Version(one), one)
    return tuple(kept[key] for key in sorted(kept))
