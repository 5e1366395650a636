"""Wheels and sdists made in memory: small, valid, and the same bytes everywhere, since nothing is compressed."""

import base64
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from importlib import metadata
from pathlib import Path
from typing import TypedDict, Unpack

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name

_TIME = (2020, 1, 1, 0, 0, 0)
_SECONDS = 1_577_836_800  # the same moment, as tar and gzip count it
_OF_THE_INSTALLER = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
_BUILD_SYSTEM = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


class WheelOptions(TypedDict, total=False):
    requires: Sequence[str]
    extras: Mapping[str, Sequence[str]]
    modules: Mapping[str, str]  # path inside the wheel -> source; one of an equal path replaces the generated module
    scripts: Mapping[str, str]  # command -> "module:function"
    tag: str
    requires_python: str


@dataclass(frozen=True)
class _Distribution:
    name: str
    version: str
    requires: Sequence[str] = ()
    extras: Mapping[str, Sequence[str]] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    tag: str = "py3-none-any"
    requires_python: str = ""

    @property
    def module(self) -> str:
        return canonicalize_name(self.name).replace("-", "_")

    @property
    def stem(self) -> str:
        return f"{self.module}-{self.version}"


def wheel_bytes(name: str, version: str, **options: Unpack[WheelOptions]) -> tuple[str, bytes]:
    """Give the file name and the bytes of a wheel whose package NAME holds `__version__`."""
    distribution = _Distribution(name, version, **options)
    return f"{distribution.stem}-{distribution.tag}.whl", _zipped(_tree(distribution))


def installed_wheel(name: str) -> tuple[str, bytes]:
    """Pack an installed distribution into the wheel it came from: a compiled one, with no compiler and no network."""
    found = metadata.distribution(name)
    paths = [path for path in found.files or () if path.suffix != ".pyc" and ".." not in path.parts]
    files = {str(path): path.read_binary() for path in sorted(paths) if path.name not in _OF_THE_INSTALLER}
    (facts,) = {path.partition("/")[0] for path in files if path.endswith(".dist-info/METADATA")}
    files[f"{facts}/RECORD"] = _record(files, f"{facts}/RECORD")
    tags = [tag.split("-") for tag in message_from_bytes(files[f"{facts}/WHEEL"]).get_all("Tag", [])]
    tag = "-".join(".".join(sorted(set(part))) for part in zip(*tags, strict=True))
    return f"{facts.removesuffix('.dist-info')}-{tag}.whl", _zipped(files)


def sdist_bytes(
    name: str, version: str, *, files: Mapping[str, bytes] | None = None, **options: Unpack[WheelOptions]
) -> tuple[str, bytes]:
    """Give the file name and the bytes of an sdist that builds, with no download, the wheel of the same arguments.

    `files` stand in it instead of those that would be made.
    """
    distribution = _Distribution(name, version, **options)
    buffer = io.BytesIO()
    with (
        gzip.GzipFile("", "wb", compresslevel=0, fileobj=buffer, mtime=_SECONDS) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, data in (files or _source(distribution)).items():
            entry = tarfile.TarInfo(f"{distribution.stem}/{path}")
            entry.size, entry.mtime = len(data), _SECONDS
            archive.addfile(entry, io.BytesIO(data))
    return f"{distribution.stem}.tar.gz", buffer.getvalue()


def source_files(name: str, version: str, **options: Unpack[WheelOptions]) -> dict[str, bytes]:
    """Give what such an sdist holds, by path: a folder that builds."""
    return _source(_Distribution(name, version, **options))


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = 3  # Unix, wherever the test runs
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def _source(distribution: _Distribution) -> dict[str, bytes]:
    return {
        "PKG-INFO": _metadata(distribution),
        "backend.py": Path(__file__).with_name("backend.py").read_bytes(),
        "pyproject.toml": _BUILD_SYSTEM,
        **{f"tree/{path}": data for path, data in _tree(distribution).items()},
    }


def _tree(distribution: _Distribution) -> dict[str, bytes]:
    generated = {f"{distribution.module}/__init__.py": f'__version__ = "{distribution.version}"\n'}
    files = {path: text.encode() for path, text in {**generated, **distribution.modules}.items()}
    facts = f"{distribution.stem}.dist-info"
    files[f"{facts}/METADATA"] = _metadata(distribution)
    files[f"{facts}/WHEEL"] = _wheel(distribution.tag)
    if distribution.scripts:
        files[f"{facts}/entry_points.txt"] = _entry_points(distribution.scripts)
    files[f"{facts}/RECORD"] = _record(files, f"{facts}/RECORD")
    return files


def _metadata(distribution: _Distribution) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {distribution.name}", f"Version: {distribution.version}"]
    if distribution.requires_python:
        lines.append(f"Requires-Python: {distribution.requires_python}")
    lines += [f"Provides-Extra: {extra}" for extra in distribution.extras]
    lines += [f"Requires-Dist: {requirement}" for requirement in _requirements(distribution)]
    return "".join(f"{line}\n" for line in lines).encode()


def _requirements(distribution: _Distribution) -> Iterator[str]:
    yield from distribution.requires
    for extra, requirements in distribution.extras.items():
        for requirement in requirements:
            wanted, _, marker = requirement.partition(";")
            condition = f'({marker.strip()}) and extra == "{extra}"' if marker else f'extra == "{extra}"'
            yield f"{wanted.strip()} ; {condition}"


def _wheel(tag: str) -> bytes:
    pure = str(tag.endswith("-any")).lower()
    lines = ["Wheel-Version: 1.0", "Generator: envbuild-tests", f"Root-Is-Purelib: {pure}"]
    lines += [f"Tag: {one}" for one in sorted(str(one) for one in parse_tag(tag))]
    return "".join(f"{line}\n" for line in lines).encode()


def _entry_points(scripts: Mapping[str, str]) -> bytes:
    return "".join(["[console_scripts]\n", *(f"{name} = {target}\n" for name, target in scripts.items())]).encode()


def _record(files: Mapping[str, bytes], own_path: str) -> bytes:
    rows = [f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items()]
    return "".join([*rows, f"{own_path},,\n"]).encode()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
