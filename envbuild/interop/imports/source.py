"""What is imported, read from where it lies: inside or outside of the project, or from standard input."""

import os
import sys
from pathlib import Path

import msgspec

from envbuild.document import LIMIT_BYTES
from envbuild.errors import Place, UsageError, WorkspaceError

STANDARD_INPUT = "-"
_SHOWN_INPUT = "standard input"


class Source(msgspec.Struct, frozen=True):
    """`shown` is how messages name it; `folder` is where its relative paths begin, `start` where we were called."""

    given: str
    shown: str
    folder: str
    start: str
    root: str

    @property
    def called(self) -> str:
        """How the manifest names it, which is no business of this machine's folders."""
        return Path(self.shown).name or self.shown

    @property
    def stem(self) -> str:
        return "" if self.given == STANDARD_INPUT else Path(self.given).stem

    @property
    def is_there(self) -> bool:
        return os.path.isfile(os.path.join(self.start, self.given))  # noqa: PTH113, PTH118 - a path as it was written

    def beside(self, path: str) -> "Source":
        """A file that this one names, from its own folder."""
        given = os.path.realpath(Path(self.folder) / path)
        shown = path if self.given == STANDARD_INPUT else os.path.normpath(Path(self.shown).parent / path)
        return Source(given, shown, str(Path(given).parent), self.start, self.root)

    def read(self) -> bytes:
        if self.given == STANDARD_INPUT:
            return sys.stdin.buffer.read(LIMIT_BYTES + 1)
        return read_file(os.path.join(self.start, self.given), self.shown)  # noqa: PTH118 - a path as it was written


def opened(given: str, start: str, root: Path) -> Source:
    full = os.path.realpath(Path(start) / given)
    is_input = given == STANDARD_INPUT
    folder = os.path.realpath(start) if is_input else str(Path(full).parent)
    return Source(given, _SHOWN_INPUT if is_input else given, folder, os.path.realpath(start), os.path.realpath(root))


def read_file(path: str, shown: str, limit: int = LIMIT_BYTES) -> bytes:
    """Up to one byte more than may be read, which is told by who knows what it is."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(limit + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no file '{shown}'", hint="check the path's spelling") from None
    except IsADirectoryError:
        raise UsageError(f"'{shown}' is a folder", hint="name a file in it") from None
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "no file can be named so"
        raise WorkspaceError(f"cannot be read: {what}", Place(shown), "check its permissions") from None
