"""The formats that an environment leaves in: a module each, found by its name."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from envbuild.interop.exports.subject import Exported, Subject

# What each of them writes, and the options that it takes besides those of all.
FORMATS: dict[str, tuple[str, frozenset[str]]] = {
    "conda": ("environment.yml", frozenset({"requested"})),
    "explicit": ("explicit lock", frozenset({"sha256"})),
    "pip": ("requirements.txt", frozenset({"no_hashes"})),
    "pixi": ("pixi.toml", frozenset({"exact"})),
}


def exporter(name: str) -> "Callable[[Subject], Exported]":
    """The one function of a format's module, which is loaded when it is asked for."""
    export: Callable[[Subject], Exported] = importlib.import_module(f"envbuild.interop.exports.{name}").export
    return export
