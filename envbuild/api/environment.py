"""One environment as a value, made from what other tools have, or read from a project."""

import os
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self

import msgspec

from envbuild.api import making
from envbuild.api.leaving import exported, write
from envbuild.api.making import Named, Packages
from envbuild.document import decode
from envbuild.errors import Note, Place
from envbuild.interop.exports import FILES
from envbuild.interop.exports.subject import Wish
from envbuild.interop.imports.formats import Wanted
from envbuild.interop.imports.imaged import Ground
from envbuild.project import Project
from envbuild.project.recorded import as_recorded
from envbuild.project.starting import Asked, Imported, moved_text, place_of
from envbuild.project.starting.drafting import Drafted
from envbuild.record import Record
from envbuild.resolve import Environment as Resolved
from envbuild.resolve import Variable

_FOLDER = "azureml-v1"


class Rooted(Protocol):
    """A project, as far as the place of a manifest goes."""

    @property
    def root(self) -> Path: ...


class Environment(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The text of a manifest under its name, and what is known of it; nothing is written before it is registered.

    `path` is where it stands below `root`, its project's folder, or would. `version` and `fingerprint` are those on
    record, if it is from there. `notes` tell what was dropped or renamed when it was made.

    What makes one takes the project that it is for: without one, the project around the working directory, or else
    the folder of the source. What cannot be carried raises; with `partial` the rest is made, and `notes` tell.
    """

    name: str
    manifest: str
    path: str
    root: str
    version: int | None = None
    fingerprint: str = ""
    notes: tuple[Note, ...] = ()

    @classmethod
    def from_conda_specification(
        cls, name: str, file_path: Named, *, project: Rooted | None = None, partial: bool = False
    ) -> Self:
        """What an `environment.yml` of conda says."""
        return cls._imported(making.wanted("conda", file_path, name, partial=partial), project)

    @classmethod
    def from_pip_requirements(
        cls, name: str, file_path: Named, *, project: Rooted | None = None, partial: bool = False
    ) -> Self:
        """What a requirements file says, with those that it names."""
        return cls._imported(making.wanted("pip", file_path, name, partial=partial), project)

    @classmethod
    def from_existing_conda_environment(
        cls,
        name: str,
        conda_environment_name: Named,
        *,
        requested: bool = False,
        project: Rooted | None = None,
        partial: bool = False,
    ) -> Self:
        """All that is in an environment of conda, by its name or path; with `requested` what was asked for."""
        found = making.wanted("conda-env", conda_environment_name, name, partial=partial, requested=requested)
        return cls._imported(found, project)

    @classmethod
    def from_docker_image(
        cls,
        name: str,
        image: str,
        *,
        conda_specification: Named | None = None,
        pip_requirements: Named | None = None,
        project: Rooted | None = None,
        partial: bool = False,
    ) -> Self:
        """An image, with the packages of one of two files on it; alone it brings its own.

        Nobody logs in here: who builds it has a login of `docker login`, or a secret that `envbuild.yaml` names.
        """
        packages = Packages(conda_specification, pip_requirements)
        return cls._grounded(name, Ground("image", image), packages, project, partial=partial)

    @classmethod
    def from_dockerfile(
        cls,
        name: str,
        dockerfile: Named,
        *,
        conda_specification: Named | None = None,
        pip_requirements: Named | None = None,
        project: Rooted | None = None,
        partial: bool = False,
    ) -> Self:
        """A Dockerfile of the project by its path, or any as a text, with the packages of one of two files on it."""
        packages = Packages(conda_specification, pip_requirements)
        ground = Ground("dockerfile", os.fspath(dockerfile))
        return cls._grounded(name, ground, packages, project, partial=partial)

    @classmethod
    def load_from_directory(
        cls, path: Named, *, name: str = "", project: Rooted | None = None, partial: bool = False
    ) -> Self:
        """What `save_to_directory` has written, here or in Azure ML; it has a name of its own."""
        return cls._imported(making.wanted(_FOLDER, path, name, partial=partial), project)

    def save_to_directory(self, path: Named, overwrite: bool = False) -> tuple[Note, ...]:  # noqa: FBT001, FBT002 - Azure ML's own signature
        """Write the folder that Azure ML's first SDK loads; what that cannot hold is given back."""
        folder = os.fspath(path)
        asked = f"{self.name}@{self.version}" if self.version else self.name
        target = Path(folder, FILES[_FOLDER][0])
        _, found = exported(self._project(), _FOLDER, asked, target, Wish(folder=folder), locked=False)
        write(_FOLDER, folder, found, force=overwrite, word="overwrite=True")
        return found.notes

    def clone(self, new_name: str) -> Self:
        """The same under another name; paths in it are made right for its new place."""
        project = making.opened(self.root)
        path = place_of(project, Asked(new_name, force=True))
        text = moved_text(project, self.path, self.manifest, path)
        return msgspec.structs.replace(self, name=new_name, manifest=text, path=path, version=None, fingerprint="")

    @property
    def description(self) -> str:
        return self._resolved.description

    @property
    def tags(self) -> dict[str, str]:
        return dict(self._resolved.tags)

    @property
    def variables(self) -> dict[str, Variable]:
        return {one.name: one for one in self._resolved.variables}

    @property
    def builder(self) -> str:
        return self._resolved.builder

    @property
    def platforms(self) -> tuple[str, ...]:
        return self._resolved.platforms

    @property
    def packages(self) -> tuple[str, ...]:
        """What it asks for, as a manifest writes it."""
        return tuple(item.shown for package in self._resolved.packages for item in package.items)

    @cached_property
    def _resolved(self) -> Resolved:
        """After inheritance: the parents as they are when this is first asked for."""
        project = self._project()
        return as_recorded(project.record(self.name, str(self.version))) if self.version else project.one(self.name)

    def _project(self) -> Project:
        """With this manifest in it, as if it were written."""
        project = making.opened(self.root)
        if not self.version:
            project.workspace = Drafted(project.root, {self.path: self.manifest}, project.workspace.lent)
        return project

    @classmethod
    def _imported(cls, wanted: Wanted, project: Rooted | None) -> Self:
        return cls._of(*making.imported(wanted, project.root if project else None))

    @classmethod
    def _grounded(cls, name: str, ground: Ground, packages: Packages, project: Rooted | None, *, partial: bool) -> Self:
        wanted = making.wanted(*packages.stated, name, partial=partial)
        return cls._of(*making.grounded(wanted, ground, project.root if project else None))

    @classmethod
    def _of(cls, project: Project, done: Imported) -> Self:
        notes = making.notes_of(done)
        return cls(name=done.name, manifest=done.text, path=done.path, root=str(project.root), notes=notes)


def stated(project: Project, name: str, path: str) -> Environment:
    """What its manifest says now."""
    text = decode(path, project.workspace.read(path, Place(path)))
    return Environment(name=name, manifest=text, path=path, root=str(project.root))


def recorded(project: Project, record: Record) -> Environment:
    """What it was then, which needs no parents."""
    return Environment(
        name=record.environment,
        manifest=record.manifest,
        path=record.manifest_path,
        root=str(project.root),
        version=record.version,
        fingerprint=record.fingerprint,
    )
