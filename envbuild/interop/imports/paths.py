"""Paths of a source as a manifest writes them: from its own folder, and never out of the project."""

import os
import re
from pathlib import Path
from urllib.parse import unquote

import msgspec

from envbuild.interop.imports.source import Source
from envbuild.manifest.pip import editable_of, named_path
from envbuild.project.starting.drafting import relative

_EXTRAS = re.compile(r"(?P<path>[^\[\]]+)(?P<extras>\[[^\]]*\])?")
_BUILT = ("pyproject.toml", "setup.py", "setup.cfg")
_INCLUDE = re.compile(r"(?:-[rc][\s=]*|--(?:requirement|constraint)[\s=]+)(?P<path>\S.*)")
_LINKS = re.compile(r"(?:-f[\s=]*|--find-links[\s=]+)(?P<path>\S.*)")
_FILE_URL = re.compile(r"file:(?://(?:localhost)?(?=/))?")


class Moved(msgspec.Struct, frozen=True):
    """The path as the manifest has it, or why it cannot be there."""

    text: str = ""
    why: str = ""
    hint: str = ""
    is_there: bool = True


def moved(written: str, folders: tuple[str, ...], source: Source, manifest: str) -> Moved:
    """A path that a source writes, taken from the first of the folders in which it is there."""
    match = _EXTRAS.fullmatch(written.strip())
    path, extras = (match["path"].strip(), match["extras"] or "") if match else (written, "")
    if is_url := path.startswith("file:"):
        path = unquote(_FILE_URL.sub("", path, count=1))
    if "\x00" in path:
        return Moved(why="no file can be named so", hint="mend the path")
    if path.startswith("~") or "\\" in path or re.match(r"[A-Za-z]:", path):
        return Moved(why=f"the path '{path}' is another machine's", hint="name it relative to the file")
    found = [os.path.realpath(Path(folder) / path) for folder in folders]
    there = next(filter(_is_package, found), "") or next(filter(os.path.exists, found), "")
    if not there:
        what = "an archive or folder of the machine where it was written" if is_url else "not there"
        hint = "name the package and its version, or keep a copy here"
        return Moved(why=f"the path '{path}' is {what}", hint=hint, is_there=False)
    inside = os.path.relpath(there, source.root).replace(os.sep, "/")
    if inside == ".." or inside.startswith("../"):
        return Moved(why=f"the path '{path}' leaves the project", hint="keep a copy inside it, and name that")
    return Moved(f"{from_manifest(inside, manifest)}{extras}")


def from_manifest(inside: str, manifest: str) -> str:
    """A path of the project, so that it is taken for one."""
    path = relative(inside, manifest)
    return path if path.startswith("..") or path == "." else f"./{path}"


def _is_package(path: str) -> bool:
    return Path(path).is_file() or any((Path(path) / name).is_file() for name in _BUILT)


def moved_item(text: str, folders: tuple[str, ...], source: Source, manifest: str) -> Moved | None:
    """An item of a pip list with its path, if it names one; a marker behind a path is for our own reading to refuse."""
    path = _path_in(text)
    if not path or ";" in path or "${" in path:
        return None
    before = text[: text.rindex(path)]
    bare = re.sub(r"file:(//)?$", "", before)
    found = moved(f"{before[len(bare) :]}{path}", folders, source, manifest)
    return found if found.why else Moved(f"{bare}{found.text}")


def _path_in(text: str) -> str:
    for pattern in (_INCLUDE, _LINKS):
        if match := pattern.fullmatch(text):
            bare = re.sub(r"^file:(//)?", "", match["path"].strip())
            return "" if "://" in bare else bare
    editable = editable_of(text)
    path = named_path(editable or text)
    if not path and editable and "://" not in editable and "+" not in editable.partition(":")[0]:
        path = editable
    return "" if "://" in path or "@" in path.partition("/")[0] else path
