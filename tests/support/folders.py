"""Folders of a project that are packages, and build with no download."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .project import Project

_BACKEND = "backend_of_a_test"


def write_package(  # noqa: PLR0913 - each is a line of the file
    project: Project,
    path: str,
    name: str,
    *,
    needs: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    version: str = "1.0",
    dynamic: Sequence[str] = (),
    more: str = "",
) -> None:
    """A folder whose pyproject.toml says what its package needs; what is dynamic stands in files of its own."""
    known = {"version": version, "dependencies": list(needs), "optional-dependencies": dict(extras or {})}
    stated = {key: value for key, value in known.items() if key not in dynamic}
    lines = ["[project]", f'name = "{name}"', f"dynamic = {json.dumps(list(dynamic))}"]
    lines += [f"{key} = {_inline(value)}" for key, value in stated.items()]
    project.write(f"{path}/needs.txt", "".join(f"{one}\n" for one in needs))
    project.write(f"{path}/src/{name}/version.txt", f"{version}\n")
    _write(project, path, name, "\n".join([*lines, more, ""]))


def write_nameless(project: Project, path: str, name: str, needs: Sequence[str] = ()) -> None:
    """A folder whose name only its build knows."""
    facts = {"name": name, "version": "1.0", "dependencies": list(needs)}
    project.write(f"{path}/facts.json", json.dumps(facts))
    _write(project, path, name, "")


def _write(project: Project, path: str, name: str, head: str) -> None:
    system = f'[build-system]\nrequires = []\nbuild-backend = "{_BACKEND}"\nbackend-path = ["."]\n'
    project.write(f"{path}/pyproject.toml", f"{head}{system}")
    backend = Path(__file__).with_name("folderbackend.py").read_text(encoding="utf-8")
    project.write(f"{path}/{_BACKEND}.py", backend)
    project.write(f"{path}/src/{name}/__init__.py", "said = 'first'\n")


def _inline(value: Any) -> str:
    """JSON is TOML but for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {json.dumps(one)}" for key, one in value.items()) + "}"
    return json.dumps(value)


def write_asking(project: Project, url: str, *items: str, name: str = "a", more: str = "") -> None:
    """A manifest whose first pip item stands at line 5."""
    listed = "".join(f"      - {json.dumps(item)}\n" for item in items)
    head = f'pip: {{index_url: "{url}"}}\ndependencies:\n  - python =3.11\n  - pip:\n'
    project.write(f"manifests/{name}.yaml", f"{head}{listed}{more}")
