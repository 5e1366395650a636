"""Files are written whole or not at all: beside, to the disk, then put in place."""

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from envbuild.errors import Place, UsageError, WorkspaceError

HINT_WRITE = "check the folder's permissions and the space on its disk"
_NO_FOLDER = "remove the file that stands where a folder has to be, or choose another place"
_HINTS = {
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EISDIR: "name a file in it",
    errno.EEXIST: _NO_FOLDER,
    errno.ENOTDIR: _NO_FOLDER,
}


def hint_of(error: OSError) -> str:
    return _HINTS.get(error.errno or 0, HINT_WRITE)


def write_whole(target: Path, text: str, shown: str = "") -> None:
    """Beside, to the disk, then renamed into place: a reader sees the old file or the new one.

    A device or a pipe is written into: whoever may do all could replace `/dev/null`, too.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if _is_stream(target):
            target.write_bytes(text.encode())
        else:
            replace(target, text.encode())
    except OSError as error:
        where = Place(shown or str(target))
        raise WorkspaceError(f"cannot be written: {error.strerror}", where, hint_of(error)) from None


def _is_stream(target: Path) -> bool:
    return target.absolute().parent == Path("/dev") or (
        target.exists() and not target.is_file() and not target.is_dir()
    )


def write_folder(
    folder: Path, files: Mapping[str, str], known: Iterable[str], *, force: bool, word: str = "--force"
) -> None:
    """Each whole, the first last; of `known` none is left behind from before, since it would be read as one of them.

    `word` is how what stands is allowed to be written over.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"'{folder}' is no folder", hint="name one, or a place where one can be made")
    standing = [name for name in known if (folder / name).exists()]
    if standing and not force:
        what = f"'{folder}' has {', '.join(standing)} already"
        raise UsageError(what, hint=f"choose another folder, or say '{word}' to write over it")
    for name in reversed(list(files)):
        write_whole(folder / name, files[name])
    for name in standing:
        if name not in files:
            (folder / name).unlink()


def replace(target: Path, data: bytes, *, new: bool = False) -> None:
    import tempfile

    handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(beside).chmod(0o644)
        if new:
            _link_new(beside, target)
        else:
            Path(beside).replace(target)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    _to_disk(target.parent)


def _link_new(beside: str, target: Path) -> None:
    """A link fails where something stands, which renaming does not; not every file system has links."""
    try:
        os.link(beside, target)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError from None
        Path(beside).replace(target)
    else:
        Path(beside).unlink()


def _to_disk(parent: Path) -> None:
    folder = os.open(parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
