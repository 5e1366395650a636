"""A project whose environments are images: with an engine that builds them, and a registry that keeps them."""

import json
import os
import shutil
import textwrap
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .engine import Engine
from .project import Project, clean_environment

_REGISTRY_KEPT = ".envbuild"


class Imaging:
    """In FOLDER; images are pushed to SERVER, below `team`, unless there is none."""

    def __init__(self, folder: Path, engine: Engine, server: str, uv_cache: Path) -> None:
        self.engine = engine
        self.server = server
        own = clean_environment(folder, uv_cache)
        path = os.pathsep.join((engine.docker.environ["PATH"], own["PATH"]))
        self.project = Project(folder / "project", {**own, **engine.docker.environ, "HOME": own["HOME"], "PATH": path})
        self.base = f"{engine.base('busybox')}"
        self._pushed: set[str] = set()
        registry = f"registry: {server}/team\n" if server else ""
        self.project.write("envbuild.yaml", f"{registry}builder: docker\nplatforms: [linux-64]\n")

    def image(self, name: str, says: str = "hello", more: str = "") -> None:
        """A manifest of a small image that says something."""
        text = f"image:\n  base: {self.base_reference}\n  build: ['echo {says} >/said']\n  command: [cat, /said]\n"
        self.project.write(f"manifests/{name}.yaml", f"{text}{more}")

    @property
    def base_reference(self) -> str:
        """In the registry, under its digest, so that to lock asks nobody; else as the engine calls it."""
        if not self.server:
            return f"docker.io/library/{self.base}@sha256:{'0' * 64}"
        return self._in_registry("busybox")

    def has(self, base: str) -> None:
        """One of the engine's bases that is in the registry already."""
        self._pushed.add(f"{self.server}/base/{base}:1")

    def _in_registry(self, base: str) -> str:
        """One of the engine's bases, pushed once, whatever the engine knows of a registry that had the port before."""
        reference = f"{self.server}/base/{base}:1"
        if reference not in self._pushed:
            self.engine.docker("tag", self.engine.base(base), reference)
            self.engine.docker("push", reference)
            self._pushed.add(reference)
        return reference

    def write(self, name: str, base: str, text: str) -> None:
        """A manifest of an image from one of the engine's bases, which is put into the registry before."""
        reference = self._in_registry(base)
        head, _, rest = text.partition("image:")
        body = textwrap.dedent(rest).strip("\n") if rest else ""
        lines = "".join(f"  {line}\n" for line in body.splitlines())
        self.project.write(f"manifests/{name}.yaml", f"{textwrap.dedent(head)}image:\n  base: {reference}\n{lines}")

    def apply(self, *args: str, check: int | None = 0, **more: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.project.run("apply", "--json", *args, check=check, **more).out)
        return found

    def actions(self, *args: str) -> dict[str, str]:
        return {step["environment"]: step["action"] for step in self.plan(*args)}

    def plan(self, *args: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = self.project.json("plan", *args)["steps"]
        return found

    def reference(self, name: str) -> str:
        """Of the version that was recorded last."""
        return str(self.project.json("history", name)["records"][0]["reference"])

    def said(self, reference: str, *command: str) -> str:
        """What a container of an image writes."""
        return self.engine.docker("run", "--rm", reference, *command)

    def tags(self, name: str) -> set[str]:
        with urllib.request.urlopen(f"http://{self.server}/v2/team/{name}/tags/list") as reply:
            return set(json.load(reply)["tags"] or ())

    def digest(self, name: str, tag: str) -> str:
        kinds = ("oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.v2")
        accept = ", ".join(f"application/vnd.{kind}+json" for kind in kinds)
        url = f"http://{self.server}/v2/team/{name}/manifests/{tag}"
        request = urllib.request.Request(url, headers={"Accept": accept}, method="HEAD")
        with urllib.request.urlopen(request) as reply:  # noqa: S310 - loopback's
            return str(reply.headers["Docker-Content-Digest"])

    def delete(self, name: str, digest: str) -> None:
        """Take what a digest stands for out of the registry, and so all its tags."""
        url = f"http://{self.server}/v2/team/{name}/manifests/{digest}"
        with urllib.request.urlopen(urllib.request.Request(url, method="DELETE")):
            return

    def forget(self) -> None:
        """As on an empty runner: no record, no log."""
        shutil.rmtree(self.project.path / _REGISTRY_KEPT)

    def log(self, name: str) -> str:
        logs: Iterable[Path] = (self.project.path / ".envbuild/logs" / name).glob("*.log")
        return max(logs).read_text(encoding="utf-8")
