"""What the packages of a conda prefix have to say when it is activated: variables they keep, and scripts they bring.

A script is made for a shell that stays. Here all of them run in one that ends, in order of their names, and what they
did to its variables is taken over: so it can be undone, and every shell and program sees the same.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

from envbuild.errors import BuildError
from envbuild.process import Programs
from envbuild.typed import from_json

_Shape = TypeVar("_Shape")
_UNSET = "***unset***"  # conda's own word for it
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OF_THE_SHELL = {"_", "SHLVL", "PWD", "OLDPWD", "BASH_ENV", "ENV"}
# A script that ends with a failed test has not failed; one that also says something has, and so has one that exits.
_RUN = """
_envbuild_folder=$1; shift
for _envbuild_one do
printf %s "$_envbuild_one" > "$_envbuild_folder/at"
. "$_envbuild_one" > /dev/null 2> "$_envbuild_folder/words"
_envbuild_code=$?
if test "$_envbuild_code" -ne 0 && test -s "$_envbuild_folder/words"; then exit "$_envbuild_code"; fi
done
/usr/bin/env -0 > "$_envbuild_folder/env"
"""


class _State(msgspec.Struct, frozen=True):
    env_vars: dict[str, str] = {}


def kept_variables(prefix: Path) -> dict[str, str | None]:
    """Those that packages bring and those that conda's own command noted; None is to be taken away."""
    found: dict[str, str] = {}
    for path in sorted(prefix.glob("etc/conda/env_vars.d/*.json")):
        found |= _read(path, dict[str, str])
    state = prefix / "conda-meta/state"
    if state.is_file():
        found |= _read(state, _State).env_vars
    for name, value in found.items():
        if not _NAME.fullmatch(name) or "\0" in value:
            what = f"a package in {prefix} sets '{name}', which is no variable"
            raise BuildError(what, hint="use another version of it")
    return {name: None if value == _UNSET else value for name, value in found.items()}


def scripts_of(prefix: Path) -> list[Path]:
    """Those of its packages that are run for whoever enters it, in their order."""
    return sorted((prefix / "etc/conda/activate.d").glob("*.sh"))


def sourced(prefix: Path, env: Mapping[str, str], programs: Programs) -> dict[str, str]:
    """The variables after the scripts of a prefix, by a shell that reads no file of the user."""
    scripts = scripts_of(prefix)
    if not scripts:
        return dict(env)
    given = {name: value for name, value in env.items() if name not in _OF_THE_SHELL}
    shell = shutil.which("bash", path=env.get("PATH")) or "/bin/sh"
    with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
        ran = programs.run([shell, "-c", _RUN, shell, folder, *scripts], env=given)
        told = Path(folder, "env")
        if ran.code or not told.is_file():
            raise _failed(Path(folder), prefix, ran.code)
        after = _variables(told.read_bytes())
    untouched = {name: value for name, value in env.items() if name in _OF_THE_SHELL}
    return {**{name: value for name, value in after.items() if name not in _OF_THE_SHELL}, **untouched}


def _variables(told: bytes) -> dict[str, str]:
    pairs = (one.partition("=") for one in told.decode("utf-8", "surrogateescape").split("\0") if one)
    return {name: value for name, _, value in pairs}


def _failed(folder: Path, prefix: Path, code: int) -> BuildError:
    at, words = (_text(folder / name) for name in ("at", "words"))
    shown = os.path.relpath(at, prefix) if at else "activation"
    said = f": {words}" if words else ""
    hint = "give it what it asks for, or name another version of its package"
    return BuildError(f"the activation script {shown} ended with {code}{said}", hint=hint)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _read(path: Path, shape: type[_Shape]) -> _Shape:
    try:
        return from_json(path.read_bytes(), shape)
    except (OSError, msgspec.DecodeError) as error:
        hint = "use another version of the package that brings it"
        raise BuildError(f"{path} cannot be read: {error}", hint=hint) from None
