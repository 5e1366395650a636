"""Makes locks: solves what is not current, copies what a twin has, writes whole files."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import msgspec

from envbuild.apply import Ahead, Event, Tell
from envbuild.errors import EnvbuildError
from envbuild.lock import Lock, Pins, Request, lock_path, lock_text, make_lock, root_items
from envbuild.project.facts import Prepared
from envbuild.project.locks import Locked, Locks
from envbuild.resolve import Environment
from envbuild.solvers.pypi import Question, choose_python
from envbuild.solvers.uv import Uv
from envbuild.workspace import Workspace


class Outcome(msgspec.Struct, frozen=True):
    """What became of one environment's lock: current, copied, written; or the error."""

    environment: str
    path: str
    did: str
    error: EnvbuildError | None = None


class Locker:
    """Locks environments in parallel; equal requests are solved once and get equal pins."""

    def __init__(self, workspace: Workspace, locks: Locks, uv: Uv, platform: str, tell: Tell) -> None:
        self._workspace = workspace
        self._locks = locks
        self._uv = uv
        self._platform = platform
        self._tell = tell
        self._prepared: tuple[Prepared, ...] = ()

    def lock(self, prepared: tuple[Prepared, ...], jobs: int, *, upgrade: bool) -> list[Outcome]:
        """Every lock that is not current, each written as soon as it is there."""
        self._prepared = prepared
        todo: dict[tuple[str, ...], list[Prepared]] = {}
        outcomes = []
        for one in prepared:
            if one.locked.requests and (upgrade or not one.locked.is_own(one.environment)):
                todo.setdefault(tuple(request.digest for request in one.locked.requests), []).append(one)
            else:
                path = lock_path(one.environment.name) if one.locked.requests else ""
                outcomes.append(Outcome(one.environment.name, path, "current"))
        if todo:
            outcomes += self._locked(list(todo.values()), jobs, upgrade=upgrade)
        return sorted(outcomes, key=lambda outcome: outcome.environment)

    def _locked(self, todo: list[list[Prepared]], jobs: int, *, upgrade: bool) -> list[Outcome]:
        clock, outcomes = time.monotonic(), []
        ahead = (Ahead(one.environment.name, "lock") for twins in todo for one in twins)
        self._tell(Event("begin", work="lock", ahead=tuple(ahead), jobs=jobs))
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            try:
                for done in pool.map(lambda twins: self._lock_twins(twins, upgrade=upgrade), todo):
                    outcomes += done
            except BaseException:
                self._uv.stop()
                raise
        self._tell(Event("end", work="lock", seconds=time.monotonic() - clock))
        return outcomes

    def _lock_twins(self, twins: list[Prepared], *, upgrade: bool) -> list[Outcome]:
        """The first is solved, the others take its pins."""
        first, clock = twins[0], time.monotonic()
        self._tell(Event("started", first.environment.name, "lock", "lock"))
        outcomes = self._outcomes(twins, first, upgrade=upgrade)
        for one in outcomes:
            kind: Literal["done", "failed"] = "failed" if one.error else "done"
            took = time.monotonic() - clock
            self._tell(Event(kind, one.environment, one.did, "lock", took, error=one.error))
        return outcomes

    def _outcomes(self, twins: list[Prepared], first: Prepared, *, upgrade: bool) -> list[Outcome]:
        try:
            lock, did = self._found(first, upgrade=upgrade)
        except EnvbuildError as error:
            return [Outcome(one.environment.name, lock_path(one.environment.name), "failed", error) for one in twins]
        return [self._write(one.environment, lock, did if one is first else "copied") for one in twins]

    def _found(self, one: Prepared, *, upgrade: bool) -> tuple[Lock, str]:
        if one.locked.current and not upgrade and (twin := self._locks.whole(one.locked.path)):
            return _only(twin, one.locked.requests), "copied"
        return self._solve(one.environment, one.locked, upgrade=upgrade), "solved"

    def _solve(self, environment: Environment, locked: Locked, *, upgrade: bool) -> Lock:
        before = None if upgrade else self._locks.usable(lock_path(environment.name))
        python = self._python(environment, locked.requests[0], before)
        solved: dict[str, Pins] = {}
        for request in locked.requests:
            self._tell(Event("progress", environment.name, f"locking for {request.platform}", "lock"))
            kept = before.pins.get(request.platform) if before else None
            question = Question(
                self._uv,
                request,
                python,
                self._workspace.root,
                may_build=request.platform == self._platform,
                known=self._known,
            )
            recorded = before.head.requests.get(request.platform) if before else None
            same = before is not None and recorded is not None and before.head.python == python
            if kept and same and recorded and recorded.digest == request.digest:
                solved[request.platform] = kept
            else:
                solved[request.platform] = question.answer(kept, environment)
        return make_lock(python, locked.requests, solved)

    def _known(self) -> set[str]:
        """The packages that the project uses: a misspelt one is probably one of them."""
        asked = {item.name for one in self._prepared for item in root_items(one.environment) if item.name}
        return asked | self._locks.names()

    def _python(self, environment: Environment, request: Request, before: Lock | None) -> str:
        """The version of the lock that stands stays while the manifest allows it."""
        from packaging.specifiers import SpecifierSet

        python = before.head.python if before else ""
        if python and SpecifierSet(request.python).contains(f"{python}.999"):
            return python
        return choose_python(self._uv, request, environment)

    def _write(self, environment: Environment, lock: Lock, did: str) -> Outcome:
        path = lock_path(environment.name)
        text = lock_text(lock, environment.path, environment.name)
        try:
            if self._locks.written(path) == text:
                return Outcome(environment.name, path, "current")
            self._workspace.write(path, text)
        except EnvbuildError as error:
            return Outcome(environment.name, path, "failed", error)
        return Outcome(environment.name, path, did)


def _only(twin: Lock, requests: tuple[Request, ...]) -> Lock:
    """A twin's pins for the platforms that are asked for."""
    return make_lock(
        twin.head.python, requests, {request.platform: twin.pins[request.platform] for request in requests}
    )
