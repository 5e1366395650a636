"""The config of Docker for one build: the user's own, with logins of the project before theirs."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from envbuild.errors import LoginError
from envbuild.registry import Login
from envbuild.workspace import passing_folder

_FILE = "config.json"
_HUB, _HUB_KEY = "docker.io", "https://index.docker.io/v1/"


@contextmanager
def with_logins(logins: Mapping[str, Login], host: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The variables that lead Docker's command there; none where the user's own config says all."""
    if not logins:
        yield {}
        return
    own = Path(host.get("DOCKER_CONFIG") or Path(host.get("HOME") or "/", ".docker")).absolute()
    with passing_folder(host) as folder:
        for beside in own.iterdir() if own.is_dir() else ():
            if beside.name != _FILE:
                (folder / beside.name).symlink_to(beside)
        _write(folder / _FILE, _merged(_read(own / _FILE), logins))
        yield {"DOCKER_CONFIG": str(folder), "BUILDX_CONFIG": host.get("BUILDX_CONFIG") or str(own / "buildx")}


def _merged(config: dict[str, Any], logins: Mapping[str, Login]) -> dict[str, Any]:
    """A host of ours is asked of no helper: by Docker's rule an empty name means this file."""
    keys = {_HUB_KEY if host == _HUB else host: login for host, login in logins.items()}
    entries = {key: {"auth": login.basic.partition(" ")[2]} for key, login in keys.items()}
    return {
        **config,
        "auths": {**(config.get("auths") or {}), **entries},
        "credHelpers": {**(config.get("credHelpers") or {}), **dict.fromkeys(keys, "")},
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise LoginError(f"'{path}' is no config of Docker", hint="look at it, or write it anew with 'docker login'")
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
