"""A program in a container of an image, with our own terminal: the words of Docker's command that runs it."""

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from envbuild.builders.daemon import Daemon
from envbuild.errors import BuildError, UsageError

_MOUNT = re.compile(r"(?P<source>.+?):(?P<target>/[^:]*)(?::(?P<mode>ro|rw))?", re.DOTALL)
_VARIABLE = re.compile(r"[^=\s]+(=.*)?", re.DOTALL)
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)?\s?[bkmgBKMG]?[bB]?")
_GPUS_WANTED = re.compile(r"auto|all|none|[0-9]{1,4}|device=\S+", re.ASCII)  # the last as Docker has it
_GPUS = "NVIDIA_VISIBLE_DEVICES"  # what images for GPUs have among their variables
_NO_GPUS = {"", "none", "void"}
_RUNTIME = "nvidia"
# The shell that people expect, else the one that there is.
SHELL = ("/bin/sh", "-c", "if command -v bash >/dev/null 2>&1; then exec bash; fi; exec /bin/sh")


class Container(NamedTuple):
    """By its name; the words that start it and attend to it, and those that make it end at once."""

    name: str
    started: list[str]
    ending: list[str]


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    """How a container is run: what of this machine it sees, and as whom."""

    mounts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    user: str = ""
    gpus: str = "auto"
    workdir: str = ""
    shm_size: str = ""


def refuse_misstated(inside: Inside) -> None:
    """Before anything is built or fetched for it."""
    for one in inside.mounts:
        _mount(one)
    if inside.workdir and not inside.workdir.startswith("/"):
        raise UsageError(f"'{inside.workdir}' is no folder of an image", hint="write its path from '/' on")
    if inside.shm_size and not _SIZE.fullmatch(inside.shm_size):
        raise UsageError(f"'{inside.shm_size}' is no size", hint="write it as Docker has it: 512m, 2g")
    if not _GPUS_WANTED.fullmatch(inside.gpus):
        raise UsageError(f"'{inside.gpus}' is no number of GPUs", hint="say 'all', 'none', or how many")
    for one in inside.variables:
        if not _VARIABLE.fullmatch(one):
            raise UsageError(f"'{one}' is no variable", hint="write NAME=VALUE, or NAME to pass on your own")


def container(image: str, command: Sequence[str], inside: Inside, daemon: Daemon, *, terminal: bool) -> Container:
    """Each value is joined to its option, so that none is one itself; what is run takes the place of the entrypoint."""
    context = daemon.endpoint.context
    docker = ["docker", *([f"--context={context}"] if context else [])]
    name = f"envbuild-{os.urandom(6).hex()}"
    options = [
        *(["--tty", "--env=TERM"] if terminal else []),
        *(f"--mount={_mount(one)}" for one in inside.mounts),
        *(f"--env={one}" for one in inside.variables),
        *([f"--user={inside.user}"] if inside.user else []),
        *([f"--workdir={inside.workdir}"] if inside.workdir else []),
        *([f"--shm-size={inside.shm_size}"] if inside.shm_size else []),
        *_gpus(image, inside.gpus, daemon),
    ]
    init = ["--init"] if daemon.has_init else []  # a first process is deaf to signals that it does not handle
    fixed = ["run", "--rm", f"--name={name}", *init, "--interactive", "--pull=never"]
    started = [*docker, *fixed, *options, f"--entrypoint={command[0]}", image, *command[1:]]
    return Container(name, started, [*docker, "kill", name])


def _mount(text: str) -> str:
    """As Docker reads it, which is as a line of CSV; relative paths are of the folder that one is in."""
    found = _MOUNT.fullmatch(text)
    if not found:
        raise UsageError(f"'{text}' is no mount", hint="write SOURCE:TARGET or SOURCE:TARGET:ro, TARGET from '/'")
    source = Path(at_home(found["source"])).absolute()
    if not source.exists():
        raise UsageError(f"'{found['source']}' cannot be mounted: it is not there", hint="name a file or a folder")
    stated = ["type=bind", f"source={source}", f"target={found['target']}"]
    return mount_line([*stated, *(["readonly"] if found["mode"] == "ro" else [])])


def at_home(source: str) -> str:
    """A path that begins with somebody's home; as it is where nobody is called so."""
    try:
        return str(Path(source).expanduser())
    except RuntimeError:
        return source


def mount_line(fields: Iterable[str]) -> str:
    """What a mount is, as Docker reads it."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def _gpus(image: str, wanted: str, daemon: Daemon) -> list[str]:
    if wanted == "none":
        return []
    can = _RUNTIME in daemon.runtimes
    if wanted != "auto":
        if not can:
            what = f"the engine has no runtime '{_RUNTIME}', by which containers are given GPUs"
            raise BuildError(what, hint="install the NVIDIA Container Toolkit where it runs, or leave '--gpus' out")
        return [f"--gpus={wanted}"]
    return ["--gpus=all"] if can and _is_for_gpus(image, daemon) else []


def _is_for_gpus(image: str, daemon: Daemon) -> bool:
    facts = daemon.image(image)
    stated = dict(line.partition("=")[::2] for line in (facts.config.get("Env") or () if facts else ()))
    return stated.get(_GPUS, "") not in _NO_GPUS
