"""Locks without a solver, for projects whose images are rendered: what is asked for is pinned as it is said."""

import hashlib
from pathlib import Path

from envbuild.lock import (
    Base,
    Lock,
    Member,
    Pin,
    Pins,
    Request,
    image_name,
    lock_path,
    lock_text,
    make_lock,
    requests,
    spec_name,
)
from envbuild.manifest import asked_member
from envbuild.project.front import Project
from envbuild.project.locks import Locks
from envbuild.project.reading import Selection
from envbuild.resolve import Environment

PYTHON = "3.12"


NOTEBOOK_USER = "jovyan"


def lock_of(environment: Environment, digests: dict[str, str] | None = None) -> Lock | None:
    """A pin for each root: `alpha==2` is alpha 2, `numpy 2.*` is numpy 2, and what has no version is 1.

    A base whose name ends in `notebook` has a user of its own; of others nobody told.
    """
    asked = requests(environment, dict(digests or {}))
    if not asked:
        return None
    asks_python = any(request.conda or request.python or request.roots for request in asked)
    return make_lock(
        PYTHON if asks_python else "", asked, {one.platform: _pins(one) for one in asked}, _base(asked[0].base)
    )


def _base(text: str) -> Base | None:
    name = image_name(text)
    if name is None:
        return None
    user = NOTEBOOK_USER if name.name.endswith("notebook") else None
    return Base(name.name, name.tag, f"sha256:{_digest(text)}", user)


def _pins(request: Request) -> Pins:
    members = [found for root in request.roots if root in request.members and (found := asked_member(root))]
    return Pins(
        request.platform,
        (
            *(_conda(spec, request.platform) for spec in request.conda_roots),
            *(_pip(root) for root in request.roots if root not in request.members),
        ),
        tuple(Member(one.path, one.name or "own", "1.0") for one in members),
    )


def _conda(spec: str, platform: str) -> Pin:
    name = spec_name(spec)
    version = "".join(one for one in spec.removeprefix(name) if one in "0123456789.").strip(".") or "1"
    url = f"https://conda.example.com/conda-forge/{platform}/{name}-{version}-0.conda"
    return Pin("conda", name, version, url, _digest(url), build="0", md5=_digest(url)[:32])


def _pip(root: str) -> Pin:
    name, _, version = root.partition("==")
    url = f"https://files.example.com/{name}-{version or 1}-py3-none-any.whl"
    return Pin("pip", name, version or "1", url, _digest(url))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def lock_all(folder: Path) -> Project:
    """The project in a folder, with a lock for each of its environments."""
    project = Project.load(folder, {})
    locks = Locks(project.workspace, project.folders)
    for one in project.environments(Selection()):
        lock = lock_of(one, dict(locks.digests(one)))  # type: ignore[arg-type]
        if lock:
            project.workspace.write(lock_path(one.name), lock_text(lock, one.path, one.name))
    return Project.load(folder, {})
