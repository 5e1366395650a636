"""From a plan to versions on record, with the number that was insisted on, if one was."""

from collections.abc import Iterable

import msgspec

from envbuild.difference import ConflictError
from envbuild.project import Planned, Project
from envbuild.project.registering import Definition, Registered, conflict, definitions, refuse_number, register
from envbuild.report.differences import difference_text
from envbuild.report.terminal import PLAIN


class Insisted(msgspec.Struct, frozen=True):
    """A number that a version is to have, and how it was said: `--version 3`, or `version=3`."""

    number: int
    option: str = "--version"
    sign: str = " "

    def said(self, number: int) -> str:
        return f"{self.option}{self.sign}{number}"


def registered(
    project: Project, planned: Planned, names: Iterable[str], label: str = "", insisted: Insisted | None = None
) -> tuple[Registered, ...]:
    """All of them or none; a number is one environment's."""
    wanted = definitions(project, planned, names, insisted.number if insisted else 0)
    if insisted:
        _insist(project, wanted[0], insisted)
    return register(project, wanted, label)


def _insist(project: Project, one: Definition, insisted: Insisted) -> None:
    if difference := conflict(project, one, insisted.number):
        name = one.step.environment
        told = difference_text(difference, PLAIN)
        what = f"{name}@{insisted.number} is another definition than '{name}' is now\n{told}"
        raise ConflictError(what, f"leave '{insisted.option}' out for the next version", difference)
    refuse_number(one, insisted.number, insisted.said(one.version))
