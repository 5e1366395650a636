"""Jupyter's kernels as text and JSON."""

from collections.abc import Sequence
from typing import Protocol

from envbuild.report.columns import Cell, Column, columns
from envbuild.report.plans import document
from envbuild.report.terminal import Look, one_line

_COLUMNS = (
    Column("kernel", 3, 12),
    Column("environment", 2, 10),
    Column("language", 4),
    Column("starts"),
    Column("project", 1, 12, "quiet", stays=True),
)


class Shown(Protocol):
    """What is told of a kernel."""

    @property
    def name(self) -> str: ...
    @property
    def display(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def root(self) -> str: ...
    @property
    def folder(self) -> str: ...


def installed_text(kernel: Shown, state: str) -> str:
    return one_line(
        f"Kernel '{kernel.display}' starts {kernel.environment}, now {state}; Jupyter calls it {kernel.name}"
    )


def removed_text(found: Sequence[Shown]) -> str:
    return "\n".join(one_line(f"Kernel {one.name} of {one.environment} removed") for one in found)


def kernels_text(found: Sequence[tuple[Shown, str]], look: Look) -> str:
    if not found:
        return "No kernels."
    rows = [
        (one.name, one.environment, one.language, Cell(state, None if state.startswith("version") else "bad"), one.root)
        for one, state in found
    ]
    return "\n".join(columns(_COLUMNS, rows, look))


def kernels_json(found: Sequence[tuple[Shown, str]]) -> str:
    return document(
        kernels=[
            {
                "name": one.name,
                "display_name": one.display,
                "language": one.language,
                "environment": one.environment,
                "project": one.root,
                "folder": one.folder,
                "state": state,
            }
            for one, state in found
        ]
    )
