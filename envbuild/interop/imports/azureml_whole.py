"""What both kinds of Azure ML definitions come to: one manifest of their own keys and their conda file's."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from envbuild.document import Scalar
from envbuild.errors import EnvbuildError, Note, Place
from envbuild.interop.azureml_terms import NAME, VERSION
from envbuild.interop.azureml_writing import Line, Said, lines_of, plain, said, tree
from envbuild.interop.imports.azureml_conda import Specification, carried
from envbuild.interop.imports.azureml_fields import Fields
from envbuild.interop.imports.composing import remark
from envbuild.manifest import is_dockerfile
from envbuild.names import allowed_name
from envbuild.project.starting import Carried

_BEFORE = ("description", "tags", "builder", "platforms", "python")
_LINUX = "linux-64"


class Habits(msgspec.Struct, frozen=True):
    """What the project does where a manifest says nothing."""

    platforms: tuple[str, ...]
    builds_images: bool


class Whole(msgspec.Struct, frozen=True):
    """The keys of the manifest, and what conda is to install."""

    called: str
    keys: Mapping[str, Said]
    conda: Specification | None
    hidden: tuple[EnvbuildError, ...]


def azure_name(stated: Scalar | None) -> str:
    """Their names fold as ours do; a slash is no folder there."""
    return allowed_name(stated.text) if stated else ""


def identity(fields: Fields, own: str) -> dict[str, Said]:
    """The name where ours is another one, and the version that it was."""
    found: dict[str, Said] = {}
    name, version = fields.text("name"), fields.text("version")
    if name and name.text != own:
        found[NAME] = said(name.text, name.place)
        message = f"'{name.text}' is '{own}' here"
        fields.notes.append(Note("name", message, name.place, f"keep the tag '{NAME}': an export has that name again"))
    if version:
        found[VERSION] = said(version.text, version.place)
    return found


def surroundings(habits: Habits, platform: str, where: Place, *, has_image: bool) -> dict[str, Said]:
    """Azure's environments are images, for Linux on Intel where nothing else is said."""
    found: dict[str, Said] = {}
    if has_image and not habits.builds_images:
        found["builder"] = plain("docker", where)
    if habits.platforms != (platform or _LINUX,):
        found["platforms"] = [plain(platform or _LINUX, where)]
    return found


def assembled(whole: Whole, fields: Fields, path: str) -> Carried:
    """The head, what is short, the conda file, and what is about the image and its use."""
    stated = {key: value for key, value in whole.keys.items() if value}
    conda = carried(whole.conda, path, stated.keys()) if whole.conda else Carried("", ())
    return joined(whole.called, stated, conda, (*whole.hidden, *fields.left), tuple(fields.notes))


def joined(
    called: str,
    stated: Mapping[str, Said],
    packages: Carried,
    left: tuple[EnvbuildError, ...],
    notes: tuple[Note, ...] = (),
) -> Carried:
    """`called` is nothing where the packages say themselves what they are from."""
    before = {key: stated[key] for key in _BEFORE if key in stated}
    behind = {key: value for key, value in stated.items() if key not in before}
    lines: list[Line] = [(f"# Imported from {remark(called)}.", None)] if called else []
    lines += [*_left(left), *lines_of(tree(before))]
    lines += _without_end(zip(packages.text.split("\n"), packages.origins, strict=False))
    lines += lines_of(tree(behind))
    text = "".join(f"{line}\n" for line, _ in lines)
    return Carried(text, tuple(where for _, where in lines), (*left, *packages.left), (*notes, *packages.notes))


def as_dockerfile(text: str) -> str:
    """A Dockerfile of one line is taken for a text, and not for a path."""
    return text if is_dockerfile(text) else f"{text}\n"


def _without_end(lines: Iterable[Line]) -> list[Line]:
    """Without the blank lines that end a file."""
    found = list(lines)
    while found and not found[-1][0].strip():
        found.pop()
    return found


def _left(left: tuple[EnvbuildError, ...]) -> Iterator[Line]:
    for one in left:
        where = one.where or Place("")
        yield f"# left out: {remark(one.message)} ({remark(posixpath.basename(where.line_only))})", where
