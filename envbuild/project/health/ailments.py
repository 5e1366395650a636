"""What can be wrong with a machine or a project, one question each: its state, what was found, and how to mend it."""

import fcntl
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from envbuild.builders.engine import refuse_old_engine
from envbuild.builders.store import default_store, is_complete
from envbuild.errors import BuildError, ProcessError
from envbuild.machine import cache_folder
from envbuild.names import FILE
from envbuild.process import Programs, Ran
from envbuild.project.checking import check
from envbuild.project.front import EVERYTHING, Project
from envbuild.project.shop import SHELF
from envbuild.solvers.mirrors import host_mirrors
from envbuild.solvers.uv import Uv
from envbuild.state import network_kind
from envbuild.urls import bare

Found = tuple[Literal["ok", "note", "failed"], str, str]

_MIB, _GIB = 1024**2, 1024**3
_LITTLE, _TOO_LITTLE = 2 * _GIB, _GIB // 5
_MEASURE_SECONDS = 2.0
_TRUSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_CERT")
_FOR_ENGINES = "only the builder 'docker', and what is run in images, need it"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_STARTUP = {
    "bash": (".bashrc", ".bash_profile", ".local/share/bash-completion/completions/envbuild"),
    "zsh": (".zshrc", ".zfunc/_envbuild", ".zsh/completions/_envbuild"),
    "fish": (".config/fish/config.fish", ".config/fish/completions/envbuild.fish"),
}


def python(uv: Uv) -> Found:
    own = f"{platform.python_version()} runs envbuild"
    others = [version for version in uv.pythons.versions(downloadable=False) if version != platform.python_version()]
    return "ok", f"{own}; uv also finds {', '.join(others)}" if others else own, ""


def uv_itself(uv: Uv) -> Found:
    ran = uv.run(["--version"])
    if ran.code:
        return "failed", f"uv does not run: {_last(ran)}", "install envbuild again: uv comes with it"
    return "ok", ran.output.strip().removeprefix("uv "), ""


def store(host: Mapping[str, str]) -> Found:
    """Whether a prefix could be built there: a file with no name is made, locked, and gone by itself."""
    folder = default_store(host)
    hint = "make it yours, or set ENVBUILD_STORE to a folder of your own"
    there = _nearest(folder)
    if not there.is_dir():
        return "failed", f"{there} is no folder", hint
    if kind := network_kind(there):
        return "failed", f"{folder} is on a network file system ({kind})", "set ENVBUILD_STORE to a local folder"
    if there != folder:
        usable = os.access(there, os.W_OK | os.X_OK)
        return ("ok", f"{folder}: nothing built yet", "") if usable else ("failed", f"{there} is not writable", hint)
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return "failed", f"{folder} cannot be written: {error.strerror}", hint
    return "ok", f"{folder}: {_prefixes(folder)}", ""


def _prefixes(folder: Path) -> str:
    folders = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir()]
    prefixes = [path for path in folders if path.name != SHELF]
    complete = sum(map(is_complete, prefixes))
    partial = f", {len(prefixes) - complete} not complete" if complete < len(prefixes) else ""
    return f"{complete} prefix{'' if complete == 1 else 'es'}{partial}, {_size(folder)}"


def _size(folder: Path) -> str:
    """How much lies there, as far as can be counted in a moment; what is linked several times counts once."""
    ends, total, met = time.monotonic() + _MEASURE_SECONDS, 0, set()
    for status in _files(folder):
        if time.monotonic() > ends:
            return f"more than {_bytes(total)}"
        if status.st_ino not in met:
            met.add(status.st_ino)
            total += status.st_blocks * 512
    return _bytes(total)


def _files(folder: Path) -> Iterator[os.stat_result]:
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                yield os.lstat(os.path.join(here, name))  # noqa: PTH118 - tens of thousands of them
            except OSError:
                continue  # somebody is building or clearing there


def disk(host: Mapping[str, str], root: Path | None) -> Found:
    """The free space wherever envbuild writes, each disk once."""
    kept = {"store": _nearest(default_store(host)), "cache": _nearest(cache_folder(host))}
    places = {**kept, "project": root, "temporary files": Path(tempfile.gettempdir())}
    found: dict[int, tuple[str, int]] = {}
    for what, place in places.items():
        if place:
            names, _ = found.get(place.stat().st_dev, ("", 0))
            found[place.stat().st_dev] = (f"{names}, {what}" if names else what, _free(place))
    said = "; ".join(f"{_bytes(free)} free for {names}" for names, free in found.values())
    least = min(free for _, free in found.values())
    if least < _LITTLE:
        return "failed" if least < _TOO_LITTLE else "note", said, "make room: an environment may take gigabytes"
    return "ok", said, ""


def _free(place: Path) -> int:
    status = os.statvfs(place)
    if status.f_files and not status.f_favail:
        return 0  # room for bytes, but for no further file
    return shutil.disk_usage(place).free


def project(project: Project) -> Found:
    """Settings and manifests, as `check` reads them."""
    settings = FILE if project.workspace.exists(FILE) else f"no {FILE}, so all defaults"
    found = check(project, EVERYTHING)
    if found.errors:
        first = f"{found.errors[0].where}: {found.errors[0].message}" if found.errors[0].where else str(found.errors[0])
        more = f", and {len(found.errors) - 1} more" if len(found.errors) > 1 else ""
        return "failed", f"{first}{more}", "run 'envbuild check'"
    return "ok", f"{settings}; manifests: {found.manifests}, environments: {found.environments}", ""


def records(project: Project) -> Found:
    count = project.state.checked()
    return "ok", f"{count} version{'' if count == 1 else 's'}" if count else "none yet", ""


def secrets(project: Project) -> Found:
    """Which have no value here: who asks for nothing that needs them can do without."""
    named, missing = project.settings.secrets, project.origins.secrets.missing()
    if not missing:
        return "ok", f"{len(named)} with a value" if named else "none named", ""
    first = "; ".join(f"'{one.name}' of {one.source}" for one in missing)
    return "note", f"no value here: {first}", "set or write them where something is to be asked for that needs them"


def git(programs: Programs, host: Mapping[str, str], root: Path | None) -> Found:
    ran = _run(programs, host, "git", "--version")
    hint = "install git: records then say which commit was built"
    if ran is None or ran.code:
        return "note", "no program 'git'", hint
    version = ran.output.strip().removeprefix("git version ")
    inside = _run(programs, host, "git", "-C", str(root), "rev-parse", "--is-inside-work-tree") if root else None
    if inside and inside.code:
        dubious = "dubious ownership" in inside.errors
        own = f"run 'git config --global --add safe.directory {root}'" if dubious else "run 'git init' to keep history"
        return "note", f"{version}; the project is {'owned by another user' if dubious else 'in no repository'}", own
    return "ok", version, ""


def engine(programs: Programs, host: Mapping[str, str]) -> Found:
    """Most can do without: a lack of it is no failure."""
    ran = _run(programs, host, "docker", "version", "--format", "{{.Server.Version}}")
    if ran is None:
        return "note", "no program 'docker'", f"{_FOR_ENGINES}: install Docker"
    if ran.code:
        return "note", f"docker does not answer: {_last(ran)}", f"{_FOR_ENGINES}: start the Docker daemon"
    try:
        refuse_old_engine(ran.output.strip())
    except BuildError as error:
        return "note", error.message, f"{_FOR_ENGINES}: {error.hint}"
    buildx = _run(programs, host, "docker", "buildx", "version")
    if buildx is None or buildx.code:
        hint = "only the builder 'docker' needs it: install docker-buildx"
        return "note", f"docker {ran.output.strip()} without buildx", hint
    return "ok", f"docker {ran.output.strip()}, {' '.join(buildx.output.split()[:2])}", ""


def variables(host: Mapping[str, str]) -> Found:
    """Those that change what envbuild does, without the credentials in them."""
    own = {name: value for name, value in sorted(host.items()) if name.startswith("ENVBUILD_")}
    other = {name: found for name in _PROXIES if (found := host.get(name) or host.get(name.lower()))}
    trusted = {name: host[name] for name in _TRUSTED if host.get(name)}
    said = ", ".join(f"{name}={value}" for name, value in {**own, **other, **trusted}.items()) or "none set"
    missing = [name for name, value in trusted.items() if not os.access(value, os.R_OK)]
    if missing:
        return "failed", f"{missing[0]} names what cannot be read: {host[missing[0]]}", f"mend or unset {missing[0]}"
    return "ok", said, ""


def mirrors(host: Mapping[str, str]) -> Found:
    """What this host has from elsewhere than a manifest says, and by whose word."""
    known = sorted(host_mirrors(host).known, key=lambda one: one.origin)
    return "ok", "; ".join(f"{one.origin} from {', '.join(map(bare, one.places))} ({one.said})" for one in known), ""


def completion(host: Mapping[str, str]) -> Found:
    shell = Path(host.get("SHELL", "")).name
    if shell not in _STARTUP:
        return "note", f"not known for the shell '{shell}'" if shell else "SHELL is not set", _HOW
    home = Path(host.get("HOME") or "/")
    for name in _STARTUP[shell]:
        try:
            text = (home / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if "envbuild completion" in text or "_ENVBUILD_COMPLETE" in text:
            return "ok", f"{shell}, by ~/{name}", ""
    return "note", f"not set up for {shell}", _HOW


_HOW = "'envbuild completion --help' says how to set it up"


def _run(programs: Programs, host: Mapping[str, str], *command: str) -> Ran | None:
    """What a program says; nothing where there is no such program."""
    own = {name: value for name, value in host.items() if not name.startswith("GIT_")}
    try:
        return programs.run(command, env={**own, "LC_ALL": "C"})
    except ProcessError:
        return None


def _last(ran: Ran) -> str:
    lines = (ran.errors.strip() or ran.output.strip() or f"exit code {ran.code}").splitlines()
    return lines[-1]


def _nearest(folder: Path) -> Path:
    """The folder, or what is there of the way to it."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _bytes(number: int) -> str:
    if number >= _GIB:
        return f"{number / _GIB:.1f} GiB"
    return f"{number // _MIB} MiB" if number >= _MIB else "less than 1 MiB"
