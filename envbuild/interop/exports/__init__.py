"""The formats that an environment leaves in: a module each, found by its name."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from envbuild.interop.exports.subject import Exported, Subject

# What each of them writes, and the options that it takes besides those of all.
FORMATS: dict[str, tuple[str, frozenset[str]]] = {
    "azureml": ("Azure ML definition", frozenset({"exact", "force"})),
    "azureml-v1": ("Azure ML definition", frozenset({"exact", "force"})),
    "conda": ("environment.yml", frozenset({"requested"})),
    "explicit": ("explicit lock", frozenset({"sha256"})),
    "pip": ("requirements.txt", frozenset({"no_hashes"})),
    "pixi": ("pixi.toml", frozenset({"exact"})),
}
# What deploys a service: no environment's own format, but one for its image, which has to be there.
SERVICES: dict[str, tuple[str, frozenset[str]]] = {
    "compose": ("Compose file", frozenset()),
    "kubernetes": ("manifests for Kubernetes", frozenset({"replicas", "pull_secret"})),
}
PROJECT = "manifest"  # no text in another tool's format, but a folder with all that a version is built from

# For those who use an environment rather than make it: what it is, and the options that it takes.
USES: dict[str, tuple[str, frozenset[str]]] = {
    "devcontainer": ("Dev container", frozenset({"force"})),
    "script": ("Activation script", frozenset({"shell", "force"})),
    "vscode": ("Settings", frozenset({"force"})),
}

# Those that may be several files, in a folder: the main one, and those that would be read with it. They say what a
# manifest says, and need no lock for it.
FILES: dict[str, tuple[str, ...]] = {
    "azureml": ("environment.yml", "context/Dockerfile"),
    "azureml-v1": ("azureml_environment.json", "conda_dependencies.yml", "BaseDockerfile"),
}


def exporter(name: str) -> "Callable[[Subject], Exported]":
    """The one function of a format's module, which is loaded when it is asked for."""
    export: Callable[[Subject], Exported] = importlib.import_module(
        f"envbuild.interop.exports.{name.replace('-', '_')}"
    ).export
    return export
