"""What is noted in a prefix of each conda package: the same on every machine, and of no other package.

Rattler notes files in the order in which its threads have linked them, and keeps what a package has lost to another
one in a folder of its own.
"""

import shutil
from pathlib import Path

import msgspec

from envbuild.lock import Pin
from envbuild.solvers.archives import stem
from envbuild.solvers.origins import public_url
from envbuild.typed import from_json

FOLDER = "conda-meta"
_OF_THE_MACHINE = {"extracted_package_dir", "package_tarball_full_path", "link"}
_LOST = "__clobbers__"

_Row = dict[str, msgspec.Raw]


class _Paths(msgspec.Struct):
    paths_version: int
    paths: list[_Row]


def put_right(prefix: Path, pin: Pin, source: str) -> None:
    """Where it came from, and nothing of how it came here; all its files, as conda has it, whoever else brings them."""
    path = noted(prefix, pin)
    said = from_json(path.read_bytes(), dict[str, msgspec.Raw])
    own: dict[str, object] = {"url": source, "channel": f"{source.rpartition('/')[0].rpartition('/')[0]}/"}
    if "paths_data" in said:
        rows = sorted(map(_named, from_json(said["paths_data"], _Paths).paths), key=_path)
        own |= {"files": [_path(row) for row in rows], "paths_data": {"paths_version": 1, "paths": rows}}
    kept: dict[str, object] = {name: value for name, value in said.items() if name not in _OF_THE_MACHINE}
    lines = (b'  "%s": %s' % (name.encode(), msgspec.json.encode(value)) for name, value in (kept | own).items())
    path.write_bytes(b"{\n%s\n}" % b",\n".join(lines))
    path.chmod(0o644)


def source_here(pin: Pin) -> str:
    return public_url(pin.url)


def source_elsewhere(pin: Pin) -> str:
    """Of a channel that is a folder its name alone: where this machine has it is nothing to an image."""
    url = public_url(pin.url)
    if not url.startswith("file:"):
        return url
    channel, subdir, name = url.split("/")[-3:]
    return f"file:///{channel}/{subdir}/{name}"


def noted(prefix: Path, pin: Pin) -> Path:
    return prefix / FOLDER / f"{stem(pin)}.json"


def remove_lost(prefix: Path) -> None:
    """What another package has won is nobody's; and of what is left there some comes and goes with the threads."""
    shutil.rmtree(prefix / _LOST, ignore_errors=True)


def _named(row: _Row) -> _Row:
    """By its own name, where it was given another one."""
    original = row.pop("original_path", None)
    return row if original is None else {**row, "_path": original}


def _path(row: _Row) -> str:
    return from_json(row["_path"], str)
