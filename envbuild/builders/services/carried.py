"""What a service is made of besides its environment: models by their content, and the files of its script."""

import hashlib
import os
import stat
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
    folders: tuple[str, ...]
    is_folder: bool

    @property
    def digest(self) -> str:
        """As `models` says it, also of what is in no registry of models."""
        return digest_of(self.source.name, self.files, self.folders, is_folder=self.is_folder)

    def nodes(self) -> Iterator[Node]:
        """Held to what it was known to be, while it is read."""
        for name in ("", *self.folders) if self.is_folder else ():
            yield Node(Entry(f"{self.place}/{name}".rstrip("/"), "folder", FOLDER))
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
    files, folders = [], []
    waiting: list[tuple[str, tuple[str, ...]]] = [("", ())]
    try:
        if not path.is_dir():
            return (_file(path, ""),), ()
        while waiting:
            here, above = waiting.pop()
            real = os.path.realpath(path / here)
            _refuse_loop(path / here, above, real)
            folders += [here] if here else []
            for name in (one.name for one in (path / here).iterdir()):
                below = f"{here}/{name}" if here else name
                if (path / below).is_dir():
                    waiting.append((below, (*above, real)))
                else:
                    files.append(_file(path / below, below))
    except OSError as error:
        what = f"a model cannot be read: {error.strerror}: {error.filename}"
        raise BuildError(what, where, "check what it is, and its permissions") from None
    return tuple(sorted(files, key=lambda one: one.path)), tuple(sorted(folders))


def _refuse_loop(here: Path, above: tuple[str, ...], real: str) -> None:
    if real in above:
        raise OSError(0, "a link leads back to where it is in", str(here))


def _file(path: Path, name: str) -> Content:
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(0, "it is neither a file nor a folder", str(path))
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
        return Content(name, found, os.fstat(stream.fileno()).st_size, 0)
