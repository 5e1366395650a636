"""What a service is made of besides its environment: models by their content, and the files of its script."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, cast

import msgspec

from envbuild.builders.oci.tree import Node
from envbuild.errors import BuildError, Place
from envbuild.image import Entry
from envbuild.image.entries import FOLDER, PLAIN
from envbuild.model import Content, digest_of
from envbuild.registry.checking import Checked

SERVICE = "opt/envbuild/service"
_AGAIN = "run it again, once nobody writes there"


class Carried(msgspec.Struct, frozen=True):
    """A model: what it is called, where it lies in the service, where it lies here, and all that is in it."""

    title: str
    place: str
    source: Path
    files: tuple[Content, ...]
    folders: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """As `models` says it, also of what is in no registry of models."""
        is_folder = bool(self.folders) or any(one.path for one in self.files)
        return digest_of(self.source.name, self.files, self.folders, is_folder=is_folder)

    def nodes(self) -> Iterator[Node]:
        """Held to what it was known to be, while it is read."""
        for name in self.folders:
            yield Node(Entry(f"{self.place}/{name}", "folder", FOLDER))
        for one in self.files:
            path = f"{self.place}/{one.path}" if one.path else self.place
            source = self.source / one.path if one.path else self.source
            yield Node(Entry(path, "file", PLAIN, one.size), partial(_opened, source, one, self.title))


@contextmanager
def _opened(path: Path, one: Content, title: str) -> Iterator[IO[bytes]]:
    with path.open("rb") as stream:
        shown = f"the model {title}"
        yield cast("IO[bytes]", Checked(stream, f"sha256:{one.sha256}", one.size, shown, _AGAIN))


def listed(path: Path, where: Place) -> tuple[tuple[Content, ...], tuple[str, ...]]:
    """The files of a model that is a file or a folder of the project, and its folders; links are followed."""
    try:
        if path.is_file():
            return (_file(path, ""),), ()
        files, folders = [], []
        for here, below, names in os.walk(path, followlinks=True, onerror=_raise):
            above = os.path.relpath(here, path)
            prefix = "" if above == "." else f"{above}/"
            _refuse_loop(path, here)
            below.sort()
            folders += [] if above == "." else [above]
            files += [_file(Path(here, name), f"{prefix}{name}") for name in names]
    except OSError as error:
        what = f"a model cannot be read: {error.strerror}: {error.filename}"
        raise BuildError(what, where, "check its permissions") from None
    return tuple(sorted(files, key=lambda one: one.path)), tuple(sorted(folders))


def _raise(error: OSError) -> None:
    raise error


def _refuse_loop(root: Path, here: str) -> None:
    real = os.path.realpath(here)
    if here != str(root) and f"{os.path.realpath(root)}/".startswith(f"{real}/"):
        raise OSError(0, "a link leads back to where it is in", here)


def _file(path: Path, name: str) -> Content:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
        return Content(name, found, os.fstat(stream.fileno()).st_size, 0)
