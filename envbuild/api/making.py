"""Manifests of what other tools have, made and not written: by the same way that an import goes."""

import os
from pathlib import Path
from typing import TypeAlias

import msgspec

from envbuild.errors import EnvbuildError, Note, Place, UsageError
from envbuild.interop.imports.formats import Wanted, bring_ground, bring_in
from envbuild.interop.imports.imaged import Ground
from envbuild.process import given_environment
from envbuild.project import Project
from envbuild.project.starting import Imported

Named: TypeAlias = str | os.PathLike[str]


class Packages(msgspec.Struct, frozen=True):
    """The file that names what is to lie on an image; of the two at most one."""

    conda: Named | None = None
    pip: Named | None = None

    @property
    def stated(self) -> tuple[str, str]:
        """The format and the file; two empty texts where there is none."""
        if self.conda is not None and self.pip is not None:
            what = "'conda_specification' and 'pip_requirements' exclude each other"
            raise UsageError(what, hint="name the pip packages in the conda file")
        if self.conda is not None:
            return "conda", os.fspath(self.conda)
        return ("pip", os.fspath(self.pip)) if self.pip is not None else ("", "")


def opened(root: Named) -> Project:
    """As the files are now."""
    return Project(Path(root), given_environment())


def imported(wanted: Wanted, root: Path | None) -> tuple[Project, Imported]:
    project = _project(root, wanted.source)
    return project, bring_in(project, wanted)


def grounded(wanted: Wanted, ground: Ground, root: Path | None) -> tuple[Project, Imported]:
    project = _project(root, wanted.source)
    return project, bring_ground(project, wanted, ground)


def wanted(kind: str, source: Named, name: str, *, partial: bool, requested: bool = False) -> Wanted:
    """Whether another manifest has this name already matters once it is to be written."""
    stated = os.fspath(source)
    return Wanted(kind, stated, ".", name, requested=requested, partial=partial, force=True, dry=True)


def notes_of(done: Imported) -> tuple[Note, ...]:
    """What is not carried first."""
    return (*map(_left, done.left), *done.notes)


def _left(one: EnvbuildError) -> Note:
    return Note("not-carried", one.message, one.where or Place(""), one.hint)


def _project(root: Path | None, source: str) -> Project:
    """The one that is named, else the one around us, else a bare one in the folder of the source."""
    if root is not None:
        return opened(root)
    try:
        return Project.load(".")
    except UsageError:
        full = Path(source or ".").resolve()
        return opened(full if full.is_dir() else full.parent)
