"""The same fleet as targets of `docker buildx bake`, with the same inheritance, and where its program is.

`bake --print` reads the file, resolves every target and prints the result. It asks no engine and no registry, so
neither a daemon nor the docker client is needed: the plugin is run by itself.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from . import fleet
from .fleet import Manifest, Shape

FILE = ".bench/docker-bake.json"
INSTALL = "needs buildx: tests/services/install buildx"
_SYSTEM = ("/usr/libexec/docker/cli-plugins", "/usr/lib/docker/cli-plugins", "/usr/local/lib/docker/cli-plugins")


def find() -> Path | None:
    """The program, looked for where the docker client looks for its plugins."""
    if found := shutil.which("docker-buildx"):
        return Path(found)
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker", "cli-plugins")
    candidates = (folder / "docker-buildx" for folder in (own, *map(Path, _SYSTEM)))
    return next((path for path in candidates if os.access(path, os.X_OK)), None)


def write(path: Path, shape: Shape) -> None:
    targets = {_name(one.name): _target(one) for one in fleet.manifests(shape)}
    real = [_name(one.name) for one in fleet.manifests(shape) if not one.abstract]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"group": {"default": {"targets": real}}, "target": targets}, indent=1))


def _target(manifest: Manifest) -> dict[str, Any]:
    target: dict[str, Any] = {"inherits": [_name(parent) for parent in manifest.extends], "args": manifest.variables}
    if manifest.abstract:
        return target
    return target | {"context": ".", "tags": [f"localhost/{manifest.name}:latest"], "labels": manifest.tags}


def _name(name: str) -> str:
    return name.replace("/", "_")
