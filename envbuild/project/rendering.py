"""What templates make of environments, with the project's files that go beside it: shown, or written as a context."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild.document import decode
from envbuild.errors import Place, WorkspaceError
from envbuild.fingerprint import Fingerprint, ImageInputs, Inputs, image_fingerprint
from envbuild.project.front import Project
from envbuild.project.looking import refuse_stale
from envbuild.project.reading import Selection
from envbuild.render import (
    DOCKERFILE,
    ENVIRONMENT_YML,
    Given,
    Input,
    Parent,
    apt_packages,
    platforms_of,
    render,
    render_image,
    sources_of,
    texts_of,
)
from envbuild.resolve import Environment
from envbuild.workspace import write_whole
from envbuild.workspace.folders import PACKAGE, WHOLE, Counting

if TYPE_CHECKING:
    from envbuild.project.facts import Prepared

FORMAT = "docker-1"
_IGNORE, _CONTENTS, _OURS = ".dockerignore", "envbuild/contents.txt", "envbuild"


class Rendered(msgspec.Struct, frozen=True):
    """Texts by file name, and what is copied beside them."""

    texts: dict[str, str]
    inputs: tuple[Input, ...] = ()


class Rendering:
    """Renders what is selected, and the environments that it is built on as often as they are asked for."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._folders = project.folders
        self._facts = project.facts()

    def of(self, prepared: "Prepared") -> Rendered:
        refuse_stale(prepared)
        environment, templates = prepared.environment, self._project.templates
        python = prepared.locked.head.python if prepared.locked.head else ""
        texts = render(environment, templates, python)
        if environment.builder != "docker":
            return Rendered(texts)
        given = self.given(prepared)
        made = render_image(environment, templates, given)
        inputs = sources_of(environment, given)
        return Rendered({**texts, **made, _IGNORE: self._ignore(inputs)}, inputs)

    def given(self, prepared: "Prepared") -> Given:
        environment, path = prepared.environment, prepared.locked.path
        workspace = self._project.workspace
        return Given(
            self._facts.locks.whole(path) if path else None,
            self._project.settings,
            {one.path: decode(one.path, workspace.read(one.path, one.where)) for one in texts_of(environment)},
            self._parent(environment),
        )

    def _parent(self, environment: Environment) -> Parent | None:
        """The environment whose image is the base, known by its content."""
        found = self._project.reader.base_of(environment)
        if found is None:
            return None
        (prepared,) = self._facts.prepare([found], to_build=False)
        refuse_stale(prepared)
        return Parent(found, self.fingerprint(prepared).text)

    def fingerprint(self, prepared: "Prepared") -> Fingerprint:
        environment, templates = prepared.environment, self._project.templates
        given = self.given(prepared)
        made = render_image(environment, templates, given)
        return image_fingerprint(
            environment,
            Inputs(FORMAT, prepared.locked.head, platforms_of(environment), *self._files(environment, given)),
            ImageInputs(
                made[DOCKERFILE],
                given.parent.fingerprint if given.parent else "",
                tuple(apt_packages(environment, given)),
            ),
        )

    def _files(self, environment: Environment, given: Given) -> tuple[dict[str, str], dict[str, str]]:
        """The digest of each input, and what those of folders are of."""
        digests, contents = {}, {}
        for one in sources_of(environment, given):
            if self._is_folder(one):
                folder = self._folders.content(one.path, one.where, editable=False, counting=self._counting(one))
                digests[one.path], contents[one.path] = folder.digest, folder.text
            else:
                digests[one.path] = self._folders.file(one.path, one.where)
        return digests, contents

    def _is_folder(self, one: Input) -> bool:
        return self._project.workspace.is_folder(one.path)

    def _counting(self, one: Input) -> Counting:
        """A package's files are those that it is built from; of a context its .dockerignore leaves out others."""
        if one.target.startswith("envbuild/packages/"):
            return PACKAGE
        path = f"{one.path}/{_IGNORE}"
        if one.target or not self._project.workspace.exists(path):
            return WHOLE
        lines = decode(path, self._project.workspace.read(path)).splitlines()
        ignore = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
        return Counting(package=False, ignore=ignore)

    def _ignore(self, inputs: tuple[Input, ...]) -> str:
        """What lies beside a context is none of its content: only what it is made of is sent to a builder."""
        tops = {_OURS}
        for one in inputs:
            tops |= {name.partition("/")[0] for name in self._names(one)}  # of each, so that what is wrong is told
        return "".join(f"{line}\n" for line in ("*", *(f"!{_escaped(top)}" for top in sorted(tops)), _CONTENTS))

    def write(self, folder: Path, rendered: Rendered) -> int:
        """Into a folder that may hold an earlier one, of which nothing stays that is not part of this one.

        What will stand there is noted first, so that it can be taken away again however this ends.
        """
        copied = [name for one in rendered.inputs for name in self._names(one)]
        texts = {name: text for name, text in rendered.texts.items() if name not in copied or name != ENVIRONMENT_YML}
        if DOCKERFILE in texts:
            self._clear(folder)
            names = sorted({*copied, *texts} - {DOCKERFILE, _IGNORE, ENVIRONMENT_YML})
            write_whole(folder / _CONTENTS, "".join(f"{name}\n" for name in names))
        for one in rendered.inputs:
            if self._is_folder(one):
                self._folders.copy(one.path, folder / one.target, one.where, counting=self._counting(one))
            else:
                self._folders.copy_file(one.path, folder / one.target, one.where)
        for name, text in texts.items():
            write_whole(folder / name, text)
        return len({*copied, *texts})

    def _names(self, one: Input) -> Iterator[str]:
        """What an input is in a context, by the paths of its files."""
        if not self._is_folder(one):
            self._project.workspace.digest(one.path, one.where)  # told before anything is written, if it cannot be read
            yield one.target
            return
        for name in self._folders.content(one.path, one.where, editable=False, counting=self._counting(one)).files:
            if not one.target and name.partition("/")[0] == _OURS:
                what = f"'{one.path}' holds '{_OURS}', where a context has what envbuild puts into it"
                raise WorkspaceError(what, one.where, "rename that folder, or let a .dockerignore leave it out")
            yield f"{one.target}/{name}" if one.target else name

    @staticmethod
    def _clear(folder: Path) -> None:
        """Takes away what an earlier one was made of, by its own list; never what leads out of the folder."""
        ours, listed = folder / _OURS, folder / _CONTENTS
        if not listed.is_file():
            if ours.is_symlink() or ours.exists():
                what = f"'{_OURS}' stands there, and was not rendered"
                raise WorkspaceError(what, Place(str(ours)), "render into another folder")
            return
        for name in listed.read_text(encoding="utf-8").splitlines():
            path = folder / name
            if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
                path.unlink()
        if not ours.is_symlink():
            shutil.rmtree(ours)


def _escaped(name: str) -> str:
    return "".join(f"\\{one}" if one in "*?[]\\" else one for one in name)


def artifacts(project: Project, selection: Selection) -> dict[str, Rendered]:
    """What is made of each environment, by its name; offline, from the lock that stands."""
    environments = project.environments(selection)
    rendering = Rendering(project)
    every = project.facts().prepare(environments, to_build=False)
    return {one.environment.name: rendering.of(one) for one in every}


def write_artifacts(project: Project, folder: Path, artifacts: dict[str, Rendered]) -> int:
    """Each environment's into a folder of its name; every file whole or not at all."""
    rendering = Rendering(project)
    return sum(rendering.write(folder / name, one) for name, one in artifacts.items())
