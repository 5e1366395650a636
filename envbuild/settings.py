"""Document -> Settings: what envbuild.yaml says of the whole project. Every key is optional."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from envbuild import __version__
from envbuild.document import Document, Scalar, Sequence, is_null
from envbuild.errors import EnvbuildError, Place, SettingsError, raise_all
from envbuild.globs import expand_braces
from envbuild.manifest import Platform
from envbuild.shape import damaged_number, read

FILE = "envbuild.yaml"
_LATER = "remove it for now"
_STATE = re.compile(r"sqlite:///(?P<path>.+)")


class SettingsKeys(msgspec.Struct, frozen=True):
    """What the file may say."""

    LATER = {
        **dict.fromkeys(
            (
                "params", "secrets", "publish", "registry", "insecure_registries", "insecure_indexes", "pypi_names",
                "channel_priority", "system_requirements", "groups", "catalogues", "micromamba_image", "install",
                "layers", "check",
            ),
            _LATER,
        )
    }  # fmt: skip

    requires_envbuild: Annotated[str, msgspec.Meta(extra={"quoted": True})] = ""
    manifests: tuple[str, ...] = ("manifests/**/*.{yaml,yml}",)
    templates: tuple[str, ...] = ("templates",)
    builder: Literal["local", "docker", "oci"] = "local"
    platforms: tuple[Platform, ...] = ()
    channels: tuple[str, ...] = ("conda-forge",)
    default_environment: str = ""
    state: str = "sqlite:///.envbuild/state.db"
    ca_bundle: str = ""


class Settings(SettingsKeys, frozen=True):
    """What the file says, or its defaults; `places` are the lines of what it says."""

    places: dict[str, Place] = {}

    @property
    def state_path(self) -> str:
        return state_path(self.state)


def state_path(state: str) -> str:
    """The file that a `sqlite:///PATH` names; nothing for any other form."""
    match = _STATE.fullmatch(state)
    return match["path"] if match else ""


def settings(document: Document) -> Settings:
    """Check the whole file; everything wrong with it is raised together."""
    _require(document)
    reading = read(document.root, SettingsKeys, SettingsError)
    raise_all([*reading.problems, *_problems(document)])
    places = {key: entry.value.place for key, entry in document.root.entries.items()}
    return Settings(**msgspec.structs.asdict(reading.value), places=places)


def _problems(document: Document) -> Iterator[EnvbuildError]:
    for key in ("manifests", "templates"):
        stated = document.root.get(key)
        for node in stated.items if isinstance(stated, Sequence) else ():
            if isinstance(node, Scalar):
                yield from _misplaced(node)
    bundle = document.root.get("ca_bundle")
    if isinstance(bundle, Scalar) and not bundle.text.startswith("/") and _leaves(bundle.text):
        yield SettingsError(f"'{bundle.text}' leaves the project", bundle.place, "write it absolute, or inside")
    state = document.root.get("state")
    if not isinstance(state, Scalar) or (is_null(state) and not state.tag):
        return
    if not _STATE.fullmatch(state.text):
        yield SettingsError(
            f"records cannot be kept in '{state.text}'", state.place, "this version has sqlite:///PATH only"
        )
    elif _leaves(state_path(state.text)):
        yield SettingsError(f"'{state.text}' leaves the project", state.place, "write a path inside it")


def _misplaced(node: Scalar) -> Iterator[EnvbuildError]:
    """A glob or folder that leaves the project, or that would name one file in two ways."""
    if any(_leaves(path) for path in expand_braces(node.text)):
        yield SettingsError(f"'{node.text}' leaves the project", node.place, "write a path inside it")
    elif {".", ""} & set(node.text.split("/")):
        yield SettingsError(f"'{node.text}' has an empty part", node.place, "write it without './' and '//'")


def _leaves(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in path.split("/")


def _require(document: Document) -> None:
    """First of all: to a newer file's keys the answer is a newer envbuild."""
    node = document.root.get("requires_envbuild")
    if not isinstance(node, Scalar) or damaged_number(node) or not node.text:
        return
    wanted = node.text
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        met = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        raise SettingsError(f"'{wanted}' is no version range", node.place, "write it as '>=0.1'") from None
    if not met:
        raise SettingsError(
            f"this project wants envbuild {wanted}, this is {__version__}",
            node.place,
            f"pip install 'envbuild{wanted}'",
        )
