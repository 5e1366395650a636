"""What a finished prefix consists of: every file with its size, time and mode, counted once and compared ever after.

Loaded before anything else is, where an answer is only looked up again; so this room needs nothing but Python's own.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Row = tuple[bytes, int, int, int]

NAME = ".envbuild-complete"
_UNCOUNTED = (NAME.encode(), f"{NAME}.new".encode())
_BYTECODE = b"__pycache__"


def interpreter(prefix: str) -> str:
    return f"{prefix}/bin/python"


def runs(prefix: str) -> bool:
    """Whether a prefix has what it runs on beyond its own files: uv's stand on a Python elsewhere, conda's on none."""
    return is_of_conda(prefix) or os.access(interpreter(prefix), os.X_OK)


def is_of_conda(prefix: str) -> bool:
    """A wheel may bring a folder of that name into a prefix of uv's, which says of itself what it is."""
    return os.path.isdir(f"{prefix}/conda-meta") and not os.path.lexists(f"{prefix}/pyvenv.cfg")  # noqa: PTH112 - no pathlib


def count(prefix: str, *, bytecode: bool = False) -> "list[Row]":
    """Every file below a prefix, by its path in bytes, but for bytecode, which Python rewrites as it likes."""
    return sorted(_files(os.fsencode(prefix), None if bytecode else _BYTECODE))


def _files(prefix: bytes, left_out: bytes | None) -> "Iterator[Row]":
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        with os.scandir(prefix + b"/" + folder) as entries:
            for entry in entries:
                path = folder + entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting += [path + b"/"] if entry.name != left_out else []
                elif path not in _UNCOUNTED:
                    found = entry.stat(follow_symlinks=False)
                    yield path, found.st_size, found.st_mtime_ns, found.st_mode
