"""A real `python` package for conda, made of the interpreter that runs the tests, so that what is installed truly runs.

Only for Linux: there the interpreter finds its own library by `$ORIGIN`, wherever its prefix lies.
"""

import os
import platform
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from rattler import Subdir

from .condapkg import PREFIX, Archive, File, Package, archive
from .once import made_once

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
SUBDIR = str(Subdir.current())
_LIB = f"lib/python{MINOR}"
_ABI = f"cp{MINOR.replace('.', '')}"
_BASE = Path(sys.base_prefix)
# Of no use to a test, or the machine's own: Debian's sitecustomize and its word that pip may not install here.
_LEFT_OUT = {
    "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data", "__pycache__",
    "site-packages", "dist-packages", "sitecustomize.py", "EXTERNALLY-MANAGED",
}  # fmt: skip
_LEFT_OUT_BEGINNINGS = ("config-", "_tkinter", "_test", "_ctypes_test", "xxlimited")
# Debian's own looks for packages elsewhere; told so, it is a python like any other.
_UNLIKE_DEBIAN = f"""\
import site, sys, sysconfig
sysconfig.get_default_scheme = lambda: "posix_prefix"
sysconfig.get_preferred_scheme = lambda key: f"posix_{{key}}"
site.addsitedir(f"{{sys.prefix}}/{_LIB}/site-packages")
"""


def real_python(folder: Path) -> Archive:
    """Make the package once in a folder that several processes share, and read it from there."""
    if sys.platform != "linux":
        pytest.skip("a relocatable python is made of a Linux interpreter only")
    return Archive.read(made_once(folder, lambda unfinished: archive(python_package()).write(unfinished)))


def python_package() -> Package:
    files = {**dict(_standard_library()), f"bin/python{MINOR}": _taken(Path(sys.executable).resolve())}
    files |= {f"bin/{name}": File(link=f"python{MINOR}") for name in ("python", "python3")}
    library = _BASE / "lib" / (sysconfig.get_config_var("INSTSONAME") or "none")
    files |= {f"lib/{library.name}": _taken(library)} if library.suffix != ".a" and library.is_file() else {}
    return Package(
        name="python",
        version=platform.python_version(),
        build="h0_0_cpython",
        subdir=SUBDIR,
        files=files,
        depends=["__glibc >=2.17"],
        constrains=[f"python_abi {MINOR}.* *_{_ABI}"],
        fields={"python_site_packages_path": f"{_LIB}/site-packages"},
    )


def python_abi() -> Package:
    """Make the package that ties compiled packages to one minor version, as conda-forge has it."""
    return Package(
        name="python_abi",
        version=MINOR,
        build=f"0_{_ABI}",
        subdir="noarch",
        noarch="generic",
        constrains=[f"python {MINOR}.*"],
    )


def _standard_library() -> Iterator[tuple[str, File]]:
    for root in {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}:
        for folder, names, found in os.walk(root):
            names[:] = [name for name in names if _is_wanted(name)]
            for name in filter(_is_wanted, found):
                path = Path(folder, name)
                yield f"{_LIB}/{path.relative_to(root).as_posix()}", _taken(path)
    yield f"{_LIB}/site-packages/README.txt", File(b"other packages live here\n")
    if "deb_system" in sysconfig.get_scheme_names():
        yield f"{_LIB}/sitecustomize.py", File(_UNLIKE_DEBIAN.encode())


def _is_wanted(name: str) -> bool:
    return name not in _LEFT_OUT and not name.startswith(_LEFT_OUT_BEGINNINGS) and not name.endswith((".pyc", ".a"))


def _taken(path: Path) -> File:
    data = path.read_bytes()
    base = str(_BASE).encode()
    if path.name.startswith("_sysconfigdata"):
        return File(data.replace(base, PREFIX.encode()), prefix="text" if base in data else "")
    return File(_relocated(data), 0o755 if os.access(path, os.X_OK) else 0o644)


def _relocated(data: bytes) -> bytes:
    """Lead the loader to `lib` from where the file lies; in place, since no table of an ELF file may move."""
    old, new = f"{_BASE}/lib\0".encode(), b"$ORIGIN/../lib\0"
    is_elf = data.startswith(b"\x7fELF") and len(new) <= len(old)
    return data.replace(old, new.ljust(len(old), b"\0")) if is_elf else data
