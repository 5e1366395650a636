"""Document -> Settings: what envbuild.yaml says of the whole project. Every key is optional."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from envbuild import __version__
from envbuild.document import Document, Scalar, Sequence
from envbuild.errors import EnvbuildError, Place, SettingsError, raise_all
from envbuild.manifest import Platform
from envbuild.shape import read

FILE = "envbuild.yaml"
_LATER = "remove it for now"
_STATE = re.compile(r"sqlite:///(?P<path>.+)")


class Settings(msgspec.Struct, frozen=True):
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

    @property
    def state_path(self) -> str:
        return state_path(self.state)


def state_path(state: str) -> str:
    """The file that a `sqlite:///PATH` names; nothing for any other form."""
    match = _STATE.fullmatch(state)
    return match["path"] if match else ""


def settings(document: Document) -> Settings:
    """Check the whole file; everything wrong with it is raised together."""
    reading = read(document.root, Settings, SettingsError)
    raise_all([*reading.problems, *_problems(document)])
    found: Settings = reading.value
    _require(found.requires_envbuild, document)
    return found


def _problems(document: Document) -> Iterator[EnvbuildError]:
    for key in ("manifests", "templates"):
        stated = document.root.get(key)
        for node in stated.items if isinstance(stated, Sequence) else ():
            if isinstance(node, Scalar) and _leaves(node.text):
                yield SettingsError(f"'{node.text}' leaves the project", node.place, "write a path inside it")
    state = document.root.get("state")
    if isinstance(state, Scalar) and not _STATE.fullmatch(state.text):
        yield SettingsError(
            f"records cannot be kept in '{state.text}'", state.place, "this version has sqlite:///PATH only"
        )
    elif isinstance(state, Scalar) and _leaves(state_path(state.text)):
        yield SettingsError(f"'{state.text}' leaves the project", state.place, "write a path inside it")


def _leaves(path: str) -> bool:
    return path.startswith(("/", "~")) or ".." in path.split("/")


def _require(wanted: str, document: Document) -> None:
    if not wanted:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    node = document.root.get("requires_envbuild")
    where = node.place if node else Place(document.path)
    try:
        met = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        raise SettingsError(f"'{wanted}' is no version range", where, "write it as '>=0.1'") from None
    if not met:
        raise SettingsError(
            f"this project wants envbuild {wanted}, this is {__version__}", where, f"pip install 'envbuild{wanted}'"
        )
