"""Packages of the project itself, as uv is told of them: files by their hashes, folders as copies or where they lie."""

import hashlib
from pathlib import Path

from envbuild.builders.target import Target, Tools
from envbuild.errors import BuildError, Place
from envbuild.lock import Member, Pins, member_items
from envbuild.manifest import Asked, Item
from envbuild.process import toml
from envbuild.workspace.folders import Folders

_AGAIN = "run 'envbuild apply' again"


def entries(pins: Pins, target: Target, tools: Tools, folder: Path) -> list[str]:
    """As a pylock.toml has them; copies are made below `folder`, and gone with it."""
    return [_entry(member, target, tools, folder / str(number)) for number, member in enumerate(pins.members)]


def _entry(member: Member, target: Target, tools: Tools, copy: Path) -> str:
    name = f"[[packages]]\nname = {toml(member.name)}\n"
    if not Asked(member.path).is_folder:
        hashes = f"{{ sha256 = {toml(target.files[member.path])} }}"
        return f"{name}archive = {{ path = {toml(str(tools.workspace.at(member.path)))}, hashes = {hashes} }}\n"
    item = _item(member, target)
    if item and item.editable:
        return f"{name}directory = {{ path = {toml(str(tools.workspace.at(member.path)))}, editable = true }}\n"
    return f"{name}directory = {{ path = {toml(str(copy_of(member, target, tools, copy)))} }}\n"


def copy_of(member: Member, target: Target, tools: Tools, folder: Path) -> Path:
    """A folder of the project as the plan knew it, below a folder of ours."""
    item, place = _item(member, target), folder / (Path(member.path).name or "project")
    copied = _folders(tools).copy(member.path, place, _where(item, target))
    if copied.digest != target.files[member.path]:
        raise BuildError(f"'{member.path}' was changed since the plan was made", _where(item, target), _AGAIN)
    return place


def file_of(member: Member, target: Target, tools: Tools) -> Path:
    """A wheel or source archive of the project, as the plan knew it."""
    path, item = tools.workspace.at(member.path), _item(member, target)
    try:
        came = file_digest(path)
    except OSError as error:
        raise BuildError(f"'{member.path}' cannot be read: {error.strerror}", _where(item, target), _AGAIN) from None
    if came != target.files[member.path]:
        raise BuildError(f"'{member.path}' was changed since the plan was made", _where(item, target), _AGAIN)
    return path


def refuse_moved(pins: Pins, target: Target, tools: Tools) -> None:
    """What lies in the project while it is built is held against what was to be built, once that is done."""
    for member in pins.members:
        item = _item(member, target)
        if item and item.editable:
            found = _folders(tools).content(member.path, item.where, editable=True)
            if found.digest != target.files[member.path]:
                raise BuildError(f"'{member.path}' was changed while it was built", item.where, _AGAIN)


def built(pins: Pins) -> list[str]:
    """The names of those that are no wheels."""
    return [one.name for one in pins.members if not Asked(one.path).is_wheel]


def copied(pins: Pins, target: Target) -> set[str]:
    """The names of those that are not used where they lie."""
    return {one.name for one in pins.members} - set(editable(target))


def editable(target: Target) -> list[str]:
    found = ((member, _item(member, target)) for member in (target.pins.members if target.pins else ()))
    return sorted(member.name for member, item in found if item and item.editable)


def _item(member: Member, target: Target) -> Item | None:
    return next((item for item in member_items(target.environment) if item.path == member.path), None)


def file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _where(item: Item | None, target: Target) -> Place:
    return item.where if item else Place(target.environment.path)


def _folders(tools: Tools) -> Folders:
    return Folders(tools.workspace, tools.programs, tools.host)
