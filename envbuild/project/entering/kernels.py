"""Jupyter's kernels: what is installed for an environment, and how its current version is begun when a notebook asks.

A kernel is a folder with a kernel.json, which names a command. Ours names envbuild itself, the project and the
environment, so that what a notebook gets is what stands when it is opened, and never what stood when it was installed.
"""

import contextlib
import hashlib
import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from envbuild.errors import BuildError, EnvbuildError, UsageError, WorkspaceError
from envbuild.names import catalogue_of
from envbuild.project.front import Project
from envbuild.project.reading import Selection
from envbuild.project.runs.running import Chosen, chosen, stated_variables
from envbuild.typed import from_json
from envbuild.workspace import write_whole

NAME = re.compile(r"(?!\.+\Z)[a-z0-9._-]+", re.IGNORECASE)  # as Jupyter has it, and no place above
_FILE = "kernel.json"
_SHOWN = {"python": "Python", "r": "R"}
# What runs notebooks of a language, and where a prefix has it.
_RUNNERS = {
    "python": ("ipykernel", "lib/python3*/site-packages/ipykernel_launcher.py"),
    "r": ("IRkernel", "lib/R/library/IRkernel/DESCRIPTION"),
}
# What they say of themselves: a kernel.json and pictures.
_SPECS = {"python": "share/jupyter/kernels/python3", "r": "lib/R/library/IRkernel/kernelspec"}
_PACKAGES = {"python": "ipykernel", "r": "r-irkernel"}


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """One that was installed: `environment` is as it was asked for, with a version if one was named."""

    name: str
    display: str
    language: str
    environment: str
    root: str
    folder: str

    @property
    def is_of(self) -> tuple[str, str, str]:
        return self.root, self.environment, self.language


class _Ours(msgspec.Struct, frozen=True):
    environment: str
    root: str
    language: str


class _Metadata(msgspec.Struct, frozen=True):
    envbuild: _Ours


class _Spec(msgspec.Struct, frozen=True):
    display_name: str
    metadata: _Metadata


class _Own(msgspec.Struct, frozen=True):
    metadata: dict[str, Any] = {}


class Begun(msgspec.Struct, frozen=True):
    """What takes our place, and what is to be said in the log first."""

    words: tuple[str, ...]
    env: dict[str, str]
    notes: tuple[str, ...]


def folder_of(host: Mapping[str, str], prefix: str = "", folder: str = "") -> Path:
    """Where kernels are installed: the user's own place for them, as Jupyter finds it, unless one is named."""
    if folder:
        return Path(folder).absolute()
    if prefix:
        return Path(prefix).absolute() / "share/jupyter/kernels"
    home = Path(host.get("HOME") or Path.home())
    if named := host.get("JUPYTER_DATA_DIR"):
        return Path(named).expanduser().absolute() / "kernels"
    if sys.platform == "darwin":
        return home / "Library/Jupyter/kernels"
    return Path(host.get("XDG_DATA_HOME") or home / ".local/share") / "jupyter/kernels"


def installed(folder: Path) -> tuple[Kernel, ...]:
    """Ours, by their names; what others have put there is none of our business."""
    found = (_read(path) for path in sorted(folder.glob(f"*/{_FILE}")))
    return tuple(one for one in found if one)


def _read(path: Path) -> Kernel | None:
    try:
        spec = from_json(path.read_bytes(), _Spec)
    except (OSError, msgspec.DecodeError):
        return None
    ours = msgspec.structs.asdict(spec.metadata.envbuild)
    return Kernel(name=path.parent.name, display=spec.display_name, folder=str(path.parent), **ours)


def language_of(one: Chosen, wanted: str = "") -> str:
    """What notebooks of it are written in: Python where it can be."""
    found = [language for language, (_, place) in _RUNNERS.items() if any(one.prefix.glob(place))]
    language = wanted or (found[0] if found else "python")
    if language not in found:
        runner, package, name = _RUNNERS[language][0], _PACKAGES[language], one.record.environment
        what = f"{one.record.title} has no {runner}, without which no notebook runs in it"
        hint = f"add '{package}' to its dependencies, and run 'envbuild apply {name}'"
        if catalogue_of(one.record.manifest_path):
            hint = f"extend it in a manifest with '{package}' among its dependencies, and name that"
        raise BuildError(what, hint=hint)
    return language


def planned(project: Project, text: str, language: str, folder: Path, name: str, display: str) -> Kernel:
    """The kernel as it is to be: one that is of this very environment keeps its name, and so does one of another."""
    root = str(project.root.resolve())
    shown = f"{text} ({project.root.resolve().name})"
    display = display or (f"{shown} {_SHOWN[language]}" if language != "python" else shown)
    wanted = Kernel(name="", display=display, language=language, environment=text, root=root, folder="")
    if name and not NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no name of a kernel", hint="use letters, digits, '-', '.' and '_' alone")
    if name and not _is_free(folder, name, wanted):
        what = f"there is a kernel '{name}' already, of something else"
        raise UsageError(what, hint="choose another name, or remove that one first")
    for candidate in [name] if name else _names(project, text, language, wanted):
        if _is_free(folder, candidate, wanted):
            return msgspec.structs.replace(wanted, name=candidate, folder=str(folder / candidate))
    raise UsageError("there are kernels of all names that it could have", hint="choose one with '--name'")


def _names(project: Project, text: str, language: str, wanted: Kernel) -> Iterable[str]:
    """The plain one; where that is another environment's, with what only this one has."""
    words = ["envbuild", project.root.resolve().name, text, *([language] if language != "python" else [])]
    plain = "-".join(filter(None, map(_plain, words)))
    digest = hashlib.sha256("\0".join(wanted.is_of).encode("utf-8", "surrogateescape")).hexdigest()
    return plain, f"{plain}-{digest[:6]}", f"{plain}-{digest}"


def _plain(text: str) -> str:
    ascii_ = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._-]+", "-", ascii_).strip("-.")


def _is_free(folder: Path, name: str, wanted: Kernel) -> bool:
    path = folder / name / _FILE
    if not path.exists():
        return True
    found = _read(path)
    return found is not None and found.is_of == wanted.is_of


def install(kernel: Kernel, prefix: Path, host: Mapping[str, str]) -> None:
    """With the pictures of what runs it, and what that says of itself."""
    own = prefix / _SPECS[kernel.language]
    command = [sys.executable, "-m", "envbuild", "-C", kernel.root, "kernel", "--language", kernel.language]
    state = host.get("ENVBUILD_STATE", "")
    spec = {
        "argv": [*command, "--start", "{connection_file}", "--", kernel.environment],
        "display_name": kernel.display,
        "language": {"python": "python", "r": "R"}[kernel.language],
        "interrupt_mode": "signal",
        "env": {"ENVBUILD_STATE": state} if state.startswith("sqlite:") else {},  # others may hold a password
        "metadata": {
            **_own_metadata(own / _FILE),
            "envbuild": {"environment": kernel.environment, "root": kernel.root, "language": kernel.language},
        },
    }
    write_whole(Path(kernel.folder) / _FILE, f"{json.dumps(spec, indent=1)}\n")
    for picture in own.glob("logo-*"):
        with contextlib.suppress(OSError):
            shutil.copyfile(picture, Path(kernel.folder) / picture.name)


def _own_metadata(path: Path) -> dict[str, Any]:
    try:
        return from_json(path.read_bytes(), _Own).metadata
    except (OSError, msgspec.DecodeError):
        return {}


def remove(kernel: Kernel) -> None:
    try:
        shutil.rmtree(kernel.folder)
    except OSError as error:
        what = f"'{kernel.folder}' cannot be removed: {error.strerror}"
        raise WorkspaceError(what, hint="check the folder's permissions") from None


def state_of(kernel: Kernel, host: Mapping[str, str]) -> str:
    """What would come of it if a notebook asked for it now."""
    if not Path(kernel.root).is_dir():
        return "its project is gone"
    name, _, version = kernel.environment.partition("@")
    try:
        record = Project(Path(kernel.root), host).built(name, version or "latest")
    except EnvbuildError as error:
        return error.message
    if not Path(record.reference).is_dir():
        return f"version {record.version} is gone"
    return f"version {record.version}"


def begin(project: Project, text: str, language: str, connection: str) -> Begun:
    """The version that was built last, or the one that is named: a notebook waits for no build."""
    name, _, version = text.partition("@")
    activation = project.activation(name, version)
    one, notes = _said(project, name, version)
    language = language_of(one, language)
    program = {
        "python": ("bin/python", "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", connection),
        "r": ("bin/R", "--slave", "-e", "IRkernel::main()", "--args", connection),
    }[language]
    env = {**activation.env, **stated_variables(one, str(activation.prefix))}
    return Begun((f"{activation.prefix}/{program[0]}", *program[1:]), env, notes)


def _said(project: Project, name: str, version: str) -> tuple[Chosen, tuple[str, ...]]:
    """What a manifest says of runs now, and whether it says the same of what is built; it may be broken, or gone."""
    if version:
        return chosen(project, name, version), ()
    latest = chosen(project, name, "latest")
    started = f"{latest.record.title} is started"
    try:
        now = chosen(project, name, "")
        if project.plan(Selection((name,))).has_work:
            again = f"run 'envbuild apply {name}', and restart the kernel"
            return now, (f"{started}; its manifest has changed since then: {again}",)
    except EnvbuildError as error:
        return latest, (f"{started}; what its manifest says now is not known: {error.message}",)
    return now, ()
