"""Settings of VS Code: which schema its YAML extension has for which of our files, and which Python is ENV's.

What a person has set stays, with its comments. Only what is missing is added; what says something else is told, and
replaced where that is asked for.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envbuild.errors import Note, Place, UsageError, WorkspaceError
from envbuild.globs import expand_braces
from envbuild.interop import jsonc
from envbuild.interop.exports.used import Used
from envbuild.manifest import manifest_schema
from envbuild.project import Project
from envbuild.project.entering.entered import standing
from envbuild.project.runs.running import Chosen
from envbuild.settings import settings_schema

_FOLDER, _MANIFESTS, _SETTINGS = ".vscode", "envbuild.manifest.schema.json", "envbuild.settings.schema.json"
_PYTHON = "python.defaultInterpreterPath"
_TAGS = [f"!{tag} {kind}" for tag in ("override", "reset", "raw") for kind in ("scalar", "sequence", "mapping")]
_EMPTY = "{\n}\n"


def used(project: Project, asked: str, target: Path | None, options: Mapping[str, Any]) -> Used:
    one = standing(project, asked) if asked else None
    place = target or project.root / _FOLDER / "settings.json"
    text, notes = _before(target), list[Note]()
    for names, value in _wanted(project, place):
        text = jsonc.with_value(text, str(place), names, value)
    text = _with_tags(text, str(place))
    if one:
        text, said = _with_python(text, str(place), project, one, force=options["force"])
        notes += said
    if not target:
        notes.append(Note("vscode", "the schemas are not written", Place(_FOLDER), "say '-o .vscode/settings.json'"))
    schemas = {_MANIFESTS: manifest_schema(), _SETTINGS: settings_schema()}
    files = {name: f"{json.dumps(schema, indent=2, ensure_ascii=False)}\n" for name, schema in schemas.items()}
    name, version = (one.record.environment, one.record.version) if one else ("", None)
    return Used(name=name, version=version, text=text, notes=notes, files=files if target else {}, merges=True)


def _before(target: Path | None) -> str:
    if target is None or not target.exists():
        return _EMPTY
    try:
        text = target.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("it is no text in UTF-8", Place(str(target), 1, 1), "save it as UTF-8") from None
    except OSError as error:
        hint = "name a file in it" if target.is_dir() else "make it readable"
        raise WorkspaceError(f"cannot be read: {error.strerror}", Place(str(target)), hint) from None
    if jsonc.is_empty(text):
        kept, line = text.rstrip(), "\r\n" if "\r\n" in text else "\n"
        return f"{kept}{line}{_EMPTY.replace(chr(10), line)}" if kept else _EMPTY
    if not isinstance(jsonc.read(text, str(target)).value, dict):
        raise UsageError("it holds no settings", Place(str(target), 1, 1), "name another file")
    return text


def _wanted(project: Project, place: Path) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Globs and schemas as they are seen from the folder that is opened, which has `.vscode`."""
    folder, root = place.resolve().parent, project.root.resolve()
    opened = folder.parent if folder.name == _FOLDER else root
    below = os.path.relpath(root, opened)
    before = "" if below == "." else f"{Path(below).as_posix()}/"
    globs = [f"{before}{glob}" for pattern in project.settings.manifests for glob in expand_braces(pattern)]
    for name, of in ((_MANIFESTS, globs), (_SETTINGS, [f"{before}envbuild.yaml"])):
        path = Path(os.path.relpath(folder / name, opened)).as_posix()
        yield ("yaml.schemas", f"./{path}"), of


def _with_tags(text: str, path: str) -> str:
    """Those of ours that are missing, behind those that are there."""
    names = ("yaml.customTags",)
    known = jsonc.read(text, path).value.get(*names)
    if not isinstance(known, list):
        return jsonc.with_value(text, path, names, _TAGS)
    for tag in _TAGS:
        if tag not in known:
            text = jsonc.with_item(text, path, names, tag)
    return text


def _with_python(text: str, path: str, project: Project, one: Chosen, *, force: bool) -> tuple[str, list[Note]]:
    """The prefix of another version of ours is no choice that anybody has made."""
    python = one.prefix / "bin/python"
    if not python.exists():
        what = f"{one.record.title} has no Python, so that {_PYTHON} is not set"
        return text, [Note("vscode", what, Place(one.record.manifest_path), "add 'python' to its dependencies")]
    held = jsonc.read(text, path).entries.get(_PYTHON)
    before = held[1].value if held else None
    if held and before != str(python) and not force and not str(before).startswith(f"{project.store}{os.sep}"):
        line = text.count("\n", 0, held[0]) + 1
        what = f"{_PYTHON} is set to something else, and stays so"
        return text, [Note("vscode", what, Place(path, line, 1), "say '--force' to replace it")]
    return jsonc.with_value(text, path, (_PYTHON,), str(python)), []
