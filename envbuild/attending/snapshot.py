"""A folder as it is now, kept by content: files once, links as links, and nothing that is ignored or secret."""

import json
import os
import stat

from envbuild.attending.asking import Git, is_in_repository
from envbuild.attending.ignoring import Ignoring
from envbuild.attending.shelf import Shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Known = dict[str, list[object]]

IGNORE = ".envbuildignore"
RESULTS = ("outputs", "logs")
_NEVER = frozenset({".git", ".hg", ".envbuild", "__pycache__"})
_LISTED = ("ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
_IGNORED = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
_FILE, _PROGRAM, _LINK = "100644", "100755", "120000"
_MIB = 1 << 20
_MANY = 50_000  # files, that take half a second to look at
_COARSE = 2_000_000_000  # of another file system nobody knows in which steps it counts


class SourceError(Exception):
    """What is to be told, and what can be done."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint


class Wanted:
    """Which folder, up to which size in MiB, and which files never: these by where they really are."""

    def __init__(self, folder: str, limit: int, secret: "frozenset[str]") -> None:
        self.folder = folder
        self.limit = limit
        self.secret = secret


def take(wanted: Wanted, shelf: Shelf, index: str, host: "Mapping[str, str]") -> "dict[str, object]":
    """The digest of the tree, and how much it is; what is known by `index` is not read again."""
    found, size = _found(wanted, host)
    known, moment = _read(index), _moment(index)
    entries, seen = [], {}
    for name, status in found:
        entry = _entry(wanted, name, status, (known, shelf))
        if entry is None:
            continue
        entries.append(entry)
        if _rested(status, moment):
            seen[name] = [*_sight(status), entry[2]]
    if seen != known:
        _write(index, seen)
    tree = json.dumps(entries, separators=(",", ":")).encode()
    return {"digest": shelf.put(tree), "files": len(entries), "size": size}


def _found(wanted: Wanted, host: "Mapping[str, str]") -> "tuple[list[tuple[str, os.stat_result]], int]":
    """By their names, and how much they are; of a folder that is too large by far not all is looked at."""
    found: dict[str, os.stat_result] = {}
    size = 0
    for name in _names(wanted, host):
        status = None if name in found else _status(wanted, name)
        if status is None:
            continue
        found[name] = status
        size += status.st_size if stat.S_ISREG(status.st_mode) else 0
        if size > wanted.limit * _MIB and len(found) >= _MANY:
            raise _too_large(wanted, f"over {size // _MIB:,}", found)
    if size > wanted.limit * _MIB:
        raise _too_large(wanted, f"{-(-size // _MIB):,}", found)
    return sorted(found.items()), size


def _names(wanted: Wanted, host: "Mapping[str, str]") -> "Iterator[str]":
    listed = None
    if is_in_repository(wanted.folder):
        listed = Git(wanted.folder, host).ask(*_LISTED).answer()
    if listed is None:
        yield from _walked(wanted.folder, "", Ignoring(wanted.folder, (".gitignore", IGNORE)))
        return
    ignoring = Ignoring(wanted.folder, (IGNORE,))
    for line in {*listed.split(b"\0")} - {b""}:
        sign, name = line[:1], os.fsdecode(line[2:])
        if _NEVER & {*name.rstrip("/").split("/")} or (sign == b"?" and _is_of_results(name)):
            continue
        place = f"{wanted.folder}/{name}"
        if os.path.isdir(place) and not os.path.islink(place):  # noqa: PTH112, PTH114 - no pathlib, as in this room
            below = name.rstrip("/")
            if not ignoring.leaves_out(below, is_folder=True):
                yield from _walked(wanted.folder, f"{below}/", Ignoring(wanted.folder, (".gitignore", IGNORE)))
        elif not ignoring.leaves_out(name):
            yield name
    own = {f"/{os.fsdecode(line[2:])}" for line in listed.split(b"\0") if line.endswith(os.fsencode(IGNORE))}
    folders = {name.rpartition("/")[0][1:] for name in own} | {""}
    if any(map(ignoring.has_exceptions, folders)):
        yield from _brought_back(wanted, host, ignoring)


def _is_of_results(name: str) -> bool:
    """Below one of these at the top; a file of such a name is as any other."""
    first, below, _ = name.partition("/")
    return bool(below) and first in RESULTS


def _brought_back(wanted: Wanted, host: "Mapping[str, str]", ignoring: Ignoring) -> "Iterator[str]":
    """What git ignores and we do not."""
    both = Ignoring(wanted.folder, (".gitignore", IGNORE))
    for line in (Git(wanted.folder, host).ask(*_IGNORED).answer() or b"").split(b"\0"):
        name = os.fsdecode(line)
        below = name.rstrip("/")
        if not name or _NEVER & {*below.split("/")} or _is_of_results(name):
            continue
        if not name.endswith("/"):
            found = [] if both.leaves_out(name) else [name]
        else:
            found = [] if both.leaves_out(below, is_folder=True) else [*_walked(wanted.folder, name, both)]
        yield from filter(ignoring.brings_back, found)


def _walked(root: str, start: str, ignoring: Ignoring) -> "Iterator[str]":
    waiting = [start]
    while waiting:
        here = waiting.pop()
        try:
            entries = list(os.scandir(f"{root}/{here}"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _unreadable(here or ".", error) from None
        for entry in entries:
            name, is_folder = f"{here}{entry.name}", entry.is_dir(follow_symlinks=False)
            if (
                entry.name in _NEVER
                or (is_folder and name in RESULTS)
                or ignoring.leaves_out(name, is_folder=is_folder)
            ):
                continue
            if is_folder:
                waiting.append(f"{name}/")
            else:
                yield name


def _status(wanted: Wanted, name: str) -> os.stat_result | None:
    """Nothing of what is gone, is secret, or is neither a file nor a link."""
    place = f"{wanted.folder}/{name}"
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        raise SourceError(f"the source folder has a file whose name is no text: {name!a}", "rename it")
    try:
        status = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(name, error) from None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        return None
    return None if wanted.secret and os.path.realpath(place) in wanted.secret else status


def _entry(wanted: Wanted, name: str, status: os.stat_result, kept: "tuple[Known, Shelf]") -> "list[object] | None":
    """Nothing of what is gone meanwhile."""
    known, shelf = kept
    place = f"{wanted.folder}/{name}"
    try:
        if stat.S_ISLNK(status.st_mode):
            return [name, _LINK, os.readlink(place), 0]  # noqa: PTH115 - as above
        seen = known.get(name)
        if seen and seen[:-1] == _sight(status) and shelf.has(str(seen[-1])):
            digest = str(seen[-1])
        else:
            digest = shelf.put_file(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(name, error) from None
    return [name, _PROGRAM if status.st_mode & stat.S_IXUSR else _FILE, digest, status.st_size]


def _sight(status: os.stat_result) -> "list[object]":
    return [status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev]


def _rested(status: os.stat_result, moment: "tuple[int, int]") -> bool:
    """Two changes within one tick of the file system's clock look like one: such a file is read again next time."""
    time, device = moment
    return max(status.st_mtime_ns, status.st_ctime_ns) < (time if status.st_dev == device else time - _COARSE)


def _moment(index: str) -> "tuple[int, int]":
    """What the file system says of a file that is written right now."""
    os.makedirs(os.path.dirname(index), exist_ok=True)  # noqa: PTH103, PTH120 - as above
    with open(f"{index}.now", "wb") as stream:  # noqa: PTH123 - as above
        os.utime(stream.fileno())
        found = os.fstat(stream.fileno())
    return found.st_mtime_ns, found.st_dev


def _read(index: str) -> "Known":
    try:
        with open(index, "rb") as stream:  # noqa: PTH123 - as above
            found = json.load(stream)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(index: str, seen: "Known") -> None:
    beside = f"{index}.{os.getpid()}"
    with open(beside, "w", encoding="ascii") as stream:  # noqa: PTH123 - as above
        json.dump(seen, stream, separators=(",", ":"))
    os.replace(beside, index)  # noqa: PTH105 - as above


def _too_large(wanted: Wanted, size: str, found: "Mapping[str, os.stat_result]") -> SourceError:
    largest, status = max(found.items(), key=lambda one: one[1].st_size)
    what = (
        f"the source folder '{wanted.folder}' has {size} MiB, and {wanted.limit:,} are kept at most; "
        f"the largest file is '{largest}' ({-(-status.st_size // _MIB):,} MiB)"
    )
    hint = f"name what is no source in '{IGNORE}', raise 'runs: {{snapshot_mib: …}}', or say '--no-snapshot'"
    return SourceError(what, hint)


def _unreadable(name: str, error: OSError) -> SourceError:
    hint = f"check its permissions, name it in '{IGNORE}', or say '--no-snapshot'"
    return SourceError(f"'{name}' of the source folder cannot be read: {error.strerror}", hint)
