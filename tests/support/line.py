"""What the tests of the whole line share: manifests in a few words, and what plan and apply say in short."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .index import Index
from .project import Project, Run


def write_base(project: Project, index: Index, *packages: str, name: str = "base") -> None:
    """A parent that names the index; its first package stands at line 6."""
    pip = "".join(f"      - {package}\n" for package in packages)
    listed = f"dependencies:\n  - pip:\n{pip}" if packages else ""
    project.write(f"manifests/{name}.yaml", f"abstract: true\npip:\n  index_url: {index.url}\n{listed}")


def write_child(project: Project, name: str, *packages: str, extends: str = "base", more: str = "") -> None:
    """A child whose first package stands at line 4."""
    pip = "".join(f"      - {package}\n" for package in packages)
    listed = f"dependencies:\n  - pip:\n{pip}" if packages else ""
    project.write(f"manifests/{name}.yaml", f"extends: {extends}\n{listed}{more}")


def steps(project: Project, *args: str) -> dict[str, dict[str, Any]]:
    """The listed steps of a plan by their environment."""
    return {step["environment"]: step for step in project.json("plan", *args)["steps"]}


def actions(project: Project, *args: str) -> dict[str, str]:
    return {name: step["action"] for name, step in steps(project, *args).items()}


def reasons(step: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(reason["part"], reason["change"], reason["where"]) for reason in step["reasons"]]


def apply_twice(project: Project, *args: str) -> Run:
    """Apply, and again: the second run builds nothing and writes nothing. The first one's report is given."""
    first = project.run("apply", *args)
    before = _kept(project)
    second = project.run("apply", *args)
    assert second.out.splitlines()[-1].startswith("No changes."), second
    assert _kept(project) == before
    return first


def _kept(project: Project) -> dict[str, str]:
    """All files but those that only save time."""
    return {path: digest for path, digest in project.tree().items() if not path.startswith(".envbuild/cache/")}


def versions(project: Project, name: str) -> list[int]:
    """The versions on record, newest first."""
    return [record["version"] for record in project.json("history", name)["records"]]


def reference(project: Project, name: str) -> str:
    found: str = project.json("history", name)["records"][0]["reference"]
    return found


def run_without_rights(project: Project, *args: str) -> Run:
    """Run envbuild as one who must heed the permissions of files, which root need not."""
    command = [sys.executable, "-m", "envbuild", *args]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv") or pytest.skip("needs setpriv, to test as root")
        command = [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command]
    run = subprocess.run(
        command, cwd=project.path, env=dict(project.environ), capture_output=True, text=True, check=False
    )
    return Run(run.returncode, run.stdout, run.stderr)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(0o755)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
