"""A local environment of conda packages and a few wheels, all of it in warm caches, beside rattler and uv called bare.

The packages are small and hold many files, as real ones do: a Python that runs, libraries with their prefix in text and
binary files, and packages for any Python with commands. Linking them is most of the work, and the same on both sides.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support.condachannel import Channel
from support.condapkg import PREFIX, File, Package, needs_python, script
from support.condapython import MINOR, SUBDIR, python_abi, python_package
from support.once import made_once

from . import fleet, index
from .channels import Side
from .process import Place, Run, place

_BARE = Path(__file__).with_name("bareinstall.py")
_LIBRARIES, _COMPILED, _PURE = 10, 6, 12
_FILES = 120  # in each
_WHEELS = [fleet.Package(f"bench-wheel-{number}", versions=("1.0.0",)) for number in range(5)]
_MODULES = 20
_TEXT = f"prefix={PREFIX}\nlibs=-L{PREFIX}/lib\n" * 20
_BINARY = b"\x7fELF" + bytes(2_000) + f"{PREFIX}/lib\0".encode() + bytes(4_000)
_MODULE = b"VALUES = [1, 2, 3]\n" * 60


@contextmanager
def building(work: Place) -> Iterator[tuple[Side, Side]]:
    """Both sides start from pins and warm caches, and make a prefix where there was none."""
    folder = work.folder / "conda-built"
    shutil.rmtree(folder, ignore_errors=True)
    project = place(folder)
    channel = made_once(work.folder / "conda-packages", _write_channel)
    index.write(folder / ".bench" / "index", _WHEELS, _MODULES)
    with index.served(folder / ".bench" / "index") as url:
        _write_manifest(folder, channel.as_uri(), url)
        project.envbuild("lock")
        ours, theirs = _ours(project), _by_hand(project, channel, url)
        ours()
        theirs()
        yield ours, theirs


def _ours(project: Place) -> Side:
    fresh = project.folder / "fresh"
    beside = project.beside(fresh, ENVBUILD_STORE=str(fresh / "store"))

    def apply() -> Run:
        shutil.rmtree(fresh, ignore_errors=True)
        for part in ("manifests", "locks"):
            shutil.copytree(project.folder / part, fresh / part)
        return beside.envbuild("apply")

    return apply


def _by_hand(project: Place, channel: Path, url: str) -> Callable[[], Run]:
    from uv import find_uv_bin

    prefix, cache = project.folder / "by-hand", project.folder / ".bench" / "packages"
    uv = (
        find_uv_bin(),
        "--no-config",
        "pip",
        "install",
        "--python",
        prefix / "bin" / "python",
        "--default-index",
        url,
        "--break-system-packages",
    )
    wheels = [f"{wheel.name}=={wheel.versions[0]}" for wheel in _WHEELS]

    def install() -> Run:
        shutil.rmtree(prefix, ignore_errors=True)
        return project.run(sys.executable, _BARE, channel, cache, prefix, *uv, *wheels)

    return install


def _write_manifest(folder: Path, channel: str, url: str) -> None:
    path = folder / "manifests" / "built.yaml"
    path.parent.mkdir()
    conda = "".join(f"  - {package.name}\n" for package in packages())
    wheels = "".join(f"      - {wheel.name}\n" for wheel in _WHEELS)
    path.write_text(
        f"channels:\n  - {channel}\npip:\n  index_url: {url}\ndependencies:\n{conda}  - pip:\n{wheels}",
        encoding="utf-8",
    )


def _write_channel(folder: Path) -> None:
    Channel(folder, *packages())


def packages() -> Iterator[Package]:
    """One version of each, and all that they need."""
    yield from (python_package(), python_abi(), _pure("pip", "pip = pip:main"))
    for number in range(_LIBRARIES):
        depends = [f"libbench{number - 1:02}"] if number else []
        yield Package(name=f"libbench{number:02}", subdir=SUBDIR, files=_library(number), depends=depends)
    for number in range(_COMPILED):
        name = f"compiled{number:02}"
        files = {f"lib/python{MINOR}/site-packages/{name}/{path}": file for path, file in _modules(_FILES).items()}
        depends = [needs_python(MINOR), f"libbench{number:02}"]
        yield Package(name=name, build="h0_0", subdir=SUBDIR, files=files, depends=depends)
    yield from (_pure(f"pure{number:02}", f"pure{number:02} = pure{number:02}:main") for number in range(_PURE))


def _library(number: int) -> dict[str, File]:
    name = f"libbench{number:02}"
    headers = {f"include/{name}/part_{one:03}.h": File(_MODULE) for one in range(_FILES)}
    return headers | {
        f"bin/{name}-config": script(f"#!/bin/sh\necho {PREFIX}\n"),
        f"lib/pkgconfig/{name}.pc": File(_TEXT.encode(), prefix="text"),
        f"lib/{name}.so.1.0": File(_BINARY, 0o755, prefix="binary"),
        f"lib/{name}.so.1": File(link=f"{name}.so.1.0"),
        f"lib/{name}.so": File(link=f"{name}.so.1"),
    }


def _pure(name: str, command: str) -> Package:
    files = {f"site-packages/{name}/{path}": file for path, file in _modules(_FILES).items()}
    return Package(
        name=name,
        build="py_0",
        subdir="noarch",
        noarch="python",
        depends=["python"],
        files=files,
        entry_points=[command],
    )


def _modules(count: int) -> dict[str, File]:
    return {"__init__.py": File(b"def main() -> None: ...\n")} | {
        f"part_{number:03}.py": File(_MODULE) for number in range(1, count)
    }
