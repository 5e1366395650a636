"""uv's own Python for another machine, below a prefix, and the environment around it that `uv venv` makes there.

`uv venv` runs the Python that it makes an environment of. So it makes one here of the Python that we run on, and what
says that this is so is written anew.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from envbuild.builders.target import Target, Tools
from envbuild.errors import BuildError, Place
from envbuild.machine import own_python
from envbuild.typed import from_json

FOLDER = "share/python"
_MACHINES = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "powerpc64le",
    "linux-s390x": "s390x",
}
_OF_UV = (".lock", ".temp")  # what it works with, and nothing that it needs again
_WRITTEN_ANEW = {"pyvenv.cfg"}
_HINT = "check the network; UV_PYTHON_INSTALL_MIRROR names where uv fetches it from"


def make(prefix: Path, final: str, target: Target, tools: Tools) -> None:
    minor = ".".join(target.python.split(".")[:2])
    target.say("python")
    found = _fetched(prefix, _key(target), target, tools)
    _move(prefix / FOLDER, str(prefix), final)
    surround(prefix, Interpreter(f"{final}/{FOLDER}/{found}/bin/python{minor}", minor), final, target, tools)


def interpreter(prefix: Path, minor: str) -> Path:
    """Where it lies now."""
    found = sorted(path for path in (prefix / FOLDER).iterdir() if path.is_dir() and not path.is_symlink())
    return found[0] / f"bin/python{minor}"


def fetched(target: Target, tools: Tools) -> str:
    """What uv would fetch, whichever mirror it asks: its build of the newest patch version that it knows."""
    ran = tools.uv.run(["python", "list", "--only-downloads", "--output-format", "json", _key(target)])
    try:
        found = from_json(ran.output, tuple[_Offered, ...])
    except msgspec.DecodeError:
        found = ()
    if ran.code or not found:
        raise _unfetched(target)
    return f"{found[0].key} {found[0].url.rpartition('/')[2]}"


class _Offered(msgspec.Struct, frozen=True):
    key: str
    url: str


class Interpreter(msgspec.Struct, frozen=True):
    """A Python that an environment stands around, where it will lie, and its version as far as it is known."""

    path: str
    version: str


def _key(target: Target) -> str:
    return f"cpython-{'.'.join(target.python.split('.')[:2])}-linux-{_machine(target)}"


def _machine(target: Target) -> str:
    platform, system = target.pins.platform if target.pins else "", target.environment.system
    if platform in _MACHINES:
        libc = (system[platform].libc if platform in system else None) or ""
        return f"{_MACHINES[platform]}-{'musl' if libc.startswith('musl') else 'gnu'}"
    what = f"uv has no Python for {platform}"
    raise BuildError(what, target.environment.where("platforms"), f"known are: {', '.join(_MACHINES)}")


def _fetched(prefix: Path, key: str, target: Target, tools: Tools) -> str:
    """By its hash, as uv knows it; gives the name that stays while patch versions go."""
    target.rendered()
    folder = prefix / FOLDER
    command: list[str | Path] = ["python", "install", "--no-bin", "--install-dir", folder, key]
    kept = {"UV_PYTHON_CACHE_DIR": str(tools.rattler.cache / "pythons")}
    ran = tools.uv.run(command, log=target.log, hold=target.hold, variables=kept)
    links = sorted(path.name for path in folder.iterdir() if path.is_symlink()) if folder.is_dir() else []
    if ran.code or len(links) != 1:
        raise _unfetched(target)
    for name in _OF_UV:
        path = folder / name
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    return links[0]


def _unfetched(target: Target) -> BuildError:
    what = f"no Python {target.python} for {target.pins.platform if target.pins else 'this machine'} could be fetched"
    where = next((item.where for item in target.environment.package("python")), Place(target.environment.path))
    return BuildError(what, where, _HINT)


def _move(folder: Path, old: str, new: str) -> None:
    """What uv wrote into it of where it lies; what is no text holds no such place."""
    for path in _every(folder):
        if path.is_symlink():
            lead = str(path.readlink())
            if lead.startswith(f"{old}/"):
                path.unlink()
                path.symlink_to(new + lead.removeprefix(old))
        elif old.encode() in (data := path.read_bytes()) and b"\0" not in data:
            path.write_bytes(data.replace(old.encode(), new.encode()))


def surround(prefix: Path, python: Interpreter, final: str, target: Target, tools: Tools) -> None:
    """What makes a folder an environment of a Python; nothing is run of it."""
    minor = ".".join(python.version.split(".")[:2])
    with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
        model = Path(folder).resolve() / Path(final).name  # scripts show its name
        ran = tools.uv.run(
            ["venv", "--no-project", "--quiet", "--python", own_python("") or "cpython", model],
            log=target.log,
            hold=target.hold,
        )
        if ran.code:
            raise BuildError("uv could not make an environment", None, "look at its output in the log")
        for path in _taken(model):
            place = prefix / path.relative_to(model)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes().replace(str(model).encode(), final.encode()))
        _write_facts(prefix, (model / "pyvenv.cfg").read_text(encoding="utf-8"), python)
    for name, lead in {"python": python.path, "python3": "python", f"python{minor}": "python"}.items():
        (prefix / "bin" / name).symlink_to(lead)
    (prefix / f"lib/python{minor}/site-packages").mkdir(parents=True)
    (prefix / "lib64").symlink_to("lib")


def _taken(model: Path) -> Iterator[Path]:
    """Scripts that activate, and marks for other programs; nothing of the Python that it was made of."""
    for path in _every(model):
        below = path.relative_to(model).parts
        if not path.is_symlink() and below[0] not in {"lib", "lib64", *_WRITTEN_ANEW}:
            yield path


def _write_facts(prefix: Path, text: str, python: Interpreter) -> None:
    own = {"home": python.path.rpartition("/")[0], "version_info": python.version}
    lines = (line.partition(" = ") for line in text.splitlines())
    (prefix / "pyvenv.cfg").write_text("".join(f"{key} = {own.get(key, value)}\n" for key, _, value in lines))


def _every(folder: Path) -> Iterator[Path]:
    """Files and links, in order."""
    for here, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(here, name) for name in sorted([*folders, *names]) if not _is_folder(Path(here, name)))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
