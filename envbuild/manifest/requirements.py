"""Lines of a requirements file as scalars with their place, so that one parser reads both kinds of item."""

import re
from collections.abc import Callable, Iterator

import msgspec

from envbuild.document import Scalar, decode
from envbuild.errors import EnvbuildError, ManifestError, Place
from envbuild.manifest.packages import Item, pip_item, project_path

Open = Callable[[str, Place], bytes]

_INCLUDE = re.compile(r"(?:-(?P<short>[rc])[\s=]*|--(?P<long>requirement|constraint)[\s=]+)(?P<path>\S.*)")
_COMMENT = re.compile(r"(^|\s)#.*")
LIMIT_INCLUDES = 50


class PipItems(msgspec.Struct, frozen=True):
    """What a pip list comes to once its `-r` and `-c` files are read."""

    items: tuple[Item, ...]
    constraints: tuple[Item, ...]


class _Entry(msgspec.Struct, frozen=True):
    node: Scalar
    folder: str
    constraint: bool


def pip_items(nodes: tuple[Scalar, ...], folder: str, open_file: Open, problems: list[EnvbuildError]) -> PipItems:
    """Read a manifest's pip list, following the requirement files it names."""
    items: list[Item] = []
    constraints: list[Item] = []
    for entry in _entries([_Entry(node, folder, constraint=False) for node in nodes], open_file, problems):
        try:
            item = pip_item(entry.node, entry.folder)
            if entry.constraint and item.path:
                raise ManifestError("a file cannot constrain", entry.node.place, "write 'name==version'")
            (constraints if entry.constraint else items).append(item)
        except EnvbuildError as error:
            problems.append(error)
    return PipItems(tuple(items), tuple(constraints))


def _entries(entries: list[_Entry], open_file: Open, problems: list[EnvbuildError]) -> Iterator[_Entry]:
    """Depth first, in the order written; each file is read once for each way it is named."""
    seen: set[tuple[str, bool]] = set()
    waiting = entries[::-1]
    while waiting:
        entry = waiting.pop()
        include = _INCLUDE.fullmatch(entry.node.text.strip())
        if not include:
            yield entry
            continue
        try:
            found = _included(entry, include, open_file, seen)
        except EnvbuildError as error:
            problems.append(error)
        else:
            waiting.extend(reversed(found))


def _included(entry: _Entry, include: re.Match[str], open_file: Open, seen: set[tuple[str, bool]]) -> list[_Entry]:
    where = entry.node.place
    written = re.sub(r"^file:(//)?", "", include["path"].strip())
    if "://" in written:
        raise ManifestError(f"'{written}' is not in the project", where, "commit a copy and name that")
    path = project_path(written, entry.folder, where)
    constraint = entry.constraint or include["short"] == "c" or include["long"] == "constraint"
    if (path, constraint) in seen:
        return []
    if len(seen) == LIMIT_INCLUDES:
        raise ManifestError(f"more than {LIMIT_INCLUDES} requirement files", where, "join some of them")
    text = decode(path, open_file(path, where))
    seen.add((path, constraint))
    folder = path.rpartition("/")[0]
    return [_Entry(line, folder, constraint) for line in lines(path, text)]


def lines(path: str, text: str) -> Iterator[Scalar]:
    """The entries of a requirements file: without comments, continued lines joined."""
    start, column, joined = 0, 1, ""
    for number, raw in enumerate(text.splitlines(), 1):
        if not start:
            start, column = number, len(raw) - len(raw.lstrip()) + 1
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            joined += raw[:-1]
            continue
        entry = _COMMENT.sub("", joined + raw).strip()
        if entry:
            yield Scalar(path, start, column, None, entry, plain=False)
        start, joined = 0, ""
