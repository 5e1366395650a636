"""What a project offers to complete a word with.

The names of environments are read off paths and settings, which takes milliseconds; only where manifests have cells, or
say something that a glance does not tell, they are resolved, as they are for tags and fields. What is broken is left
out. What a whole project had to be read for is kept in the way of a plan with nothing to do, see `memo`.
"""

import contextlib
import json
import os
import posixpath
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from envbuild import memo
from envbuild.cli.shells import Words
from envbuild.errors import EnvbuildError
from envbuild.names import FILE, MANIFESTS, RESERVED, TEMPLATES, name_all
from envbuild.workspace import PRIVATE, Workspace, find_root

Began = tuple[str, memo.Moment]  # the project's own folder, and its file system's time before anything was read
Rows = Sequence[tuple[str, ...]]
Found = tuple[Rows, memo.Ledger]
_ABSTRACT = re.compile(
    rb"^(?:abstract|\"abstract\"|'abstract')[ \t]*:[ \t]+(?:(true|True|TRUE)|false|False|FALSE)(?:[ \t]+#|[ \t\r]*$)",
    re.MULTILINE,
)
_KEY_ABSTRACT = re.compile(
    rb"""^(?![ \t]*\#)(?:.*[\s{,])?(?:["']?abstract["']?\s*:|\?\s+["']?abstract["']?[ \t\r]*$)""", re.MULTILINE
)
_KEY_ESCAPED = re.compile(rb'"[^"\n\\]*\\[^"\n]*"\s*:')
_DESCRIPTION = re.compile(
    rb"^description:[ \t]+([^\s'\"|>&*!{\[%@`#][^\r\n]*|'[^'\r\n]*'|\"[^\"\\\r\n]*\")", re.MULTILINE
)
_EXTENDS = re.compile(rb"^extends:.*(?:\n[ \t-].*)*", re.MULTILINE)
_PATH = re.compile(rb"\.{1,2}/[^\s'\",\]]+|[^\s'\",\[\]]+\.ya?ml")
_COMMENT = re.compile(rb"[ \t]#.*")
_STATED = re.compile(r"^(manifests|templates):(.*(?:\n(?:[ \t]+|-[ \t]).*)*)", re.MULTILINE)
_ITEM = re.compile(r"""\s*(?:"([^"\\\n]*)"|'([^'\n]*)'|([\w./*-]+))\s*""")


class Seen:
    """A manifest as far as a glance tells: whether it is abstract, what it is for, what it extends by a path."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        stated = _ABSTRACT.search(data) if b"abstract" in data else None
        self.abstract = bool(stated and stated[1])
        self.is_unclear = b"matrix" in data or b"\x00" in data or (not stated and self._may_be_abstract(data))
        self._data = data

    @staticmethod
    def _may_be_abstract(data: bytes) -> bool:
        """In one of the many ways that YAML has to say so."""
        said = b"abstract" in data and _KEY_ABSTRACT.search(data)
        return bool(said or (b"\\" in data and _KEY_ESCAPED.search(data)))

    @property
    def description(self) -> str:
        found = _DESCRIPTION.search(self._data) if b"description" in self._data else None
        text = found[1] if found else b""
        text = text[1:-1] if text[:1] in {b"'", b'"'} else _COMMENT.sub(b"", text)
        return "" if b"{{" in text else text.decode(errors="replace").strip()

    @property
    def parents(self) -> set[str]:
        if b"extends" not in self._data:
            return set()
        stated = _EXTENDS.search(self._data)
        folder = posixpath.dirname(self.path)
        found = _PATH.findall(stated[0] if stated else self._data)
        return {posixpath.normpath(posixpath.join(folder, one.decode(errors="replace"))) for one in found}


def environments(directory: str, began: Began | None = None) -> Words:
    """The names that can be built, each with its description."""
    seen = _seen(directory)
    known = {one.path for one in seen.values()}
    if any(one.is_unclear or one.parents - known for one in seen.values()):
        return _resolved(directory, began, seen)
    return [(name, one.description) for name, one in seen.items() if not one.abstract]


def manifests(directory: str) -> Words:
    """The names that can be extended: also those of parents, and of no cells."""
    return [(name, one.description) for name, one in _seen(directory).items()]


def lent(directory: str, typed: str) -> Words:
    """The names of catalogues, once one of them is begun: nobody who wants to see the project's own wants these."""
    if not typed or not typed[0].isalnum():
        return []
    try:
        root = find_root(Path(directory).expanduser())
        if not RESERVED.startswith(typed[: len(RESERVED)]) and b"catalogues" not in _bytes(Workspace(root), FILE):
            return []
        from envbuild.project.offered import Readable

        project = Readable(root)
        seen = [(name, Seen(path, project.read(path))) for name, path in project.lent(typed)]
    except (EnvbuildError, OSError):
        return []
    return sorted((name, one.description) for name, one in seen)


def patterns(directory: str, began: Began | None = None) -> Words:
    """Names, and a glob for each folder of them."""
    names = environments(directory, began)
    folders = sorted({f"{name.rpartition('/')[0]}/*" for name, _ in names if "/" in name})
    return [*((folder, "") for folder in folders), *names]


def _seen(directory: str) -> dict[str, Seen]:
    try:
        workspace = Workspace(find_root(Path(directory).expanduser()))
        globs, templates = _globs(workspace)
        paths = [path for path in workspace.manifests(globs, templates) if not path.rpartition("/")[2].startswith(".")]
    except (EnvbuildError, OSError):
        return {}
    return {name: Seen(path, _bytes(workspace, path)) for name, path in sorted(name_all(paths, globs).paths.items())}


def _bytes(workspace: Workspace, path: str) -> bytes:
    try:
        return workspace.read(path)
    except EnvbuildError:
        return b""


def _globs(workspace: Workspace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where manifests are, and where none are. Plain lists are read as they stand, anything else as settings are."""
    text = _bytes(workspace, FILE).decode(errors="replace")
    if not any(word in text for word in ("manifests", "templates", "\\", "\x00")):
        return MANIFESTS, TEMPLATES
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stated = {match[1]: _items(match[2]) for match in _STATED.finditer("\n".join(lines))}
    mentioned = {key for key in ("manifests", "templates") if any(key in line.partition(":")[0] for line in lines)}
    if mentioned != set(stated) or not all(stated.values()) or "\\" in text or "\x00" in text:
        return _settled(workspace)
    return stated.get("manifests") or MANIFESTS, stated.get("templates") or TEMPLATES


def _items(text: str) -> tuple[str, ...]:
    """The items of a plain list, in either of YAML's forms; nothing when it is not plain."""
    lines = text.strip().split("\n") if "\n" in text or text.strip().startswith("- ") else []
    if lines:
        parts = [line.strip().removeprefix("- ") for line in lines if line.strip().startswith("- ")]
        parts = parts if len(parts) == len(lines) else [""]
        matches = [_ITEM.fullmatch(part) for part in parts]
        return tuple(next(filter(None, match.groups()), "") for match in matches if match) if all(matches) else ()
    inside = re.fullmatch(rf"\s*\[((?:{_ITEM.pattern},?)+)\]\s*", text)
    return tuple(next(filter(None, one.groups()), "") for one in _ITEM.finditer(inside[1])) if inside else ()


def _settled(workspace: Workspace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    from envbuild.project.reading import read_settings

    try:
        settings = read_settings(workspace)
    except EnvbuildError:
        return MANIFESTS, TEMPLATES
    return settings.manifests, settings.templates


def _resolved(directory: str, began: Began | None, seen: dict[str, Seen]) -> Words:
    """With the cells of each matrix in the place of its manifest; of what cannot be read, the name of its file."""
    try:
        found = _kept(directory, began, "cells", "", _cells)
    except EnvbuildError:  # the settings: what files are there is known all the same
        found = []
    known = {path for path, _, _ in found}
    left = [(name, one.description) for name, one in seen.items() if not one.abstract and one.path not in known]
    return sorted([*((name, about) for _, name, about in found if name), *left])


def _cells(root: Path) -> Found:
    """Each environment with its file; and the files that are none."""
    from envbuild.project.offered import Readable

    project = Readable(root)
    rows = [(one.path, one.name, one.description) for one in project.environments()]
    return [*rows, *((path, "", "") for path in project.abstract())], project.ledger


def tags(directory: str, began: Began | None) -> Words:
    """`key=value`, with how many have it."""
    return [(tag, about) for tag, about in _kept(directory, began, "tags", "", _tags)]


def _tags(root: Path) -> Found:
    from envbuild.project.offered import Readable

    project, count = Readable(root), dict[str, int]()
    for one in project.environments():
        for key, value in one.tags.items():
            count[f"{key}={value}"] = count.get(f"{key}={value}", 0) + 1
    rows = [(tag, f"{number} environment{'' if number == 1 else 's'}") for tag, number in sorted(count.items())]
    return rows, project.ledger


def groups(directory: str, began: Began | None) -> Words:
    """`@group`, with what stands in it."""
    return [(group, about) for group, about in _kept(directory, began, "groups", "", _groups)]


def _groups(root: Path) -> Found:
    from envbuild.project.offered import Readable

    project = Readable(root)
    return [
        (f"@{name}", " ".join(members)) for name, members in sorted(project.settings.groups.items())
    ], project.ledger


def versions(directory: str, began: Began | None, name: str) -> Words:
    """`NAME@2`, newest first, with when it was built, and `NAME@LABEL`."""

    def find(root: Path) -> Found:
        from envbuild.project import Project

        project = Project.load(root)
        history = project.state.history(name)
        latest = [(f"{name}@latest", "the newest of this machine")] if history else []
        labels = [(f"{name}@{label}", f"version {at}") for label, at in project.state.labels.of(name).items()]
        rows = [*latest, *labels, *((f"{name}@{record.version}", record.started[:10]) for record in history)]
        return rows, project.ledger

    return [(version, about) for version, about in _kept(directory, began, "versions", name, find)]


def runs(directory: str) -> Words:
    """The numbers of runs, newest first, with what each was."""
    from envbuild.project import Project
    from envbuild.project.runs.ran import Runs
    from envbuild.report.runs import command_text, state_text

    found, _ = Runs(Project.load(directory)).every()
    return (
        [("latest", ""), *((str(one.id), f"{state_text(one)}: {command_text(one)}") for one in found)] if found else []
    )


def models(directory: str, *, versions: bool) -> Words:
    """The names of models, or each version, with what it is for."""
    from envbuild.project import Project
    from envbuild.project.services.modelled import Models

    found = Models(Project.load(directory)).every()
    if versions:
        return [(one.title, one.description) for one in found]
    return [(name, "") for name in dict.fromkeys(one.name for one in found)]


def labels(directory: str, name: str) -> Words:
    """The labels of an environment, with what they stand for."""
    from envbuild.project import Project

    return [(one, f"version {at}") for one, at in Project.load(directory).state.labels.of(name).items()]


def fields(directory: str, began: Began | None, name: str) -> Words:
    """What `explain` can be asked of an environment: keys, keys within keys, and packages."""

    def find(root: Path) -> Found:
        from envbuild.project.offered import Readable

        project = Readable(root)
        return project.fields(name), project.ledger

    return [(field, about) for field, about in _kept(directory, began, "fields", name, find)]


def _kept(directory: str, began: Began | None, kind: str, name: str, find: Callable[[Path], Found]) -> Rows:
    """What was found before, where nothing moved that it was found from; else what is found now, to be kept.

    One answer of each kind is kept, for whoever types asks of one environment many times.
    """
    root = find_root(Path(directory).expanduser())
    private = f"{root}/{PRIVATE}"
    with contextlib.suppress(Exception):
        kept = memo.recall(private, os.environ, refresh=False, name=kind)
        if kept and kept[0] == repr(name):
            return [tuple(row) for row in json.loads(kept[1])]
    rows, ledger = find(root)
    if began and began[0] == private:
        from envbuild.project.certain import is_certain

        if is_certain(ledger, began[1]):
            memo.write(private, os.environ, ledger, (repr(name), json.dumps(rows)), None, kind)
    return rows
