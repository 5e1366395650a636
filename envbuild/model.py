"""A model as it is remembered: named files of one version, by their content, and the run that they came from."""

import hashlib
import json
import re
from collections.abc import Iterable

import msgspec

from envbuild.errors import Place, StateError, UsageError
from envbuild.globs import matcher
from envbuild.names import allowed_name
from envbuild.record import LATEST
from envbuild.shape import nearest
from envbuild.typed import from_json

_NUMBER = re.compile(r"[0-9]+")
_LONGEST = 200  # in bytes: a name is the name of a folder, too


class Content(msgspec.Struct, frozen=True, array_like=True):
    """One file of a model: where it is in its folder, nothing where the model is that file; and what is in it.

    `mtime_ns` is what the kept file had when its digest was known to be right.
    """

    path: str
    sha256: str
    size: int
    mtime_ns: int


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The run that it is an output of, and the exact environment of that; `record` is kept with the model."""

    run: int
    path: str
    environment: str
    version: int
    fingerprint: str
    builder: str
    reference: str
    record: str
    experiment: str = ""
    commit: str = ""
    dirty: bool = False


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model. `basename` is what its file or folder is called wherever it is put."""

    name: str
    version: int
    basename: str
    is_folder: bool = False
    digest: str
    files: tuple[Content, ...]
    folders: tuple[str, ...] = ()
    description: str = ""
    origin: Origin | None = None
    added: str
    tool: str

    @property
    def title(self) -> str:
        return f"{self.name}@{self.version}"

    @property
    def size(self) -> int:
        return sum(one.size for one in self.files)


def digest_of(basename: str, files: Iterable[Content], folders: Iterable[str], *, is_folder: bool) -> str:
    """Names and contents, and nothing else: two that agree in it cannot be told apart by who loads them."""
    listed = [[one.path, one.sha256, one.size] for one in sorted(files, key=lambda one: one.path)]
    stated = ["folder" if is_folder else "file", basename, listed, sorted(folders)]
    return hashlib.sha256(json.dumps(stated, separators=(",", ":")).encode()).hexdigest()


def model_of(data: bytes, where: Place) -> Model:
    try:
        return from_json(data, Model)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "remove that file, or restore it from a backup"
        raise StateError(f"what is kept of this model cannot be read: {error}", where, hint) from None


def checked_name(name: str) -> str:
    """A name as those of environments are, so that it can stand in a path, a URL, and before '@'."""
    parts = name.split("/")
    if not all(part and allowed_name(part) == part for part in parts) or len(name.encode()) > _LONGEST:
        better = "/".join(filter(None, map(allowed_name, parts)))[:_LONGEST].rstrip("/._-")
        hint = f"name it '{better}'" if better else "use small letters, digits, and single '-', '_', '.', '/' between"
        raise UsageError(f"no model can be called '{name}'", hint=hint)
    if any(_NUMBER.fullmatch(part) for part in parts[1:]):
        hint = "write the name alone: the version is counted"
        raise UsageError(f"no model can be called '{name}': a number behind '/' would be a version", hint=hint)
    return name


def meant(text: str, models: Iterable[Model]) -> Model:
    """The one that NAME@VERSION names; NAME alone and NAME@latest are the newest that there is."""
    every = tuple(models)
    name, _, version = text.partition("@")
    own = {one.version: one for one in every if one.name == name}
    if not own:
        names = {one.name for one in every}
        hint = nearest(name, names) if names else "add one: 'envbuild models add NAME PATH'"
        raise UsageError(f"there is no model '{name}'", hint=hint)
    if version in {"", LATEST}:
        return own[max(own)]
    found = own.get(int(version)) if _NUMBER.fullmatch(version) else None
    if found is None:
        hint = f"known are: {', '.join(f'{name}@{one}' for one in sorted(own, reverse=True))}"
        raise UsageError(f"there is no model '{text}'", hint=hint)
    return found


def selected(
    models: Iterable[Model], names: tuple[str, ...], run: int | None, environments: tuple[str, ...]
) -> tuple[Model, ...]:
    """Those with a name that one of the globs matches; of a run; of what ran in one of the environments."""
    return tuple(
        one
        for one in models
        if (not names or any(_is_of(one.name, one.version, text) for text in names))
        and (run is None or (one.origin and one.origin.run == run))
        and (not environments or (one.origin and any(_ran_in(one.origin, text) for text in environments)))
    )


def _ran_in(origin: Origin, text: str) -> bool:
    return _is_of(origin.environment, origin.version, text)


def _is_of(name: str, number: int, text: str) -> bool:
    pattern, _, version = text.partition("@")
    return matcher(pattern).fullmatch(name) is not None and version in {"", str(number)}
