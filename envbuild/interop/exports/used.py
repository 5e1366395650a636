"""What leaves for those who use an environment: a script for a shell, a dev container, settings of an editor."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from envbuild.errors import Note
from envbuild.project import Project


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """The text of one file, and of those that stand beside it; `merges`: what was in it before is in it now, too.

    A file in which `mark` stands is one of ours, and of nobody's hand.
    """

    name: str
    version: int | None
    text: str
    platforms: tuple[str, ...] = ()
    notes: Sequence[Note] = ()
    files: Mapping[str, str] = {}
    merges: bool = False
    mark: str = ""


def used(project: Project, use: str, asked: str, target: Path | None, options: Mapping[str, Any]) -> Used:
    make: Callable[..., Used] = importlib.import_module(f"envbuild.interop.exports.{use}").used
    return make(project, asked, target, options)
