"""A project whose images are in a registry without having been built here: no engine is needed to adopt them."""

import copy
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from .front import Front
from .project import Project, clean_environment
from .registry import Registry


class Adopted:
    """In FOLDER; every question to the REGISTRY comes through a FRONT."""

    def __init__(self, folder: Path, uv_cache: Path, registry: Registry, front: Front) -> None:
        self.registry = registry
        self.front = front
        self._folder = folder
        self.project = Project(folder / "project", clean_environment(folder, uv_cache))
        base = registry.push("base", "1", says="base")
        self._base = f"{registry.server}/base@{base}"
        self.settings()

    def settings(self, more: str = "", server: str = "") -> None:
        at = server or self.front.address
        text = f"registry: {at}/team\nplatforms: [linux-64]\nbuilder: docker\n{more}"
        self.project.write("envbuild.yaml", text)

    def image(self, name: str, more: str = "", number: int = 0) -> None:
        image = f"image: {{base: '{self._base}'}}\n"
        self.project.write(f"manifests/{name}.yaml", f"variables: {{NUMBER: '{number}'}}\n{image}{more}")

    def other(self) -> Self:
        """The same checkout, on another machine: without records."""
        other = copy.copy(self)
        other.project = Project(self._folder / "other", self.project.environ)
        ignored = shutil.ignore_patterns(".envbuild")
        shutil.copytree(self.project.path, other.project.path, ignore=ignored, dirs_exist_ok=True)
        return other

    def steps(self, *args: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.project.json("plan", *args)["steps"]
        return found

    def step(self, *args: str) -> tuple[str, int | None, str]:
        """The only one: what is to be done, which version that gives, and why."""
        (step,) = self.steps(*args)
        return step["action"], step["version"], step["reasons"][0]["change"]

    def push(self, steps: Iterable[dict[str, Any]]) -> list[str]:
        """What is planned, as others have built it: under the name of its content. Gives the digests."""
        return [
            self.registry.push(f"team/{one['environment']}", content_tag(one), says=one["environment"]) for one in steps
        ]

    def apply(self, *args: str, check: int | None = 0) -> str:
        run = self.project.run("apply", *args, check=check)
        return run.out + run.err


def content_tag(step: dict[str, Any]) -> str:
    return f"fp-{step['fingerprint'].replace(':', '-')}"
