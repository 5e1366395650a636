"""What already describes environments in a folder: told by content where names say too little."""

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from envbuild.document import Document, Mapping, Scalar, Sequence, parse
from envbuild.errors import EnvbuildError, ManifestError, Place, WorkspaceError
from envbuild.manifest import Keys
from envbuild.workspace import Survey

Kind = Literal["conda", "requirements", "constraints", "pyproject", "dockerfile", "conda-lock", "pixi"]

LIMIT_READ = 5_000  # files whose names say nothing of environments
_NO_FOLDER = {
    "__pycache__", "__pypackages__", "build", "dist", "env", "node_modules", "site-packages", "target", "vendor",
    "venv",
}  # fmt: skip
_OF_A_PROJECT = {"manifests", "templates", "locks"}
_HIDDEN_BUT_READ = {".binder", ".conda", ".devcontainer", ".docker"}
_IGNORED_FOLDER = re.compile(r"/?[\w.@+-]+(?:/[\w.@+-]+)*/")
_BY_NAME: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"(.*/)?pyproject\.toml"), "pyproject"),
    (re.compile(r"(.*/)?pixi\.toml"), "pixi"),
    (re.compile(r"(.*/)?([^/]+\.)?conda-lock\.ya?ml"), "conda-lock"),
    (re.compile(r"(?i)(.*/)?([^/]*[-_.])?constraints?([-_.][^/]*)?\.txt"), "constraints"),
    (
        re.compile(r"(?i)(.*/)?([^/]*[-_.])?requirements([-_.][^/]*)?\.txt"),
        "requirements",
    ),
    (re.compile(r"(?i)(.*/)?requirements/[^/]+\.txt"), "requirements"),
    (re.compile(r"(?i)(.*/)?([^/]+\.)?(docker|container)file([.-](?!dockerignore)[^/]+)?"), "dockerfile"),
)
_NAME_OF_CONDA = re.compile(r"(?i)(.*/)?(conda|environment)([-_.][^/]*)?\.ya?ml")
_NO_LIST = "it has no list 'dependencies', as conda's environment files have"
_HINT_LIST = "name packages there, or leave it as it is if it is something else"
_ABOUT_ENVIRONMENTS = re.compile(r"(?i)(^|[-_./])(conda|envs?|environments?)([-_./]|$)")
_LINES_OF_CONDA = (re.compile(rb"(?m)^dependencies[ ]*:"), re.compile(rb"(?m)^(channels|name)[ ]*:"))
_KEYS = frozenset(Keys.__struct_fields__)
_TELLING = {"name", "channels", "prefix", "extends", "platforms", "variables"}


class Find(msgspec.Struct, frozen=True):
    """One file that says something of environments; `error` where it cannot be read as what it seems to be."""

    path: str
    kind: Kind
    error: EnvbuildError | None = None


class Findings(msgspec.Struct, frozen=True):
    """All of them, nearest first; what could not be looked at is named, and `whole` says whether that is all."""

    files: tuple[Find, ...]
    unlisted: tuple[str, ...]
    whole: bool

    def of(self, kind: Kind) -> tuple[Find, ...]:
        return tuple(one for one in self.files if one.kind == kind)


def closed_folders(ignore: str) -> Callable[[str], bool]:
    """Where nobody keeps what describes an environment: tools' folders, and those that .gitignore names plainly."""
    lines = (line.strip() for line in ignore.splitlines())
    ignored = {line for line in lines if _IGNORED_FOLDER.fullmatch(line)}
    paths = {line.strip("/") for line in ignored if "/" in line[:-1]}
    names = {line[:-1] for line in ignored if "/" not in line[:-1]}

    def is_closed(path: str) -> bool:
        name = path.rpartition("/")[2]
        hidden = name.startswith(".") and name not in _HIDDEN_BUT_READ
        known = name in _NO_FOLDER | names or name.endswith(".egg-info")
        return hidden or known or path in paths | _OF_A_PROJECT

    return is_closed


def find(survey: Survey, read: Callable[[str], bytes]) -> Findings:
    """Each file is read at most once, and no more of them than anybody wrote by hand."""
    found: list[Find] = []
    looked = 0
    for path in survey.files:
        kind = _kind(path)
        if not kind and path.endswith((".yml", ".yaml")) and not path.rpartition("/")[2].startswith("."):
            meant = bool(_ABOUT_ENVIRONMENTS.search(path.rpartition(".")[0]))
            looked += not meant
            one = _conda(path, read, meant=meant) if meant or looked <= LIMIT_READ else None
        else:
            one = Find(path, kind) if kind else None
        found += [_with_a_name(one)] if one else []
    return Findings(tuple(found), survey.unlisted, survey.whole and looked <= LIMIT_READ)


def _kind(path: str) -> Kind | None:
    return next((kind for pattern, kind in _BY_NAME if pattern.fullmatch(path)), None)


def _with_a_name(one: Find) -> Find:
    """No file of ours can name a path that no text holds."""
    if one.path.isprintable():
        return one
    error = WorkspaceError("its name holds characters that no file can name", Place(one.path), "rename it")
    return Find(one.path, one.kind, error)


def _conda(path: str, read: Callable[[str], bytes], *, meant: bool) -> Find | None:
    """A conda environment file, also one that is broken but was clearly meant to be one."""
    try:
        data = read(path)
    except EnvbuildError as error:
        return Find(path, "conda", error) if meant else None
    by_name = bool(_NAME_OF_CONDA.fullmatch(path))
    plain = data.replace(b"\x00", b"").replace(b"\r", b"\n")
    if b"dependencies" not in plain and not by_name:
        return None
    try:
        document = parse(path, data)
    except EnvbuildError as error:
        is_like_one = meant or all(line.search(plain) for line in _LINES_OF_CONDA)
        return Find(path, "conda", error) if is_like_one else None
    if _is_conda(document, meant=meant):
        return Find(path, "conda")
    return Find(path, "conda", ManifestError(_NO_LIST, Place(path, 1), _HINT_LIST)) if by_name else None


def _is_conda(document: Document, *, meant: bool) -> bool:
    """Dependencies as conda lists them, and no key that would make it something else's file."""
    stated = document.root.get("dependencies")
    if not isinstance(stated, Sequence) or not all(map(_is_spec, stated.items)):
        return False
    keys = set(document.root.entries)
    return meant or keys >= {"name", "channels"} or (keys <= _KEYS and bool(keys & _TELLING))


def _is_spec(item: object) -> bool:
    if isinstance(item, Mapping):
        return all(key == "pip" or key.startswith("sel(") for key in item.entries)
    return isinstance(item, Scalar)
