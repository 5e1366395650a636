"""Manifests and settings as they would be written, and a project that has them before anything is written."""

import posixpath
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from envbuild.document import RAW, Entry, Scalar, Value, write
from envbuild.document import Mapping as Node
from envbuild.document import Sequence as Items
from envbuild.errors import EnvbuildError, Place
from envbuild.globs import matcher
from envbuild.names import FILE
from envbuild.workspace import Lent, Workspace

GLOB = "manifests/**/*.{yaml,yml}"
_WIDTH = 98
Said = str | Sequence["Said"] | Mapping[str, "Said"]


class Draft(msgspec.Struct, frozen=True):
    """A manifest that is not written yet."""

    path: str
    comment: str = ""
    extends: tuple[str, ...] = ()
    description: str = ""
    conda: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    ending: str = ""

    @property
    def text(self) -> str:
        stated: dict[str, Said] = {}
        if self.extends:
            stated["extends"] = self.extends[0] if len(self.extends) == 1 else self.extends
        if self.description:
            stated["description"] = self.description
        pip: tuple[Said, ...] = ({"pip": self.pip},) if self.pip else ()
        if self.conda or pip:
            stated["dependencies"] = (*self.conda, *pip)
        return f"{_comment(self.comment)}{write(_mapping(stated)) if stated else ''}{_comment(self.ending)}"


def settings_text(globs: Iterable[str], left_out: Iterable[str]) -> str:
    """The settings of a new project: where its manifests are, and which files were left out of it."""
    head = "Settings of this project. Every key may be left out; 'envbuild schema settings' lists them."
    out = "".join(f"# left out, until it is mended: {_shown(path)}\n" for path in left_out)
    return f"{_comment(head)}{write(_mapping({'manifests': list(globs)}))}{out}"


def relative(path: str, manifest: str) -> str:
    """A file of the project as a manifest writes it, from its own folder."""
    return posixpath.relpath(path, posixpath.dirname(manifest) or ".")


def _comment(text: str) -> str:
    """Lines that YAML does not read, whatever the text holds."""
    return "".join(f"# {line}".rstrip() + "\n" for part in text.splitlines() for line in _wrapped(_shown(part)))


def _wrapped(text: str) -> list[str]:
    if text.startswith(" ") or len(text) <= _WIDTH:
        return [text]
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _shown(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _node(said: Said) -> Value:
    if isinstance(said, str):
        return Scalar("", 0, 0, RAW if "{{" in said else None, said, plain=False)
    if isinstance(said, Mapping):
        return _mapping(said)
    return Items("", 0, 0, None, tuple(_node(one) for one in said))


def _mapping(said: Mapping[str, Said]) -> Node:
    keys = {key: Scalar("", 0, 0, None, key, plain=False) for key in said}
    return Node("", 0, 0, None, {key: Entry(keys[key], _node(value)) for key, value in said.items()})


class Drafted(Workspace):
    """A folder as it will be: what is drafted is read as if it stood there; says also which files were read."""

    def __init__(self, root: Path, texts: Mapping[str, str], lent: Lent | None = None) -> None:
        super().__init__(root, lent=lent)
        self._texts = dict(texts)
        self.opened: set[str] = set()

    def manifests(self, patterns: tuple[str, ...], never: Iterable[str]) -> list[str]:
        drafted = {path for path in self._texts if any(matcher(one).fullmatch(path) for one in patterns)}
        return sorted({*super().manifests(patterns, never), *drafted} - {FILE})

    def exists(self, path: str) -> bool:
        return path in self._texts or super().exists(path)

    def read(self, path: str, where: Place | None = None, limit: int = 1024 * 1024) -> bytes:
        self.opened.add(path)
        if path in self._texts:
            return self._texts[path].encode()
        return super().read(path, where, limit)


def matched(workspace: Workspace, glob: str, never: Iterable[str]) -> list[str]:
    """What a glob finds now; one that meets a folder that cannot be read finds nothing that may be relied on."""
    try:
        found = workspace.manifests((glob,), never)
    except EnvbuildError:
        return []
    return [path for path in found if not path.rpartition("/")[2].startswith(".")]
