"""skopeo and umoci, as other people's readers of what we write."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .services import services_folder

_SECONDS = 60


def skopeo(*args: str) -> str:
    """What it prints; it must succeed."""
    return _run("skopeo", "--insecure-policy", *args)


def inspected(place: str) -> dict[str, Any]:
    """What skopeo says of an image, such as `oci:FOLDER:NAME`."""
    found: dict[str, Any] = json.loads(skopeo("inspect", place))
    return found


def umoci(*args: str) -> str:
    return _run("umoci", *args)


def _run(name: str, *args: str) -> str:
    root = services_folder() / "oci-tools"
    libraries = sorted({str(path.parent) for path in root.rglob("*.so.*")})
    run = subprocess.run(
        [str(root / "usr/bin" / name), *args],
        env={"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": ":".join(libraries), "HOME": str(Path.home())},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert run.returncode == 0, f"{name} {subprocess.list2cmdline(args)}: {run.returncode}\n{run.stdout}{run.stderr}"
    return run.stdout
