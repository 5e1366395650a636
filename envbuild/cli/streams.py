"""The three streams that we were started with: any of them may be closed, or read by nobody.

Loaded before anything else is; so this module needs nothing but Python's own.
"""

import contextlib
import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, TextIO

_INPUT, _OUTPUT, _ERRORS = range(3)


def open_closed() -> None:
    """Each closed stream leads nowhere instead, before a file of ours could take its place.

    A service that closes them wants its work done all the same; so what is written there is lost, and nothing else.
    """
    closed = [at for at, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)) if stream is None]
    if not closed:
        return
    while (spare := os.open(os.devnull, os.O_RDWR)) <= _ERRORS:
        os.set_inheritable(spare, True)  # noqa: FBT003 - what is started from here gets it
    os.close(spare)
    if _INPUT in closed:
        sys.stdin = open(_INPUT, encoding="utf-8", closefd=False)  # noqa: SIM115 - it is open, and stays so
    if _OUTPUT in closed:
        sys.stdout = _lost(_OUTPUT)
    if _ERRORS in closed:
        sys.stderr = _lost(_ERRORS)


def _lost(at: int) -> "TextIO":
    return open(at, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


def told(text: str) -> int:
    """The whole answer, and the exit code."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return left()
    except OSError as error:
        return unwritten(error)
    return 0


def unwritten(error: OSError) -> int:
    """The answer does not get to where it is to go: a full disk, mostly."""
    left()
    with contextlib.suppress(OSError):
        os.write(_ERRORS, f"error: the answer cannot be written: {error.strerror}\n".encode())
    return 1


def left() -> int:
    """Nobody reads any more: what is still to be written when we end goes nowhere, and nothing is said of it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    return 1


def end(code: int) -> "NoReturn":
    """Without looking for cycles in what is about to go, which takes a tenth of a second.

    Where rattler was loaded nothing is taken apart at all: a thread of it that still lets go of what is Python's breaks
    when there is no Python any more, and the exit code is another.
    """
    gc.freeze()
    if "rattler" in sys.modules:
        left()
        os._exit(code)
    sys.exit(code)
