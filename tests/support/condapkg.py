"""Real conda packages made in memory: both formats, sound or hostile, and the same bytes everywhere.

A `.conda` archive holds zstd frames of raw blocks: valid, quick to write, and no compressor's version shows in them.
"""

import bz2
import configparser
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from packaging.utils import canonicalize_name

# What stands for the prefix: long, since a binary file has no room for a prefix that is longer.
PREFIX = "/opt/" + "_placeholder" * 20
_SECONDS = 1_577_836_800
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_BLOCK = 128 * 1024
_MACHINES = {"64": "x86_64", "32": "x86"}


@dataclass(frozen=True)
class File:
    data: bytes = b""
    mode: int = 0o644
    link: str = ""  # where a link leads
    link_type: bytes = tarfile.SYMTYPE  # or LNKTYPE, which no builder of packages makes
    prefix: str = ""  # "text" or "binary": holds PREFIX, to be replaced
    no_link: bool = False  # copied, never linked

    @property
    def told(self) -> dict[str, Any]:
        """What `paths.json` says of it, beside its path."""
        said = {
            "path_type": "softlink" if self.link else "hardlink",
            "sha256": _sha256(self.data),
            "size_in_bytes": len(self.data),
        }
        said |= {"prefix_placeholder": PREFIX, "file_mode": self.prefix} if self.prefix else {}
        return said | ({"no_link": True} if self.no_link else {})


@dataclass(frozen=True, kw_only=True)
class Package:
    name: str
    version: str = "1.0"
    build: str = "0"
    number: int = 0
    subdir: str = "linux-64"
    depends: Sequence[str] = ()
    constrains: Sequence[str] = ()
    files: Mapping[str, File] = field(default_factory=dict)
    noarch: str = ""  # or "generic", or "python": its files in site-packages/, its commands as entry points
    entry_points: Sequence[str] = ()  # "command = module:function"
    kind: str = ".conda"  # or ".tar.bz2"
    purls: Sequence[str] | None = None  # stands in the channel's record only, as in real channels
    fields: Mapping[str, Any] = field(default_factory=dict)  # of the record and of index.json: track_features …
    # A sound package leaves these alone.
    listed: Mapping[str, File] | None = None  # what paths.json tells, if that is not what is inside
    claimed: Mapping[str, Any] = field(default_factory=dict)  # what index.json says and the record does not
    members: Sequence[tuple[str, File]] = ()  # further members of the archive, told nowhere; names may repeat

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def filename(self) -> str:
        return self.stem + self.kind


@dataclass(frozen=True)
class Archive:
    """A finished package: its bytes, and what a channel says of it."""

    filename: str
    record: Mapping[str, Any]
    data: bytes

    @property
    def subdir(self) -> str:
        return str(self.record["subdir"])

    def write(self, folder: Path) -> None:
        """Keep it in a folder of its own, for `read`."""
        (folder / self.filename).write_bytes(self.data)
        (folder / "record.json").write_text(_json(self.record), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        (path,) = (path for path in folder.iterdir() if path.name != "record.json")
        return cls(path.name, json.loads((folder / "record.json").read_bytes()), path.read_bytes())


def archive(package: Package) -> Archive:
    data = (_tar_bz2 if package.kind == ".tar.bz2" else _conda)(package)
    hashes = {"md5": hashlib.md5(data, usedforsecurity=False).hexdigest(), "sha256": _sha256(data), "size": len(data)}
    purls = {} if package.purls is None else {"purls": list(package.purls)}
    return Archive(package.filename, _index(package) | hashes | purls, data)


def script(text: str) -> File:
    """Make a program of text, in which PREFIX becomes the prefix."""
    return File(text.encode(), 0o755, prefix="text")


def link_script(package: str, moment: str, text: str) -> dict[str, File]:
    """Make the script that conda runs at a MOMENT: post-link, pre-link, pre-unlink."""
    return {f"bin/.{package}-{moment}.sh": File(text.encode(), 0o755)}


def from_wheel(filename: str, data: bytes, *, subdir: str, python: str, depends: Sequence[str] = ()) -> Package:
    """Make a package of a wheel: noarch if it is pure, else for the PYTHON of that minor version, as in "3.11"."""
    name, version = filename.split("-")[:2]
    pure = filename.endswith("-none-any.whl")
    with zipfile.ZipFile(io.BytesIO(data)) as wheel:
        inside = {path: wheel.read(path) for path in wheel.namelist()}
    root = "site-packages" if pure else f"lib/python{python}/site-packages"
    files = {f"{root}/{path}": File(content) for path, content in inside.items()}
    files[f"{root}/{name}-{version}.dist-info/INSTALLER"] = File(b"conda\n")
    return Package(
        name=canonicalize_name(name),
        version=version,
        build="pyhd_0" if pure else f"py{python.replace('.', '')}h0_0",
        subdir="noarch" if pure else subdir,
        depends=("python" if pure else needs_python(python), *depends),
        files=files,
        noarch="python" if pure else "",
        entry_points=_commands(inside) if pure else (),
    )


def needs_python(minor: str) -> str:
    """Spell the dependency of what was compiled for one minor version, as conda-build does."""
    major, _, number = minor.partition(".")
    return f"python >={minor},<{major}.{int(number) + 1}.0a0"


def zst(data: bytes) -> bytes:
    """Wrap bytes in a zstd frame (RFC 8878) of raw blocks: length in eight bytes, a window of one block."""
    blocks = [data[start : start + _BLOCK] for start in range(0, len(data), _BLOCK)] or [b""]
    headers = [len(block) << 3 | (at == len(blocks)) for at, block in enumerate(blocks, 1)]
    frame = [b"\x28\xb5\x2f\xfd\xc0\x38", len(data).to_bytes(8, "little")]
    for header, block in zip(headers, blocks, strict=True):
        frame += [header.to_bytes(3, "little"), block]
    return b"".join(frame)


def _tar_bz2(package: Package) -> bytes:
    return bz2.compress(_tar([*_sorted(_info(package)), *_sorted(package.files), *package.members]), 1)


def _conda(package: Package) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as outer:
        for name, data in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{package.stem}.tar.zst", zst(_tar([*_sorted(package.files), *package.members]))),
            (f"info-{package.stem}.tar.zst", zst(_tar(_sorted(_info(package))))),
        ):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.create_system = 3  # Unix, wherever the test runs
            outer.writestr(entry, data)
    return buffer.getvalue()


def _tar(members: Sequence[tuple[str, File]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as opened:
        for path, file in members:
            entry = tarfile.TarInfo(path)
            entry.mtime, entry.mode = _SECONDS, file.mode
            if file.link:
                entry.type, entry.linkname = file.link_type, file.link
            else:
                entry.size = len(file.data)
            opened.addfile(entry, io.BytesIO(file.data))
    return buffer.getvalue()


def _sorted(files: Mapping[str, File]) -> list[tuple[str, File]]:
    return sorted(files.items())


def _index(package: Package) -> dict[str, Any]:
    system, _, machine = package.subdir.partition("-")
    where = {"noarch": package.noarch} if package.noarch else {"platform": system}
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": package.number,
        "depends": list(package.depends),
        "constrains": list(package.constrains),
        "license": "MIT",
        "subdir": package.subdir,
        "timestamp": _SECONDS * 1000,
        **where,
        **({"arch": _MACHINES.get(machine, machine)} if machine else {}),
        **package.fields,
    }


def _info(package: Package) -> dict[str, File]:
    listed = package.files if package.listed is None else package.listed
    rows = [{"_path": path, **file.told} for path, file in _sorted(listed)]
    prefixed = [f'"{PREFIX}" "{file.prefix}" "{path}"\n' for path, file in _sorted(listed) if file.prefix]
    found = {
        "index.json": _json(_index(package) | dict(package.claimed)),
        "paths.json": _json({"paths": rows, "paths_version": 1}),
        "about.json": _json({"summary": f"{package.name}, made by a test", "license": "MIT"}),
        "files": "".join(f"{path}\n" for path in sorted(listed)),
        "has_prefix": "".join(prefixed),
        "no_link": "".join(f"{path}\n" for path, file in _sorted(listed) if file.no_link),
        "link.json": _link_json(package),
    }
    return {f"info/{name}": File(text.encode()) for name, text in found.items() if text}


def _link_json(package: Package) -> str:
    if not package.noarch:
        return ""
    points = {"entry_points": list(package.entry_points)} if package.entry_points else {}
    return _json({"noarch": {"type": package.noarch, **points}, "package_metadata_version": 1})


def _commands(inside: Mapping[str, bytes]) -> Sequence[str]:
    return tuple(
        f"{command} = {target}"
        for path, content in inside.items()
        if path.endswith(".dist-info/entry_points.txt")
        for command, target in _console_scripts(content.decode())
    )


def _console_scripts(text: str) -> Iterator[tuple[str, str]]:
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # commands keep their capitals
    parser.read_string(text)
    yield from parser["console_scripts"].items() if parser.has_section("console_scripts") else ()


def _json(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
