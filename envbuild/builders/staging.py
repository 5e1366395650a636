"""A prefix made here for an image: all that will lie at its place there, on whatever machine, and nothing of this one.

The folder is the content of that place. It takes the place of the stage that installs in the image: then the build
solves nothing, asks no network, and needs no tool.
"""

import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from envbuild.builders import conda, staged_python, staged_wheels
from envbuild.builders.packages import at_once
from envbuild.builders.placing import site_packages
from envbuild.builders.target import Target, Tools, note
from envbuild.builders.unpacking import Layout
from envbuild.builders.wheels import owned
from envbuild.errors import BuildError, Place, ProcessError
from envbuild.lock import Pins
from envbuild.machine import platform
from envbuild.process import child_environment
from envbuild.resolve import Environment
from envbuild.typed import from_json

_IGNORE = ".dockerignore"
# With the same names for the same hashes, so that what is compiled is the same bytes.
_COMPILING = {"PYTHONHASHSEED": "0"}
_AS_THEY_ARE = ("-q", "--invalidation-mode", "unchecked-hash")


class Staging(msgspec.Struct, frozen=True):
    """What is made, and for which platform, by conda's name; `files` are the digests of what the project brings."""

    environment: Environment
    platform: str
    pins: Pins
    python: str
    log: Path
    say: Callable[[str], None]
    files: dict[str, str] = {}
    hold: tuple[int, ...] = ()


def can_stage(environment: Environment) -> bool:
    """A Python that only an image has can be asked for nothing outside of it."""
    return environment.python.managed and environment.python.source != "image"


def stage(folder: Path, staging: Staging, tools: Tools) -> None:
    """Make the content of the prefix in a folder that is not there yet; after a failure it is of no use."""
    target = target_of(staging)
    with tempfile.TemporaryDirectory(prefix="envbuild-") as work:
        try:
            folder.mkdir(parents=True)
            _make(folder.resolve(), target, msgspec.structs.replace(tools, store=Path(work)))
        except OSError as error:
            what = f"the environment cannot be written: {error.strerror}: {error.filename or folder}"
            raise BuildError(what, hint="check the space on its disk") from None


def target_of(staging: Staging) -> Target:
    return Target(
        environment=staging.environment,
        fingerprint="",
        python=staging.python,
        python_range="",
        pins=staging.pins,
        files=staging.files,
        rendered=dict,
        log=staging.log,
        say=staging.say,
        hold=staging.hold,
    )


def _make(folder: Path, target: Target, tools: Tools) -> None:
    final = target.environment.prefix
    if target.uses_conda:
        conda.make(folder, target, tools, Path(final))
    else:
        staged_python.make(folder, final, target, tools)
    python = _interpreter(folder, target, tools)
    layout = layout_of(folder, target)
    staged_wheels.install(layout, target, tools, python)
    _refuse_ignoring(folder, target)
    if python:
        _compile(layout, python, target, tools)
    _make_modes_plain(folder)


def layout_of(folder: Path, target: Target) -> Layout:
    """As Python's own schemes have it: headers of an environment of uv's lie apart from those of its Python."""
    minor = minor_of(target)
    site = site_packages(target.pins.conda if target.pins else ()) or f"lib/python{minor}/site-packages"
    kind = site.partition("/")[2].partition("/")[0]
    return Layout(folder, target.environment.prefix, site, f"include/{'' if target.uses_conda else 'site/'}{kind}")


def minor_of(target: Target) -> str:
    return ".".join(target.python.split(".")[:2])


def _interpreter(folder: Path, target: Target, tools: Tools) -> Path | None:
    """Where it lies now, if it runs on this machine; asked by nothing that packages bring."""
    if not target.pins or target.pins.platform != platform():
        return None
    found = folder / "bin/python" if target.uses_conda else staged_python.interpreter(folder, minor_of(target))
    if not found.exists():
        return None
    try:
        ran = tools.programs.run([found, "-I", "-S", "-B", "-c", ""], env=child_environment(tools.host), cwd=folder)
    except ProcessError:
        return None
    return None if ran.code else found


def _compile(layout: Layout, python: Path, target: Target, tools: Tools) -> None:
    """Since nobody can in an image that is only read; what is no Python of this version stays as it is.

    It is run from its own file, so that Python looks for nothing where packages are.
    """
    library = python.parent.parent / layout.site.rpartition("/")[0]
    compiler = library / "compileall.py"
    if not compiler.is_file():
        return
    target.say("compiling")
    placed = ("-s", layout.folder, "-p", target.environment.prefix)
    command: list[str | Path] = [python, "-s", "-S", "-B", compiler, *_AS_THEY_ARE, *placed]
    env = {**child_environment(tools.host), **_COMPILING}

    def run(part: Sequence[str | Path]) -> int:
        return tools.programs.run([*command, *part], env=env, cwd=layout.folder, log=target.log, hold=target.hold).code

    if any(at_once(partial(run, part) for part in _parts(library, layout.folder / layout.site))):
        note(target.log, "note: some files are not compiled")


def _parts(library: Path, site: Path) -> Iterator[Sequence[str | Path]]:
    """Each by a process of its own: what one has compiled shows in what it compiles next."""
    yield ["-x", f"^{re.escape(str(site))}/", library]
    yield ["-l", site]
    yield from ([path] for path in sorted(site.iterdir()) if path.is_dir() and not path.is_symlink())


def _refuse_ignoring(folder: Path, target: Target) -> None:
    """BuildKit would read it, and leave out of the image what it says."""
    if not os.path.lexists(folder / _IGNORE):
        return
    owner = next(_owners(folder), "a package")
    what = f"{owner} brings '{_IGNORE}', by which files would be missing in the image"
    raise BuildError(what, Place(target.environment.path), f"use another version of it, or {conda.INSIDE}")


def _owners(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("conda-meta/*.json")):
        found = from_json(path.read_bytes(), _Noted)
        if _IGNORE in found.files:
            yield f"{found.name} {found.version}"
    yield from (name for name, path in owned(folder) if path == _IGNORE)


class _Noted(msgspec.Struct, frozen=True):
    name: str
    version: str
    files: tuple[str, ...] = ()


def _make_modes_plain(folder: Path) -> None:
    """Whatever the host's umask is; what is one with a file of the cache is so already."""
    for here, _, names in os.walk(folder):
        os.chmod(here, 0o755)  # noqa: PTH101, S103 - thousands of them; as any package's
        for name in names:
            mode = os.lstat(path := f"{here}/{name}").st_mode
            wanted = 0o755 if mode & 0o111 else 0o644
            if stat.S_ISREG(mode) and stat.S_IMODE(mode) != wanted:
                os.chmod(path, wanted)  # noqa: PTH101 - as above
