"""A pip list with the requirement files it names, told apart: packages, constraints, and options for the `pip` key."""

import re
import shlex
from collections.abc import Callable, Iterator

import msgspec

from envbuild.document import Entry, Mapping, Scalar, Sequence, Value, decode
from envbuild.errors import EnvbuildError, ManifestError, Note, Place
from envbuild.manifest.items import Item, project_path
from envbuild.manifest.pip import is_editable_url, pip_item

Open = Callable[[str, Place], bytes]

_INCLUDE = re.compile(r"(?:-(?P<short>[rc])[\s=]*|--(?P<long>requirement|constraint)[\s=]+)(?P<path>\S.*)")
_COMMENT = re.compile(r"(^|\s)#.*")
_OPTIONS = {
    "-i": "index_url",
    "--index-url": "index_url",
    "--pypi-url": "index_url",
    "--extra-index-url": "extra_index_urls",
    "-f": "find_links",
    "--find-links": "find_links",
    "--no-binary": "no_binary",
    "--pre": "prerelease",
}
_LISTS = {"extra_index_urls", "find_links", "no_binary"}
LIMIT_INCLUDES = 50


class Option(msgspec.Struct, frozen=True):
    """What an option of pip says, as the key of `pip` that means the same."""

    key: str
    value: Scalar


class PipItems(msgspec.Struct, frozen=True):
    """What a pip list comes to once its `-r` and `-c` files are read."""

    items: tuple[Item, ...]
    constraints: tuple[Item, ...]
    options: tuple[Option, ...]
    notes: tuple[Note, ...]


class _Entry(msgspec.Struct, frozen=True):
    node: Scalar
    folder: str
    constraint: bool


def pip_items(nodes: tuple[Scalar, ...], folder: str, open_file: Open, problems: list[EnvbuildError]) -> PipItems:
    """Read a manifest's pip list, following the requirement files it names."""
    items: list[Item] = []
    constraints: list[Item] = []
    options: list[Option] = []
    notes: list[Note] = []
    written = [_Entry(line, folder, constraint=False) for node in nodes for line in _of_a_list(node)]
    for entry in _entries(written, open_file, problems):
        if is_editable_url(entry.node.text):
            message = "'-e' before a URL is dropped: a repository is installed as it is at its commit"
            notes.append(Note("editable-url", message, entry.node.place, "remove '-e'"))
        try:
            if _is_option(entry.node.text.strip()):
                options += _options(entry.node)
                continue
            item = pip_item(entry.node, entry.folder)
            if entry.constraint and item.path:
                raise ManifestError("a file cannot constrain", entry.node.place, "write 'name==version'")
            (constraints if entry.constraint else items).append(item)
        except EnvbuildError as error:
            problems.append(error)
    return PipItems(tuple(items), tuple(constraints), tuple(options), tuple(notes))


def _of_a_list(node: Scalar) -> Iterator[Scalar]:
    """A block of text is as many lines of a requirements file; any line may end in a comment."""
    lines = node.text.split("\n") if node.block else [node.text]
    found = [
        Scalar(node.path, node.line + number + node.block, node.column, None, text, plain=False)
        for number, line in enumerate(lines)
        if (text := _COMMENT.sub("", line).strip())
    ]
    yield from found or [node]


def _is_option(text: str) -> bool:
    return text.startswith(tuple(_OPTIONS)) and not text.startswith("--prefer")


def _options(node: Scalar) -> Iterator[Option]:
    """Every option of a line, its value after a blank or `=`."""
    words = _words(node)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name not in _OPTIONS and name[:2] in {"-i", "-f"} and not name.startswith("--"):
            name, equals, value = word[:2], "=", word[2:]
        if name not in _OPTIONS:
            raise ManifestError(f"'{name}' does not go with options", node.place, "give it an item of its own")
        key = _OPTIONS[name]
        if key == "prerelease":
            yield Option(key, _scalar("true", node, plain=True))
            continue
        value = value if equals else words.pop(0) if words else ""
        if not value:
            raise ManifestError(f"the option '{name}' has no value", node.place, f"write '{name} VALUE'")
        parts = value.split(",") if key == "no_binary" else [value]
        yield from (Option(key, _scalar(part, node, plain=False)) for part in parts if part)


def _words(node: Scalar) -> list[str]:
    try:
        return shlex.split(node.text)
    except ValueError:
        raise ManifestError("a quote is not closed", node.place, "close it") from None


def _scalar(text: str, like: Scalar, *, plain: bool) -> Scalar:
    return Scalar(like.path, like.line, like.column, None, text, plain)


def with_options(body: Mapping, options: tuple[Option, ...], problems: list[EnvbuildError]) -> Mapping:
    """The manifest as if it had said under `pip` what its pip list says by options."""
    stated = body.get("pip")
    if not options or (stated is not None and not isinstance(stated, Mapping)):
        return body
    entries = dict(stated.entries) if stated else {}
    for option in options:
        before = entries.get(option.key)
        value = _joined(before.value if before else None, option)
        if before and option.key not in _LISTS and _text(before.value).lower() != option.value.text:
            what = "index" if option.key == "index_url" else f"'{option.key}'"
            message = f"another {what} is stated at line {before.value.line}"
            problems.append(ManifestError(message, option.value.place, "keep one of the two"))
        entries[option.key] = Entry(_scalar(option.key, option.value, plain=True), value)
    first = options[0].value
    line, column, tag = (stated.line, stated.column, stated.tag) if stated else (first.line, first.column, None)
    pip = Mapping(body.path, line, column, tag, entries)
    key = body.entries["pip"].key if stated else _scalar("pip", first, plain=True)
    return Mapping(body.path, body.line, body.column, body.tag, {**body.entries, "pip": Entry(key, pip)})


def _joined(before: Value | None, option: Option) -> Value:
    if option.key not in _LISTS:
        return option.value
    items = before.items if isinstance(before, Sequence) else ()
    node = before or option.value
    return Sequence(node.path, node.line, node.column, node.tag, (*items, option.value))


def _text(node: Value) -> str:
    return node.text if isinstance(node, Scalar) else ""


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
