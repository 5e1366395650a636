"""Environments -> Prepared: each with its lock, and to be built also with its files and its fingerprint."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from envbuild.builders import BUILDERS, EDITABLES
from envbuild.builders.extras import extra_refusals
from envbuild.document import Mapping, Scalar, Value
from envbuild.errors import EnvbuildError, PlanError, raise_all
from envbuild.fingerprint import Fingerprint, Folder, Inputs, fingerprint
from envbuild.lock import Held, Request, disagreements, group_of, lock_path, member_items, refusals
from envbuild.manifest import Asked
from envbuild.project.locks import Locked, Locks
from envbuild.render import Templates, addition_texts
from envbuild.resolve import Environment
from envbuild.workspace import Workspace
from envbuild.workspace.folders import Folders


class Prepared(msgspec.Struct, frozen=True):
    """An environment with all that goes into its build; no fingerprint before it is locked.

    `contents` say of folders what their digests among `files` are of. `base` is the environment whose image it starts
    from, where it is an image.
    """

    environment: Environment
    locked: Locked
    files: dict[str, str]
    fingerprint: Fingerprint | None
    contents: dict[str, str] = {}
    base: str = ""


Mates = Callable[[str], tuple[Environment, ...]]
Imaged = Callable[[Prepared], Prepared]
"""An environment that is built as an image, with what only images have in its fingerprint."""


class Rendering(msgspec.Struct, frozen=True):
    """What templates have to do with a fingerprint: all of an image, and what `spark` and `r` add anywhere."""

    imaged: Imaged
    templates: Callable[[], Templates]


class Preparer:
    """Looks up what every environment is made of; nothing of what was built."""

    def __init__(
        self, workspace: Workspace, folders: Folders, platform: str, mates: Mates, rendering: Rendering
    ) -> None:
        self._workspace = workspace
        self._folders = folders
        self._platform = platform
        self._mates = mates
        self._imaged, self._templates = rendering.imaged, rendering.templates
        self._groups: dict[str, Held] = {}
        self.locks = Locks(workspace, folders)

    def prepare(self, environments: Iterable[Environment], *, to_build: bool) -> tuple[Prepared, ...]:
        """Locks, and to build also files and fingerprints; everything that is wrong is raised together."""
        problems: list[EnvbuildError] = []
        prepared = []
        for environment in environments:
            try:
                prepared.append(self._prepared(environment) if to_build else self._to_lock(environment))
            except EnvbuildError as error:
                problems.append(error)
        raise_all(problems)
        return tuple(prepared)

    def bases(self, base_of: Callable[[Environment], Environment | None]) -> Callable[[Environment], Prepared | None]:
        """What an image starts from, prepared once for all that start from it."""
        known: dict[str, Prepared] = {}

        def base(environment: Environment) -> Prepared | None:
            below = base_of(environment)
            if below is None:
                return None
            if below.name not in known:
                (known[below.name],) = self.prepare([below], to_build=True)
            return known[below.name]

        return base

    def _to_lock(self, environment: Environment) -> Prepared:
        return Prepared(environment, self._locked(environment, repair=True), {}, None)

    def _locked(self, environment: Environment, *, repair: bool) -> Locked:
        """Whether it is current: also with the locks of its `solve_group`."""
        locked = self.locks.locked(environment, repair=repair)
        group = group_of(environment)
        own = self.locks.usable(locked.path) if group and locked.current and locked.path else None
        if own is None:
            return locked
        changes = tuple(disagreements(environment, own.pins, self._of_group(group)))
        return msgspec.structs.replace(locked, changes=changes) if changes else locked

    def _of_group(self, group: str) -> Held:
        """What its locks pin, which are read once for all of it."""
        if group not in self._groups:
            locks = ((one.name, self.locks.usable(lock_path(one.name))) for one in self._mates(group))
            self._groups[group] = Held.of({name: lock.pins for name, lock in locks if lock})
        return self._groups[group]

    def _prepared(self, environment: Environment) -> Prepared:
        raise_all([*self._refusals(environment), *refusals(environment), *extra_refusals(environment)])
        locked = self._locked(environment, repair=False)
        if BUILDERS[environment.builder].MAKES_IMAGES:
            return self._imaged(Prepared(environment, locked, {}, None))
        contents = self._contents(environment)
        files = {path: folder.digest for path, folder in contents.items()}
        for item in member_items(environment):
            if item.path not in contents:
                files[item.path] = self._workspace.digest(item.path, item.where)
        texts = {path: folder.text for path, folder in contents.items()}
        kind, additions = BUILDERS[environment.builder].FORMAT, addition_texts(environment, self._templates)
        inputs = Inputs(kind, locked.head, (self._platform,), files, texts, additions)
        found = fingerprint(environment, inputs) if locked.current else None
        return Prepared(environment, locked, files, found, texts)

    def _contents(self, environment: Environment) -> dict[str, Folder]:
        return {
            item.path: self._folders.content(item.path, item.where, editable=item.editable)
            for item in member_items(environment)
            if Asked(item.path).is_folder
        }

    def _refusals(self, environment: Environment) -> Iterable[EnvbuildError]:
        """What this builder cannot do for this manifest, each with its line: never ignored."""
        builder = BUILDERS[environment.builder]
        if EDITABLES in builder.CANNOT_HONOUR:
            for item in (one for one in member_items(environment) if one.editable):
                what = f"builder '{environment.builder}' cannot do '-e': what it makes goes elsewhere"
                yield PlanError(what, item.where, "remove '-e'")
        for key, value in sorted({*builder.CANNOT_HONOUR} - {EDITABLES}):
            stated = environment.node(*key.split("."))
            if stated is not None and _says(stated, value):
                shown = f"{key}: {stated.text}" if isinstance(stated, Scalar) else key
                what = f"builder '{environment.builder}' cannot do '{shown}'"
                yield PlanError(what, environment.where_key(*key.split(".")), _instead(key, value))
        if not builder.MAKES_IMAGES and self._platform not in environment.platforms:
            where = environment.where("platforms")
            hint = f"add {self._platform}, or run this where one of {', '.join(environment.platforms)} is"
            yield PlanError(f"this machine is {self._platform}, and '{environment.name}' is not", where, hint)


def _instead(key: str, value: str) -> str:
    """What is of images alone, a builder that makes none only passes by."""
    able = {kind: one for kind, one in BUILDERS.items() if (key, value) not in one.CANNOT_HONOUR}
    others = [f"'builder: {kind}'" for kind, one in able.items() if one.MAKES_IMAGES or not key.startswith("image.")]
    return f"remove it, or use {' or '.join(others)}" if others else "remove it"


def _says(node: Value, value: str) -> bool:
    """Whether anything is said, or just this value."""
    if isinstance(node, Scalar):
        return not value or node.text.lower() == value
    return bool(node.entries if isinstance(node, Mapping) else node.items)


def requests_of(prepared: Iterable[Prepared]) -> Iterator[Request]:
    return (request for one in prepared for request in one.locked.requests)
