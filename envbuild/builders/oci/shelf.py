"""The shelf of a user: an OCI layout that holds the images that are in no registry, for whoever reads such folders."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild.builders.keeping import Say
from envbuild.errors import BuildError, RegistryError
from envbuild.image.manifests import Descriptor, Manifest, content
from envbuild.registry.copying import Source, parts
from envbuild.registry.layouts import Layout
from envbuild.registry.outputs import write_docker_archive, write_layout

if TYPE_CHECKING:
    from collections.abc import Callable

    from envbuild.builders.daemon import Daemon
    from envbuild.builders.draft import Draft

OF_SHELF = "oci@"
_LOADED = "envbuild/kept"  # how an engine calls what was brought to it


class OnShelf(msgspec.Struct, frozen=True):
    id: str
    size: int


class Shelf:
    """An image is called `oci@DIGEST`, whatever names it has besides. The engine is only asked to run one."""

    called = "this user's store of images"

    def __init__(self, folder: Path, engine: "Callable[[], Daemon]") -> None:
        self._folder = folder
        self._engine = engine

    def image(self, reference: str) -> OnShelf | None:
        """By its id, or by a name."""
        found = self.find(reference) or self.find(self._named(reference))
        if found is None:
            return None
        layout, root = found
        try:
            return OnShelf(f"{OF_SHELF}{root.digest}", sum(blob.size for blob in parts(layout, root)))
        except RegistryError:
            return None

    def find(self, reference: str) -> tuple[Layout, Manifest] | None:
        """What is there of it; blobs are held to their digests when they are read."""
        digest = reference.removeprefix(OF_SHELF)
        layout = Layout(self._folder, self.called)
        one = self._entries().get(digest)
        try:
            return (layout, layout.manifest(one)) if one else None
        except RegistryError:
            return None

    def ids(self) -> frozenset[str]:
        return frozenset(f"{OF_SHELF}{digest}" for digest in self._entries())

    def keep(self, draft: "Draft") -> str:
        if draft.source is None or draft.root is None:
            return draft.id
        write_layout(draft.source, draft.root, self._folder, draft.root.digest)
        return f"{OF_SHELF}{draft.root.digest}"

    def tag(self, reference: str, repository: str, tag: str) -> None:
        found = self.find(reference)
        if found is None:
            raise BuildError(f"{reference} is not in {self.called}", hint="run 'envbuild apply' again")
        write_layout(*found, self._folder, f"{repository}:{tag}")

    def in_engine(self, reference: str, say: Say, platform: str = "") -> str | None:
        found = self.find(reference)
        if found is None:
            return None
        layout, root = found
        one = of_platform(layout, root, platform or self._engine().platform)
        name = f"{_LOADED}:{one.digest.removeprefix('sha256:')}"
        if loaded := self._engine().image(name):
            return loaded.id
        say("bringing it to the engine")
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            file = Path(folder, "image.tar")
            write_docker_archive(layout, one, file, [name])
            self._engine().load(file)
        made = self._engine().image(name)
        return made.id if made else None

    def _named(self, name: str) -> str:
        """What has this name; nothing where nothing has."""
        try:
            return f"{OF_SHELF}{Layout(self._folder).image(name).digest}" if self._entries() else ""
        except RegistryError:
            return ""

    def _entries(self) -> dict[str, Descriptor]:
        if not (self._folder / "index.json").is_file():
            return {}
        return Layout(self._folder, self.called).images


def of_platform(source: Source, root: Manifest, platform: str) -> Manifest:
    """Of several the one that is asked for, as in `linux/amd64`, as an engine takes it; else the first."""
    if not root.is_index:
        return root
    stated = content(root, root.digest).manifests
    wanted = dict(zip(("os", "architecture"), platform.split("/"), strict=False))
    every = [one for one in stated if (one.platform or {}).items() >= wanted.items()]
    return source.manifest((every or stated)[0])
