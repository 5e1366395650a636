"""The lock of each environment: current, held by a twin, or to be made, and why."""

import hashlib
import re

import msgspec

from envbuild.errors import EnvbuildError, LockError, NewerLockError, Place
from envbuild.lock import (
    FOLDER,
    SUFFIX,
    Change,
    Digest,
    Head,
    Lock,
    Request,
    lock_path,
    member_items,
    read_head,
    read_lock,
    request_changes,
    requests,
    still_met,
)
from envbuild.manifest import Asked, Item
from envbuild.resolve import Environment
from envbuild.workspace import Workspace
from envbuild.workspace.folders import Folders

_PINNED = re.compile(r"^(?:- |  )name: '?([^\s']+)'?$", re.MULTILINE)


class Locked(msgspec.Struct, frozen=True):
    """What the files say of one environment's lock.

    `path` is where a current lock stands, perhaps under a twin's name. `changes` say why there is none, and are empty
    where it is current. An environment that requests nothing has no lock and is current.
    """

    requests: tuple[Request, ...]
    head: Head | None = None
    path: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def current(self) -> bool:
        return not self.changes

    def is_own(self, environment: Environment) -> bool:
        """Whether nothing has to be written: the lock stands under the environment's own name, or none is needed."""
        return self.current and (not self.requests or self.path == lock_path(environment.name))


class Locks:
    """Reads locks on demand, and a twin's only when an environment's own does not answer."""

    def __init__(self, workspace: Workspace, folders: Folders) -> None:
        self._workspace = workspace
        self._folders = folders
        self._others: dict[str, str] | None = None

    def locked(self, environment: Environment, *, repair: bool) -> Locked:
        """To `repair` is to take a damaged lock for one that is missing; else it is an error."""
        asked = requests(environment, self.digests(environment))
        if not asked:
            return Locked(asked)
        own = lock_path(environment.name)
        try:
            text = self._workspace.text(own)
            if text is None:
                return self._twin(asked) or Locked(asked, changes=(_missing(environment),))
            head = read_head(own, text)
        except LockError as error:
            if not repair or isinstance(error, NewerLockError):
                raise
            return Locked(asked, changes=(Change(error.message, Place(own)),))
        changes = self._stale(asked, head, own, text, environment)
        if not changes:
            return Locked(asked, head, own)
        return self._twin(asked) or Locked(asked, changes=changes)

    def whole(self, path: str) -> Lock | None:
        """A lock with its packages: to solve from, to build from, to explain."""
        text = self._workspace.text(path)
        if text is None:
            return None
        return read_lock(path, text)

    def written(self, path: str) -> str | None:
        """The text that stands there, if it is one."""
        try:
            return self._workspace.text(path)
        except LockError:
            return None

    def usable(self, path: str) -> Lock | None:
        """A lock to start from; one that is damaged is no start, and one of a newer envbuild is not ours to replace."""
        try:
            return self.whole(path)
        except NewerLockError:
            raise
        except LockError:
            return None

    def names(self) -> set[str]:
        """Every package that a lock of the project pins."""
        return {found[1] for text in self._texts().values() for found in _PINNED.finditer(text)}

    def digests(self, environment: Environment) -> dict[str, Digest]:
        """Of what says what a package of the project needs; a source archive is looked at as a whole."""
        return {item.path: self._digest(item) for item in member_items(environment)}

    def _digest(self, item: Item) -> Digest:
        member = Asked(item.path)
        if member.is_wheel:
            return hashlib.sha256(self._workspace.wheel_metadata(item.path, item.where)).hexdigest()
        if member.is_folder:
            return self._folders.digests(item.path, item.where)
        return self._workspace.digest(item.path, item.where)

    def _stale(
        self, asked: tuple[Request, ...], head: Head, path: str, text: str, environment: Environment
    ) -> tuple[Change, ...]:
        changes: list[Change] = []
        lock: Lock | None = None
        for request in asked:
            recorded = head.requests.get(request.platform)
            if recorded is None:
                where = environment.where_said("platforms")
                changes.append(Change(f"platform {request.platform} is not locked", where))
            elif recorded.digest != request.digest:
                lock = lock or read_lock(path, text)
                if not still_met(request, recorded, lock.pins[request.platform]):
                    changes += request_changes(recorded, request, environment)
        return tuple(dict.fromkeys(changes))

    def _twin(self, asked: tuple[Request, ...]) -> Locked | None:
        """Any lock of the project with these very requests: after a rename, or of another environment."""
        for path, text in self._texts().items():
            if all(request.digest in text for request in asked):
                try:
                    head = read_head(path, text)
                except EnvbuildError:
                    continue
                if all(_answers(head, request) for request in asked):
                    return Locked(asked, head, path)
        return None

    def _texts(self) -> dict[str, str]:
        if self._others is None:
            self._others = {}
            for path in self._workspace.files(FOLDER, SUFFIX):
                try:
                    self._others[path] = self._workspace.text(path) or ""
                except EnvbuildError:
                    continue  # another environment's lock is judged where it is asked for
        return self._others


def _answers(head: Head, request: Request) -> bool:
    recorded = head.requests.get(request.platform)
    return recorded is not None and recorded.digest == request.digest


def _missing(environment: Environment) -> Change:
    return Change("not locked yet", Place(environment.path))


def python_range(lock: Lock | None, requests: tuple[Request, ...]) -> str:
    """What an interpreter must be: of the locked minor version, and all that the manifest asks besides."""
    if lock is None:
        return ""
    return ",".join(filter(None, (f"=={lock.head.python}.*", requests[0].python if requests else "")))
