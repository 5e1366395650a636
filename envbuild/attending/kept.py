"""What is kept of runs: for each a folder with its number, held while it runs, with one file that says all of it."""

import contextlib
import fcntl
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RUNS, MODELS, OBJECTS, RECORD, LOG, HELD = "runs", "models", "objects", "run.json", "log", "held"
_LAST, _GUARD = "last", "guard"


def runs_folder(root: str) -> str:
    return f"{root}/.envbuild/{RUNS}"


class Keeping:
    """A run that is being recorded. Its folder is held until this process ends, however it ends."""

    def __init__(self, root: str) -> None:
        folder = runs_folder(root)
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - no pathlib, as in this room
        self.number = _taken(folder)
        self.folder = f"{folder}/{self.number}"
        self._held = os.open(f"{self.folder}/{HELD}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(self._held, fcntl.LOCK_EX)

    def write(self, facts: "Mapping[str, object]", *, lasting: bool = False) -> None:
        """Beside, then renamed: whoever reads sees what was before, or what is now."""
        beside = f"{self.folder}/.{RECORD}"
        with open(beside, "w", encoding="utf-8") as stream:  # noqa: PTH123 - as above
            json.dump({"id": self.number, **facts}, stream, indent=1)
            if lasting:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(beside, f"{self.folder}/{RECORD}")  # noqa: PTH105 - as above

    def began(self, pid: int) -> None:
        """Its command, by which the run is running whatever becomes of us; a number alone is another's some day."""
        with contextlib.suppress(OSError):
            os.pwrite(self._held, b"%d %d\n" % (pid, _birth(pid)), 0)

    def let_go(self) -> None:
        os.close(self._held)


class Guard:
    """While contents are put there, or are being named: nobody sweeps then; or, alone, while somebody sweeps.

    Each of the two that have contents has its own.
    """

    def __init__(self, root: str, *, alone: bool = False, of: str = RUNS) -> None:
        folder = f"{root}/.envbuild/{of}"
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as above
        self._handle = os.open(f"{folder}/{_GUARD}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with contextlib.suppress(OSError):
            fcntl.flock(self._handle, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


def _taken(folder: str) -> int:
    """The next number, which no run ever had; also where what says the last one was lost."""
    handle = os.open(f"{folder}/{_LAST}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        told = os.read(handle, 32).strip()
        number = int(told) if told.isdigit() else _highest(folder)
        while True:
            number += 1
            try:
                os.mkdir(f"{folder}/{number}")  # noqa: PTH102 - as above
            except FileExistsError:
                continue
            break
        os.pwrite(handle, b"%d\n" % number, 0)
    finally:
        os.close(handle)
    return number


def _highest(folder: str) -> int:
    return max((int(name) for name in os.listdir(folder) if name.isdecimal()), default=0)  # noqa: PTH208 - as above


def is_at_work(folder: str) -> bool:
    """Whether anybody is at a run: the process that records it, or its command."""
    return is_held(folder) or command_of(folder) is not None


def command_of(folder: str) -> int | None:
    """The process of a run's command, as long as that is at work here."""
    try:
        with open(f"{folder}/{HELD}", "rb") as stream:  # noqa: PTH123 - as above
            pid, birth = map(int, stream.read(64).split())
    except (OSError, ValueError):
        return None
    if not birth:  # of a system that does not tell: who attends it has not let go of its number
        return pid if is_held(folder) else None
    return pid if _birth(pid) == birth else None


def _birth(pid: int) -> int:
    """When a process began, as the system counts; 0 where that is not told, and of one that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # noqa: PTH123 - as above
            state, *words = stream.read().rpartition(b")")[2].split()
    except OSError:
        return 0
    return 0 if state in b"ZX" else int(words[18])


def is_held(folder: str) -> bool:
    """Whether the process that records a run is alive."""
    try:
        handle = os.open(f"{folder}/{HELD}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def is_attending(pid: int, folder: str) -> bool:
    """Whether it is this process that records a run; where the system does not tell, it is believed."""
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - as above
        return True
    place, held = f"/proc/{pid}/fd", f"{folder}/{HELD}"
    try:
        return any(_is_same(f"{place}/{name}", held) for name in os.listdir(place))  # noqa: PTH208 - as above
    except OSError:
        return False


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - as above
    except OSError:
        return False
