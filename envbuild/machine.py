"""The machine that we run on: its name, its platform, and what its folders lie on."""

import hashlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ID_FILE = "/etc/machine-id"
_LARGEST = 2**20


def identity() -> str:
    """A stable name for this machine, which tells nobody which one it is."""
    known = text_of(Path(ID_FILE)).strip()
    return hashlib.sha256((known or os.uname().nodename).encode()).hexdigest()[:16]


def platform() -> str:
    """The platform we run on, by its conda name."""
    machine = os.uname().machine
    if sys.platform == "darwin":
        return "osx-arm64" if machine == "arm64" else "osx-64"
    return "linux-64" if machine == "x86_64" else f"linux-{machine}"


def cache_folder(host: Mapping[str, str]) -> Path:
    """Where what was fetched is kept between runs: one place for all projects of a user."""
    if own := host.get("ENVBUILD_CACHE"):
        return Path(own).absolute()
    home = host.get("XDG_CACHE_HOME") or Path(host.get("HOME") or Path.home(), ".cache")
    return Path(home, "envbuild").absolute()


def own_python(wanted: str) -> str:
    """The Python that we run on, where it is one that is asked for: a search takes longer than an environment."""
    plain = sys.implementation.name == "cpython" and not sys.abiflags
    base = getattr(sys, "_base_executable", "") or sys.executable
    return base if plain and sys.version_info[3] == "final" and _is_own(wanted) else ""


def _is_own(wanted: str) -> bool:
    major, minor, patch = sys.version_info[:3]
    if wanted == f"=={major}.{minor}.*":  # as most locks ask, and packaging takes longer to load than a build may wait
        return True
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(wanted).contains(f"{major}.{minor}.{patch}")


def file_system(folder: Path) -> str:
    """The kind of file system a folder lies on, where the system tells."""
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    real = str(folder.resolve())
    best = ("", "")
    for line in mounts:
        _, point, kind, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def text_of(path: Path, errors: str = "strict") -> str:
    """What a file of another program holds; nothing where it cannot be read, which is that program's business."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as stream:
            return stream.read(_LARGEST).decode(errors=errors)
    except (OSError, ValueError):
        return ""


def today() -> str:
    """As tags of images have it."""
    return time.strftime("%Y-%m-%d", time.gmtime())
