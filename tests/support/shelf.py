"""A project whose images are built by a real engine and kept by a real registry, and further checkouts of it."""

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .engine import Engine
from .front import Front
from .project import Project, clean_environment
from .registry import Registry

_SECONDS = 20
_ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)
PLATFORMS = ("linux/amd64", "linux/arm64")


class Shelf:
    """One environment, `web`, in `team/web` of the registry; what is written of it is one more variable."""

    def __init__(
        self, folder: Path, uv_cache: Path, engine: Engine, registry: Registry, address: str = "", **settings: str
    ) -> None:
        """ADDRESS is by what name the registry is spoken to, if that is another one."""
        self.engine = engine
        self.registry = registry
        self.address = address or registry.server
        self._folder = folder
        environ = clean_environment(folder, uv_cache)
        home, path = environ["HOME"], environ["PATH"]
        own = {**environ, **engine.docker.environ, "HOME": home}
        own["PATH"] = f"{own['PATH']}:{path}"
        self.project = Project(folder / "project", own)
        stated = {"registry": f"{self.address}/team", "platforms": "[linux-64]", "builder": "docker", **settings}
        self.project.write("envbuild.yaml", "".join(f"{key}: {value}\n" for key, value in stated.items()))

    def base(self, *lines: str) -> str:
        """A base with a shell, in the registry, after these lines of a Dockerfile; its reference."""
        name = self.engine.base("busybox")
        reference = f"{self.registry.server}/base:1"
        context = self._folder / "base"
        context.mkdir()
        (context / "Dockerfile").write_text("\n".join([f"FROM {name}", *lines, ""]))
        self.engine.docker(
            "buildx", "build", "--quiet", "--load", "--provenance=false", "--tag", reference, str(context)
        )
        self.engine.docker("push", "--quiet", reference)
        self.engine.docker("image", "rm", reference)
        return reference

    def wide_base(self) -> str:
        """A base of two platforms, with one file and no shell."""
        reference = f"{self.registry.server}/wide:1"
        context = self._folder / "wide"
        context.mkdir()
        (context / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
        to = ["--platform", ",".join(PLATFORMS), "--push", "--tag", reference, "--provenance=false"]
        self.engine.docker("buildx", "build", "--quiet", *to, str(context))
        return reference

    def web(self, base: str, value: str = "1", more: str = "", name: str = "web") -> None:
        self.project.write(
            f"manifests/{name}.yaml",
            f"variables: {{VALUE: '{value}'}}\nimage:\n  base: {base}\n  command: [cat, /Dockerfile]\n{more}",
        )

    def elsewhere(self, name: str) -> Project:
        """The same checkout on a machine that has no records."""
        other = Project(self._folder / name, self.project.environ)
        shutil.copytree(self.project.path, other.path, ignore=shutil.ignore_patterns(".envbuild"), dirs_exist_ok=True)
        return other

    def tags(self, repository: str = "team/web") -> set[str]:
        try:
            return set(self._json(f"{repository}/tags/list")["tags"] or [])
        except urllib.error.HTTPError:
            return set()

    def manifest(self, reference: str, repository: str = "team/web") -> dict[str, Any]:
        found: dict[str, Any] = self._json(f"{repository}/manifests/{reference}")
        return found

    def digest(self, reference: str, repository: str = "team/web") -> str:
        with self._asked(f"{repository}/manifests/{reference}") as reply:
            return str(reply.headers["Docker-Content-Digest"])

    def remove(self, digest: str, repository: str = "team/web") -> None:
        self._asked(f"{repository}/manifests/{digest}", "DELETE").close()

    def _json(self, path: str) -> Any:
        with self._asked(path) as reply:
            return json.load(reply)

    def _asked(self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Any:
        request = urllib.request.Request(
            f"http://{self.registry.server}/v2/{path}", headers={"Accept": _ACCEPT, **(headers or {})}, method=method
        )
        return urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310 - loopback's


def before(registry: Registry) -> Front:
    """Stand before a registry, for faults."""
    return Front(registry.server)
