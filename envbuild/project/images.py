"""What templates make of environments, with the project's files that go beside it: content, or a context."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from envbuild.builders import BUILDERS
from envbuild.document import decode
from envbuild.errors import Place, RefusedError, WorkspaceError
from envbuild.fingerprint import Fingerprint, ImageInputs, Inputs, image_fingerprint
from envbuild.project.locks import Locks
from envbuild.project.preparing import Prepared
from envbuild.render import (
    ASSEMBLY,
    DOCKERFILE,
    ENVIRONMENT_YML,
    Given,
    Input,
    Parent,
    Templates,
    addition_texts,
    apt_packages,
    assembly,
    last_user,
    platforms_of,
    render,
    render_image,
    sources_of,
    texts_of,
    unwritten,
)
from envbuild.resolve import Environment
from envbuild.settings import Settings
from envbuild.workspace import Workspace, write_whole
from envbuild.workspace.folders import PACKAGE, WHOLE, Counting, Folders

_IGNORE, _CONTENTS, _OURS = ".dockerignore", "envbuild/contents.txt", "envbuild"


class Rendered(msgspec.Struct, frozen=True):
    """Texts by file name, and what is copied beside them, of which the files have these names there."""

    texts: dict[str, str]
    inputs: tuple[Input, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        return len({*self.names, *self.texts})


class Copied(msgspec.Struct, frozen=True):
    """What has come of one path of the project: the digest of all of it, and its files by their names there."""

    path: str
    digest: str
    names: tuple[str, ...]


class Sources(msgspec.Struct, frozen=True):
    """Where the files of a project, its settings, templates and locks are found."""

    workspace: Workspace
    folders: Folders
    settings: Settings
    templates: Callable[[], Templates]
    locks: Locks


class Images:
    """Renders what is built as an image. `parent` is asked once for what each one starts from, if that is another."""

    def __init__(self, sources: Sources, parent: Callable[[Environment], Prepared | None]) -> None:
        self._sources = sources
        self._folders = sources.folders
        self._workspace = sources.workspace
        self.base = parent

    def imaged(self, prepared: Prepared) -> Prepared:
        """With its fingerprint, where it is locked, and all that it starts from is."""
        parent = self.base(prepared.environment)
        base = parent.environment.name if parent else ""
        is_known = prepared.locked.current and (parent is None or parent.fingerprint is not None)
        if not is_known:
            return msgspec.structs.replace(prepared, base=base)
        given = self.given(prepared, parent)
        files, contents = self._files(prepared.environment, given)
        made = self._made(prepared.environment, given)
        found = self._fingerprint(prepared, given, made, files, contents)
        return msgspec.structs.replace(prepared, fingerprint=found, base=base, files=files, contents=contents)

    def rendered(self, prepared: Prepared) -> Rendered:
        """Of one that is locked, with all that it starts from."""
        return self._rendered(prepared, self.given(prepared, self.base(prepared.environment)))

    def context(self, prepared: Prepared, folder: Path) -> None:
        """What is built is what was planned, or nothing: files may change at any moment, also while they are copied."""
        given = self.given(prepared, self.base(prepared.environment))
        rendered = self._rendered(prepared, given)
        copied = self.write(folder, rendered)
        files = {one.path: one.digest for one in copied}
        now = self._fingerprint(prepared, given, rendered.texts, files, prepared.contents)
        torn = next((one.path for one in copied if prepared.files.get(one.path) != one.digest), "")
        if moved := torn or _moved(prepared.fingerprint, now) or _unnamed(copied, rendered):
            what = f"{moved} was changed since the plan was made"
            raise RefusedError(what, Place(prepared.environment.path), "run 'envbuild apply' again")

    def _rendered(self, prepared: Prepared, given: Given) -> Rendered:
        environment, templates = prepared.environment, self._sources.templates()
        python = prepared.locked.head.python if prepared.locked.head else ""
        texts = render(environment, templates, python)
        made = self._made(environment, given)
        inputs = sources_of(environment, given)
        names = tuple(name for one in inputs for name in self._names(one))  # of each, so that what is wrong is told
        return Rendered({**texts, **made, _IGNORE: _ignore(names)}, inputs, names)

    def _made(self, environment: Environment, given: Given) -> dict[str, str]:
        """What its builder works from."""
        if environment.builder == "docker":
            return render_image(environment, self._sources.templates(), given)
        return {ASSEMBLY: assembly(environment, given).text}

    def given(self, prepared: Prepared, parent: Prepared | None) -> Given:
        environment, path = prepared.environment, prepared.locked.path
        texts = {one.path: decode(one.path, self._workspace.read(one.path, one.where)) for one in texts_of(environment)}
        known = parent.fingerprint if parent else None
        return Given(
            self._sources.locks.whole(path) if path else None,
            self._sources.settings,
            texts,
            Parent(parent.environment, known.text, self._user(parent)) if parent and known else None,
        )

    def _user(self, prepared: Prepared) -> str | None:
        """Whose its image is in the end: perhaps that of what it starts from, however far below."""
        parent, head = self.base(prepared.environment), prepared.locked.head
        return last_user(prepared.environment, head.base if head else None, self._user(parent) if parent else None)

    def _fingerprint(
        self, prepared: Prepared, given: Given, made: dict[str, str], files: dict[str, str], contents: dict[str, str]
    ) -> Fingerprint:
        environment = prepared.environment
        base = given.parent.fingerprint if given.parent else ""
        apt = tuple(apt_packages(environment, given))
        further = {} if DOCKERFILE in made else unwritten(environment, given.settings)
        kind, platforms = BUILDERS[environment.builder].FORMAT, platforms_of(environment)
        return image_fingerprint(
            environment,
            Inputs(
                kind,
                prepared.locked.head,
                platforms,
                files,
                contents,
                addition_texts(environment, self._sources.templates),
            ),
            ImageInputs(made.get(DOCKERFILE, ""), base, apt, further),
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
        return self._workspace.is_folder(one.path)

    def _counting(self, one: Input) -> Counting:
        """A package's files are those that it is built from; of a context its .dockerignore leaves out others."""
        if one.target.startswith("envbuild/packages/"):
            return PACKAGE
        path = f"{one.path}/{_IGNORE}"
        if one.target or not self._workspace.exists(path):
            return WHOLE
        lines = decode(path, self._workspace.read(path)).splitlines()
        ignore = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
        return Counting(package=False, ignore=ignore)

    def write(self, folder: Path, rendered: Rendered) -> tuple[Copied, ...]:
        """Into a folder that may hold an earlier one, of which nothing stays that is not part of this one.

        What will stand there is noted first, so that it can be taken away again however this ends.
        """
        there, texts = rendered.names, dict(rendered.texts)
        if ENVIRONMENT_YML in there:
            del texts[ENVIRONMENT_YML]
        if {DOCKERFILE, ASSEMBLY} & {*texts}:
            self._clear(folder)
            names = sorted({*there, *texts} - {DOCKERFILE, _IGNORE, ENVIRONMENT_YML})
            write_whole(folder / _CONTENTS, "".join(f"{name}\n" for name in names))
        copied = tuple(self._copy(one, folder) for one in rendered.inputs)
        for name, text in texts.items():
            write_whole(folder / name, text)
        return copied

    def _copy(self, one: Input, folder: Path) -> Copied:
        target = folder / one.target
        if not self._is_folder(one):
            return Copied(one.path, self._folders.copy_file(one.path, target, one.where), (one.target,))
        found = self._folders.copy(one.path, target, one.where, counting=self._counting(one))
        return Copied(one.path, found.digest, tuple(_below(one, name) for name in found.files))

    def _names(self, one: Input) -> Iterator[str]:
        """What an input is in a context, by the paths of its files."""
        if not self._is_folder(one):
            self._workspace.read(one.path, one.where, 0)  # told before anything is written, if it cannot be read
            yield one.target
            return
        for name in self._folders.names(one.path, one.where, counting=self._counting(one)):
            if not one.target and name.partition("/")[0] == _OURS:
                what = f"'{one.path}' holds '{_OURS}', where a context has what envbuild puts into it"
                raise WorkspaceError(what, one.where, "rename that folder, or let a .dockerignore leave it out")
            yield _below(one, name)

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


def _below(one: Input, name: str) -> str:
    return f"{one.target}/{name}" if one.target else name


def _moved(planned: Fingerprint | None, now: Fingerprint) -> str:
    """The first part that is not as it was planned."""
    if planned is None or planned.text != now.text:
        before = {part.name: part.digest for part in planned.parts} if planned else {}
        moved = next((part.name for part in now.parts if before.get(part.name) != part.digest), "a file")
        return moved.removeprefix("file/")
    return ""


def _unnamed(copied: tuple[Copied, ...], rendered: Rendered) -> str:
    """What came, or went, after it was said which files a builder is sent."""
    return next((one.path for one in copied if not {*one.names} <= {*rendered.names}), "")


def _ignore(names: tuple[str, ...]) -> str:
    """What lies beside a context is none of its content: only what it is made of is sent to a builder."""
    tops = {_OURS, *(name.partition("/")[0] for name in names)}
    return "".join(f"{line}\n" for line in ("*", *(f"!{_escaped(top)}" for top in sorted(tops)), _CONTENTS))


def _escaped(name: str) -> str:
    return "".join(f"\\{one}" if one in "*?[]\\" else one for one in name)
