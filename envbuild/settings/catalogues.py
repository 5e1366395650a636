"""Catalogues: folders of manifests beside the project's own, or in git at one commit, each under a name."""

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec

from envbuild.document import Mapping, Scalar, Value, is_null
from envbuild.errors import EnvbuildError, SettingsError
from envbuild.manifest import Word, about, is_loopback
from envbuild.names import RESERVED, allowed_name
from envbuild.urls import parts_of

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[A-Za-z0-9][\w.-]*):(?!/{2})[^\s-][^\s]*")
_FORMS = "write https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH"


class Catalogue(msgspec.Struct, frozen=True):
    """A repository at one commit, of which a folder may be all that is meant."""

    SHAPES: ClassVar = (("git", "commit", "path?"),)

    git: Annotated[Word | None, about("Where git has the repository from.")] = None
    commit: Annotated[Word | None, about("The whole commit: 40 digits.")] = None
    path: Annotated[Word | None, about("The folder of the repository that is the catalogue.")] = None


def catalogue_problems(stated: Value | None) -> Iterator[EnvbuildError]:
    for entry in stated.entries.values() if isinstance(stated, Mapping) else ():
        name = entry.key.text
        if f"{name}/" == RESERVED:
            what = f"the name '{name}' is that of envbuild's own catalogue"
            yield SettingsError(what, entry.key.place, "choose another")
        elif "/" in name or not name or allowed_name(name) != name:
            what = f"'{name}' cannot name a catalogue"
            yield SettingsError(what, entry.key.place, "use small letters and digits, with '-', '_' and '.' between")
        if isinstance(entry.value, Scalar) and not is_null(entry.value):
            yield from _folder(entry.value)
        elif isinstance(entry.value, Mapping):
            yield from _repository(entry.value)


def _folder(node: Scalar) -> Iterator[EnvbuildError]:
    """The one path of a project that may lead out of it, and that is the same on each machine all the same."""
    if "://" in node.text:
        yield SettingsError(f"'{node.text}' is a URL", node.place, "write {git: URL, commit: …}")
    elif node.text.startswith(("/", "~")) or "\\" in node.text or re.match(r"[A-Za-z]:", node.text):
        yield SettingsError(f"the path '{node.text}' is absolute", node.place, "write it relative to this file")


def _repository(stated: Mapping) -> Iterator[EnvbuildError]:
    url, commit, path = (stated.get(key) for key in ("git", "commit", "path"))
    if isinstance(url, Scalar) and not is_null(url):
        yield from _url(url)
    if isinstance(commit, Scalar) and not _COMMIT.fullmatch(commit.text):
        what = f"'{commit.text}' is no commit: branches, tags and short forms may move"
        yield SettingsError(what, commit.place, "write all 40 digits, as 'git rev-parse' prints them")
    if isinstance(path, Scalar) and {"..", ".", ""} & set(path.text.removesuffix("/").split("/")):
        yield SettingsError(f"'{path.text}' is no folder of a repository", path.place, "write it as 'folder/below'")


def _url(node: Scalar) -> Iterator[EnvbuildError]:
    """What git would take for an option, for a program, or for a place of this machine, it is not given."""
    text = node.text
    scheme, colons, _ = text.partition("://")
    parts = parts_of(text) if colons else None
    if text.startswith("-"):
        yield SettingsError(f"'{text}' is an option, and no URL", node.place, _FORMS)
    elif colons and scheme.lower() == "file":
        what = f"'{text}' is a place of one machine"
        yield SettingsError(
            what, node.place, "name the folder itself, relative to this file, or a URL that others have"
        )
    elif not colons and not _SCP.fullmatch(text):
        yield SettingsError(f"'{text}' is no URL that git can have a repository from", node.place, _FORMS)
    elif colons and scheme.lower() not in {"https", "http", "ssh"}:
        yield SettingsError(f"git is not asked by '{scheme}:'", node.place, _FORMS)
    elif colons and (not parts or any((one or "").startswith("-") for one in (parts.hostname, parts.username))):
        yield SettingsError(f"'{text}' has no valid host", node.place, "mend the URL")
    elif "?" in text or "#" in text:
        what = "a repository has no '?' and no '#' behind its path"
        yield SettingsError(what, node.place, "leave it out: who may read it is git's business")
    elif scheme.lower() == "http" and not is_loopback(text):
        yield SettingsError(f"'{text}' is not https", node.place, "use https: plain http is for loopback only")
