"""Azure ML's own SDKs, as the makers and the readers of definitions; they live in an environment of their own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .services import services_folder

_SCRIPT = Path(__file__).with_name("azureml_sdk.py")
_SECONDS = 120


def save(kind: str, folder: Path) -> None:
    """All that the SDK of `v1` or `v2` can save."""
    _run(f"save-{kind}", folder, str(folder))


def load(kind: str, folder: Path, *paths: str) -> dict[str, dict[str, Any]]:
    """The fields that the SDK finds in each, by the path."""
    return dict(zip(paths, json.loads(_run(f"load-{kind}", folder, *paths)), strict=True))


def _run(command: str, folder: Path, *paths: str) -> str:
    run = subprocess.run(
        [services_folder() / "azureml/bin/python", "-I", _SCRIPT, command, *paths],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def flat(value: Any, above: str = "") -> dict[str, Any]:
    """Each value by its name with dots; lists are values."""
    if isinstance(value, dict) and value:
        return {name: one for key, inner in value.items() for name, one in flat(inner, f"{above}{key}.").items()}
    return {above.removesuffix("."): value}


def differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The fields that are not what they were."""
    old, new = flat(before), flat(after)
    return {key: (old.get(key), new.get(key)) for key in sorted({*old, *new}) if old.get(key) != new.get(key)}
