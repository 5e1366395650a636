"""A project whose images are assembled here: bases that tell of their Python, a registry that keeps them, no engine."""

import json
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

from envbuild.image.manifests import Manifest
from envbuild.image.stacking import Expected
from envbuild.image.validate import validate
from envbuild.registry.copying import Target, push

from .index import Index
from .layered import Shelf, layer
from .project import Project, clean_environment
from .registered import client

_SECONDS = 20
_KINDS = ("oci.image.index.v1", "oci.image.manifest.v1")
_ACCEPT = ", ".join(f"application/vnd.{kind}+json" for kind in _KINDS)
PYTHON = {
    "Env": ["PATH=/usr/local/bin:/usr/bin", "GPG_KEY=7169", "PYTHON_VERSION=3.11.7", "LANG=C.UTF-8"],
    "Cmd": ["python3"],
}
"""What a base called 'python' says of containers."""
PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n"  # noqa: S105 - of a file, which holds no password
GROUP = "root:x:0:\nweb:x:34:\n"
FILES = layer(
    "opt/", "etc/", "usr/", "usr/bin/", "bin -> usr/bin", "srv/", etc__passwd=PASSWD, etc__group=GROUP, usr__bin__sh="#"
)
"""The files of a base, where programs lie behind a link."""
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


class Served:
    """A repository, as its registry serves it to anybody."""

    def __init__(self, server: str, repository: str) -> None:
        self._place = f"http://{server}/v2/{repository}"

    def manifest(self, reference: str) -> Manifest:
        with self._asked(f"manifests/{reference}") as reply:
            return Manifest(reply.read(), str(reply.headers["Content-Type"]))

    def read(self, digest: str) -> Any:
        """A blob, or a manifest by its digest."""
        if digest in self._manifests():
            return closing(BytesIO(self.manifest(digest).data))
        return self._asked(f"blobs/{digest}")

    def _manifests(self) -> set[str]:
        """Those that an index names: a registry has them in another place than blobs."""
        stated = (json.loads(self.manifest(tag).data) for tag in self.tags())
        return {one["digest"] for each in stated for one in each.get("manifests", ())}

    def stated(self, reference: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.manifest(reference).data)
        return found

    def config(self, reference: str) -> dict[str, Any]:
        with self._asked(f"blobs/{self.stated(reference)['config']['digest']}") as reply:
            found: dict[str, Any] = json.load(reply)
        return found

    def layers(self, reference: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.stated(reference)["layers"]
        return found

    def files(self, digest: str) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
        """What is in a layer that is packed by gzip, or not at all."""
        with self._asked(f"blobs/{digest}") as reply, tarfile.open(fileobj=BytesIO(reply.read())) as tar:
            return {one.name: (one, tar.extractfile(one).read() if one.isreg() else b"") for one in tar}  # type: ignore[union-attr]

    def tags(self) -> set[str]:
        try:
            with self._asked("tags/list") as reply:
                return set(json.load(reply)["tags"] or ())
        except urllib.error.HTTPError as error:
            with error:
                return set()

    def put(self, tag: str, manifest: Manifest) -> None:
        """Let a tag stand for something else, as anybody might who may write."""
        url, headers = f"{self._place}/manifests/{tag}", {"Content-Type": manifest.media_type}
        request = urllib.request.Request(url, manifest.data, headers, method="PUT")  # noqa: S310 - loopback's
        urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310 - loopback's

    def _asked(self, path: str) -> Any:
        request = urllib.request.Request(f"{self._place}/{path}", headers={"Accept": _ACCEPT})  # noqa: S310 - loopback's
        return urllib.request.urlopen(request, timeout=_SECONDS)  # noqa: S310 - loopback's


class World:
    """In FOLDER; images are pushed to SERVER, below `team`, unless none is named: then bases are at AT, and no more."""

    def __init__(self, folder: Path, uv_cache: Path, index: Index, server: str, *, pushes: bool = True) -> None:
        self.folder = folder
        self.server = server
        own = clean_environment(folder, uv_cache)
        self.project = Project(folder / "project", {**own, "UV_DEFAULT_INDEX": index.url, **NO_ENGINE})
        self._registry = f"registry: {server}/team\n" if pushes else ""
        self.settings()

    def settings(self, more: str = "", platforms: str = "[linux-64]") -> None:
        self.project.write("envbuild.yaml", f"{self._registry}builder: oci\nplatforms: {platforms}\n{more}")

    def base(self, *layers: bytes, name: str = "python", starts: Mapping[str, Any] = PYTHON, arm: bool = False) -> str:
        """Put a base there, for two processors if it is for ARM too; its name."""
        shelf = Shelf()
        every = layers or (FILES,)
        root = shelf.image(*every, starts=starts)
        if arm:
            root = shelf.index(amd64=root, arm64=shelf.image(*every, starts=starts, architecture="arm64"))
        return self.put(shelf, root, name)

    def put(self, shelf: Shelf, root: Manifest, name: str) -> str:
        with client(self.server) as (registry, _):
            push(shelf, root, Target(registry, f"base/{name}"), ("1",))
        return f"{self.server}/base/{name}:1"

    def write(self, name: str, base: str, *packages: str, image: str = "", more: str = "") -> None:
        """A manifest whose base stands at line 4, and its packages after all that IMAGE says."""
        lines = [f"python: {{version: '3.11'}}\n{more}image:\n  base: {base}\n{image}"]
        lines += [f"dependencies: [{{pip: {json.dumps(packages)}}}]\n"] if packages else []
        self.project.write(f"manifests/{name}.yaml", "".join(lines))

    def apply(self, *args: str, **more: Any) -> Any:
        return json.loads(self.project.run("apply", "--json", *args, **more).out)

    def changes(self, *args: str) -> dict[str, str]:
        """What a plan says, by environment."""
        steps = self.project.json("plan", *args)["steps"]
        return {step["environment"]: step["action"] for step in steps}

    def served(self, name: str = "web") -> Served:
        return Served(self.server, f"team/{name}")

    def digest(self, name: str = "web", tag: str = "v1") -> str:
        return self.served(name).manifest(tag).digest

    def judge(self, name: str = "web", tag: str = "v1", *, base: int = 1, **expected: Any) -> Manifest:
        """Hold what the registry serves against all that an image is to be; the first layers are the BASE's."""
        served = self.served(name)
        root = served.manifest(tag)
        validate(root, served.read, Expected(base=base, **{"seconds": 0, "disjoint": True, **expected}))
        return root

    def elsewhere(self, name: str, **environ: str) -> "World":
        """The same checkout of another user, who has nothing: no record, no cache, no home."""
        other = object.__new__(World)
        folder = self.folder / name
        own = clean_environment(folder, Path(self.project.environ["UV_CACHE_DIR"]))
        other.__dict__ |= {**self.__dict__, "folder": folder}
        other.project = Project(folder / "project", {**self.project.environ, **own, **environ})
        kept = shutil.ignore_patterns(".envbuild")
        shutil.copytree(self.project.path, other.project.path, ignore=kept, dirs_exist_ok=True)
        return other


def made_by(layers: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the layers of packages say that they hold."""
    return [(one.get("annotations") or {}).get("dev.envbuild.packages", "") for one in layers]
