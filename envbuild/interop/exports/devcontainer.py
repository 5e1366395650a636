"""A dev container of an environment's image, by its digest: what editors need to be told besides what is in the image.

Its variables are in the image itself. What `run:` says is for a container, and so it is for this one.
"""

import json
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envbuild.builders.running import at_home, mount_line
from envbuild.document import PREFIX, Scalar, Sequence
from envbuild.errors import Note, UsageError
from envbuild.interop.exports.used import Used
from envbuild.manifest import User
from envbuild.project import Project
from envbuild.project.entering.entered import as_said
from envbuild.project.runs.running import Chosen
from envbuild.resolve import uses_gpu

_FOLDER = ".devcontainer"
_EXTENSIONS = ["ms-python.python", "ms-toolsai.jupyter", "redhat.vscode-yaml"]
_MOUNT = re.compile(r"(?P<source>.+?):(?P<target>/[^:]*)(?::(?P<mode>ro|rw))?", re.DOTALL)
_REPLACED = re.compile(r"\$\{(?:(?:local|container)?[eE]nv:|local|container|devcontainerId)")
_RANGE = 100  # so many ports are forwarded one by one, and more by nobody


def used(project: Project, asked: str, target: Path | None, _options: Mapping[str, Any]) -> Used:
    one = as_said(project, asked)
    record = one.record
    if record.builder == "local":
        what = f"{record.title} is a prefix of this machine, and no image"
        raise UsageError(what, hint="set 'builder: docker' or 'builder: oci' in its manifest, and run 'envbuild apply'")
    text = f"{json.dumps(_container(one, _root(project, target)), indent=2, ensure_ascii=False)}\n"
    name, version, platforms = record.environment, record.version, record.platforms
    return Used(name=name, version=version, text=text, platforms=platforms, notes=[*_notes(one)])


def _root(project: Project, target: Path | None) -> str:
    """The project's root as the editor names it: from the folder that is opened, which has `.devcontainer`."""
    if target is None:
        return "${localWorkspaceFolder}"
    folder = target.resolve().parent
    above = [one for one in (folder, *folder.parents) if one.name == _FOLDER]
    opened = above[0].parent if above else folder
    below = os.path.relpath(project.root.resolve(), opened)
    return "${localWorkspaceFolder}" if below == "." else f"${{localWorkspaceFolder}}/{Path(below).as_posix()}"


def _container(one: Chosen, root: str) -> dict[str, Any]:
    environment, keys = one.environment, one.environment.keys
    said = {
        "name": one.label,
        "image": one.record.reference,
        **_user(one),
        "containerEnv": _variables(one),
        "remoteEnv": {"PATH": f"{environment.prefix}/bin:${{containerEnv:PATH}}"} if environment.installs else {},
        "mounts": [*_mounts(one, root)],
        "runArgs": [f"--shm-size={keys.run.shm_size}"] if keys.run.shm_size else [],
        "forwardPorts": [*dict.fromkeys(_ports(one))],
        **_gpu(one),
        "customizations": {"vscode": {"settings": _settings(one), "extensions": _EXTENSIONS}},
    }
    return {name: value for name, value in said.items() if value or value is False}


def _user(one: Chosen) -> dict[str, Any]:
    """Where nobody is named it is the image's own. The number of a user with a name becomes that of who works there."""
    user = one.environment.keys.image.user
    name = (user.name if isinstance(user, User) else user or "").partition(":")[0]
    if not name:
        return {}
    return {"remoteUser": name, **({"updateRemoteUserUID": True} if name != "root" and not name.isdecimal() else {})}


def _variables(one: Chosen) -> dict[str, str]:
    said = one.environment.keys.run.env
    return {name: _placed(value, one) for name, value in said.items() if value is not None}


def _placed(text: str, one: Chosen) -> str:
    return text.replace(PREFIX, one.environment.prefix)


def _listed(one: Chosen) -> Iterator[tuple[Scalar, re.Match[str]]]:
    node = one.environment.node("run", "mounts")
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar) and (found := _MOUNT.fullmatch(item.text)):
            yield item, found


def _mounts(one: Chosen, root: str) -> Iterator[str]:
    for item, found in _listed(one):
        source = found["source"]
        if source == "~" or source.startswith("~/"):
            source = f"${{localEnv:HOME}}{source[1:]}"
        elif source.startswith("~"):
            source = at_home(source)
        elif not source.startswith("/"):
            below = posixpath.normpath(posixpath.join(posixpath.dirname(item.path), source))
            source = root if below == "." else f"{root}/{below}"
        fields = [f"source={source}", f"target={found['target']}", "type=bind"]
        yield mount_line([*fields, *(["readonly"] if found["mode"] == "ro" else [])])


def _ports(one: Chosen) -> Iterator[int]:
    for text in one.environment.keys.image.expose:
        first, _, last = text.partition("/")[0].partition("-")
        ports = range(int(first), int(last or first) + 1)
        if not text.endswith("/udp") and len(ports) <= _RANGE:
            yield from ports
    if port := one.environment.keys.serve.port:
        yield port


def _gpu(one: Chosen) -> dict[str, Any]:
    """A container that may do without any is not refused on a machine that has none."""
    if not uses_gpu(one.environment.keys, one.environment.system.values()):
        return {}
    return {"hostRequirements": {"gpu": True if one.environment.keys.image.gpu == "true" else "optional"}}


def _settings(one: Chosen) -> dict[str, str]:
    if not one.environment.installs:
        return {}
    return {"python.defaultInterpreterPath": f"{one.environment.prefix}/bin/python"}


def _notes(one: Chosen) -> Iterator[Note]:
    where = one.environment.where_key("image")
    if "/" not in one.record.reference:
        what = f"{one.record.title} is in no registry: only this machine's engine may have it"
        hint = "name a registry in 'publish', and run 'envbuild apply'"
        if one.record.builder == "oci":
            hint = f"run 'envbuild pull {one.record.title}', or name a registry in 'publish'"
        yield Note("devcontainer", what, where, hint)
    for text in one.environment.keys.image.expose:
        if text.endswith("/udp") or (text.partition("/")[0].count("-") and not _few(text)):
            yield Note(
                "devcontainer", f"dev containers do not forward {text}", where, "add it to runArgs by hand: --publish"
            )
    for name, value in _variables(one).items():
        if _REPLACED.search(value):
            what = f"run.env.{name} holds what a dev container replaces: ${{…}}"
            yield Note("devcontainer", what, one.environment.where("run", "env", name), "spell it another way")


def _few(text: str) -> bool:
    first, _, last = text.partition("/")[0].partition("-")
    return int(last) - int(first) < _RANGE
