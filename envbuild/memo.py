"""What an answer was found from, as of the last plan with nothing to do: as long as none of it moved, it stands.

A ledger notes every place before anything is read there. A memo is an answer, the places, and one digest over the
answer and all that was seen at them; whoever looks again makes the digest anew, so that what is damaged, or was made
for another user, machine, Python or envbuild, is simply another digest.

Two changes within one tick of a file system's clock look like one. So only what had rested before the reading began is
noted for good, and when that was is asked of the file system: no clock of ours decides anything.

Loaded before anything else is; so this room needs nothing but Python's own.
"""

import marshal
import os
import sys
from _blake2 import blake2b

from envbuild import census
from envbuild.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Answers = tuple[str, str]

Seen = tuple[int, ...]
Moment = Seen

_FORM = 1
CACHE, PLAN, APPLY, LOCK = "cache", "plan", "apply", "lock"
_LIMIT = 64 * 1024 * 1024
_DIGEST = 32
NOTHING: Seen = (-1,)
_OTHERS_MAY_WRITE = 0o022
_OWN = ("ENVBUILD_", "XDG_")
_HOME = "HOME"
_ELSEWHERE = "ENVBUILD_DIR"  # by now it is known which project is meant


class Ledger:
    """The places that an answer depends on, each as it was before it was read."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.leading: dict[str, str] = {}
        self.prefixes: dict[str, None] = {}
        self.certain = True

    def note(self, path: str) -> None:
        """A file, a folder that is listed, or where neither was found."""
        if path in self.seen:
            return
        try:
            self.seen[path] = look(path)
        except (OSError, ValueError):
            self.certain = False

    def doubt(self) -> None:
        """What others may change unseen was asked for: a registry, an engine."""
        self.certain = False

    def note_absent(self, path: str) -> None:
        """What is in the way of knowing anything, if it is there."""
        self.note(path)
        self.certain = self.certain and self.seen[path] == NOTHING

    def note_way(self, path: str, real: str) -> None:
        """Where a path leads, if that is not there; and its folder's way: one that moves leaves its files alone."""
        folder, _, name = path.rpartition("/")
        if folder not in self.leading:
            self.leading[folder] = os.path.realpath(folder)
        if real != f"{self.leading[folder]}/{name}":
            self.leading[path] = real

    def note_prefix(self, prefix: str) -> None:
        """A prefix that is compared with its census."""
        self.prefixes[prefix] = None
        self.note(f"{prefix}/{census.NAME}")


def look(path: str) -> Seen:
    try:
        found = os.stat(path)  # noqa: PTH116 - thousands of them, and pathlib alone takes longer to load
    except (FileNotFoundError, NotADirectoryError):
        return NOTHING
    return (found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode, found.st_dev)


def moment(private: str) -> "Moment | None":
    """What the file system says of a folder that is changed right now; nothing where nothing may be written."""
    folder = f"{private}/{CACHE}"
    try:
        if not os.path.isdir(folder):  # noqa: PTH112 - as above
            os.mkdir(folder)  # noqa: PTH102 - as above
        if os.path.realpath(folder) != folder:
            return None
        os.utime(folder)
        return look(folder)
    except OSError:
        return None


def rested(places: "Iterable[Seen]", moment: Moment) -> bool:
    """Whether all was as it is before that moment; file systems count in steps that may differ."""
    time, device = moment[0], moment[-1]
    return all(seen[0] < (time if seen[-1] == device else time - 2_000_000_000) for seen in places if seen != NOTHING)


def write(
    private: str,
    variables: "Mapping[str, str]",
    ledger: Ledger,
    answers: "Answers",
    counted: bytes | None,
    name: str = PLAN,
) -> None:
    """Beside, then renamed. `counted` are the digests of all censuses; nothing where nobody looked at prefixes."""
    parts = [
        f"{name} {_FORM}",
        *answers,
        str(len(ledger.seen)),
        *ledger.seen,
        str(len(ledger.leading)),
        *ledger.leading,
    ]
    payload = "\0".join([*parts, *ledger.prefixes]).encode(errors="surrogateescape")
    told = _told(payload, private, variables, list(ledger.seen.values()), list(ledger.leading.values()))
    stands = bytes(_DIGEST) if counted is None else _digest(told, counted)
    target = f"{private}/{CACHE}/{name}"
    beside = f"{target}.{os.getpid()}"
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(handle, "wb") as stream:  # noqa: PTH123 - it is open
                stream.write(told + stands + payload)
            os.replace(beside, target)  # noqa: PTH105 - as above
        except BaseException:
            os.unlink(beside)  # noqa: PTH108 - as above
            raise
    except OSError:
        return  # a full disk or a folder that may not be written: the answer was given, and is found again next time


def recall(private: str, variables: "Mapping[str, str]", *, refresh: bool, name: str = PLAN) -> "Answers | None":
    """The answer for people and the one for programs, if all is as it was; any doubt is an error or nothing.

    Of what Tab is pressed for the question and its answer.
    """
    data = _read(f"{private}/{CACHE}/{name}")
    told, stands, payload = data[:_DIGEST], data[_DIGEST : 2 * _DIGEST], data[2 * _DIGEST :]
    form, text, json, *rest = payload.decode(errors="surrogateescape").split("\0")
    if form != f"{name} {_FORM}" or not f"{text}{json}".replace("\n", "").isprintable():
        return None
    paths, rest = rest[1 : int(rest[0]) + 1], rest[int(rest[0]) + 1 :]
    links, prefixes = rest[1 : int(rest[0]) + 1], rest[int(rest[0]) + 1 :]
    if told != _told(payload, private, variables, list(map(look, paths)), list(map(os.path.realpath, links))):
        return None
    if refresh and stands != _digest(told, b"".join(map(_standing, prefixes))):
        return None
    return text, json


def counted(rows: "list[census.Row]") -> bytes:
    """One digest of the files of a prefix."""
    return _digest(marshal.dumps(rows, 2))


def _standing(prefix: str) -> bytes:
    if not census.runs(prefix):
        return b""
    return counted(census.count(prefix))


def _told(payload: bytes, private: str, variables: "Mapping[str, str]", seen: list[Seen], real: list[str]) -> bytes:
    return _digest(payload, repr((real, _here(private, variables))).encode(), marshal.dumps(seen, 2))


def _here(private: str, variables: "Mapping[str, str]") -> tuple[object, ...]:
    """Who asks, on what machine, with what Python and envbuild: all that a file of the project does not say."""
    stated = [one for one in variables.items() if one[0] == _HOME or one[0].startswith(_OWN)]
    folder, system = os.stat(private), os.uname()  # noqa: PTH116 - as above
    return (
        (private, folder.st_ino, folder.st_dev),
        sorted(one for one in stated if one[0] != _ELSEWHERE),
        (os.geteuid(), os.getegid(), sorted(os.getgroups()), _rights()),
        (system.sysname, system.nodename, system.machine),
        (sys.version, sys.prefix, sys.path[1:], sys.getfilesystemencoding()),
        (__version__, __file__),
    )


def _rights() -> bytes:
    """What this process may do beyond what its user may, where the system tells."""
    try:
        with open("/proc/self/status", "rb") as stream:  # noqa: PTH123 - as above
            return stream.read().partition(b"CapEff:")[2].partition(b"\n")[0].strip()
    except OSError:
        return b""


def code() -> "list[str]":
    """The files of all modules that had a part in the answer, but for Python's own, which its version stands for."""
    own = f"{os.path.dirname(os.__file__)}{os.sep}"  # noqa: PTH120 - as above
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return sorted({one for one in files if one and (not one.startswith(own) or "-packages" in one)})


def _read(path: str) -> bytes:
    """Only what the same user wrote, and nobody else could write."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(handle, "rb") as stream:  # noqa: PTH123 - it is open
        found = os.fstat(handle)
        if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_MAY_WRITE or found.st_size > _LIMIT:
            raise PermissionError
        return stream.read(_LIMIT)


def _digest(*parts: bytes) -> bytes:
    """Each part's own digest first, so that no end of one is taken for the beginning of the next."""
    return blake2b(b"".join(blake2b(part).digest() for part in parts), digest_size=_DIGEST).digest()
