"""Makes locks: solves what is not current, copies what a twin has, writes whole files."""

import sysconfig
import time
from collections.abc import Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Literal

from envbuild.apply import Ahead, Event, Tell
from envbuild.errors import EnvbuildError, UsageError
from envbuild.lock import SOLVE_GROUP, Lock, conda_items, group_of, lock_path, lock_text, models, moves, root_items
from envbuild.project.facts import Prepared
from envbuild.project.fates import fates
from envbuild.project.holding import Side
from envbuild.project.locks import Locks
from envbuild.project.moving import NOTHING, Behind, Outcome, Upgrade
from envbuild.project.outdated import outdated
from envbuild.project.solving import Solvers, Solving, only
from envbuild.resolve import Environment
from envbuild.shape import nearest
from envbuild.workspace import Workspace
from envbuild.workspace.folders import Folders


class Locker:
    """Locks environments in parallel; equal requests are solved once and get equal pins."""

    def __init__(self, workspace: Workspace, folders: Folders, locks: Locks, solvers: Solvers, tell: Tell) -> None:
        self._workspace = workspace
        self._folders = folders
        self._locks = locks
        self._solvers = solvers
        self._tell = tell
        self._writes = True
        self._prepared: tuple[Prepared, ...] = ()
        self._upgrade = NOTHING
        self._due: frozenset[str] = frozenset()

    def lock(self, prepared: tuple[Prepared, ...], jobs: int, upgrade: Upgrade, *, writes: bool) -> list[Outcome]:
        """Every lock that is not current or is to move, each written as soon as it is there."""
        self._prepared, self._upgrade, self._writes = prepared, upgrade, writes
        moving = self._moving(prepared) if upgrade.packages else frozenset()
        self._due = frozenset(one.environment.name for one in prepared if self._is_due(one, moving))
        groups = {group_of(one.environment) for one in prepared if one.environment.name in self._due} - {""}
        todo: dict[tuple[str, ...], list[Prepared]] = {}
        outcomes = []
        for one in prepared:
            name, group = one.environment.name, group_of(one.environment)
            if one.locked.requests and group in groups:
                todo.setdefault((SOLVE_GROUP, group), []).append(one)
            elif name in self._due:
                todo.setdefault(tuple(request.digest for request in one.locked.requests), []).append(one)
            else:
                outcomes.append(Outcome(name, lock_path(name) if one.locked.requests else "", "current"))
        if todo:
            self._solving = Solving(
                self._workspace, self._folders, self._locks, self._solvers, self._tell, upgrade, self._known
            )
            outcomes += self._locked(list(todo.values()), jobs)
        return sorted(outcomes, key=lambda outcome: outcome.environment)

    def _is_due(self, one: Prepared, moving: Container[str]) -> bool:
        is_to_move = self._upgrade.everything or one.environment.name in moving
        return bool(one.locked.requests) and (is_to_move or not one.locked.is_own(one.environment))

    def _moving(self, prepared: tuple[Prepared, ...]) -> frozenset[str]:
        """The environments that have one of the packages; it is an error when nobody has it."""
        wanted, known, found = set(self._upgrade.packages), set[str](), set[str]()
        for one in prepared:
            lock = self._locks.usable(one.locked.path or lock_path(one.environment.name))
            pins = [pin for held in lock.pins.values() for pin in held.pins] if lock else []
            known |= {name for pin in pins for name in (pin.name, pin.key)}
            if any({pin.key, pin.name} & wanted for pin in pins):
                found.add(one.environment.name)
        if missing := sorted(wanted - known):
            what = f"no lock that was selected pins '{missing[0]}'"
            raise UsageError(what, hint=nearest(missing[0], known) or "look at 'envbuild show ENV' for what is pinned")
        return frozenset(found)

    def _locked(self, todo: list[list[Prepared]], jobs: int) -> list[Outcome]:
        clock, outcomes = time.monotonic(), []
        ahead = (Ahead(one.environment.name, "lock") for batch in todo for one in batch)
        self._tell(Event("begin", work="lock", ahead=tuple(ahead), jobs=jobs))
        asks_conda = any(request.conda for batch in todo for one in batch for request in one.locked.requests)
        sysconfig.get_config_vars()  # made on first use, and half-made for whoever asks meanwhile
        Thread(target=_load, args=[asks_conda], daemon=True).start()
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            try:
                for done in pool.map(self._lock_batch, todo):
                    outcomes += done
            except BaseException:
                self._solvers.stop()
                raise
        self._tell(Event("end", work="lock", seconds=time.monotonic() - clock))
        return outcomes

    def _lock_batch(self, batch: list[Prepared]) -> list[Outcome]:
        """Those that are solved once: of equal requests, or of one `solve_group`."""
        first, clock = batch[0], time.monotonic()
        self._tell(Event("started", first.environment.name, "lock", "lock"))
        try:
            is_group = len(batch) > 1 and group_of(first.environment)
            outcomes = self._group(batch) if is_group else self._twins(batch)
        except EnvbuildError as error:
            outcomes = [_failed(one, error) for one in batch]
        for one in outcomes:
            kind: Literal["done", "failed"] = "failed" if one.error else "done"
            took = time.monotonic() - clock
            self._tell(Event(kind, one.environment, one.did, "lock", took, error=one.error))
        return outcomes

    def _twins(self, twins: list[Prepared]) -> list[Outcome]:
        """The first is solved, the others take its pins."""
        lock, did = self._found(twins[0])
        return [self._write(one.environment, lock, did if one is twins[0] else "copied") for one in twins]

    def _group(self, mates: list[Prepared]) -> list[Outcome]:
        """What is not to be locked itself is written only if the others move it."""
        found = self._solving.group(mates)
        sides = [Side(one.environment, found[one.environment.name]) for one in mates]
        return [
            Outcome(name, lock_path(name), "current")
            if (name := one.environment.name) not in self._due and self._holds(name, found[name])
            else self._write(one.environment, found[name], "solved", sides)
            for one in mates
        ]

    def _holds(self, name: str, lock: Lock) -> bool:
        before = self._locks.usable(lock_path(name))
        return before is not None and before.pins == lock.pins

    def _found(self, one: Prepared) -> tuple[Lock, str]:
        own = one.locked.is_own(one.environment)
        if one.locked.current and not own and not self._upgrade.everything:
            twin = self._locks.whole(one.locked.path)
            if twin and not self._upgrade.among(twin.pins.values()):
                return only(twin, one.locked.requests), "copied"
        return self._solving.lock(one.environment, one.locked), "solved"

    def _known(self) -> set[str]:
        """The packages that the project uses: a misspelt one is probably one of them."""
        asked = {
            item.name
            for one in self._prepared
            for item in (*root_items(one.environment), *conda_items(one.environment))
            if item.name
        }
        return asked | self._locks.names()

    def _write(self, environment: Environment, lock: Lock, did: str, group: Sequence[Side] = ()) -> Outcome:
        path = lock_path(environment.name)
        text = lock_text(lock, environment.path, environment.name)
        try:
            before = self._locks.usable(path)
            moved = moves(before, lock)
            told = tuple(fates(self._upgrade.packages, before, lock, environment))
            behind = tuple(self._outdated(environment, before, lock, group)) if self._upgrade.looks else ()
            if self._locks.written(path) == text:
                return Outcome(environment.name, path, "current", fates=told, behind=behind)
            if self._writes:
                self._workspace.write(path, text)
        except EnvbuildError as error:
            return Outcome(environment.name, path, "failed", error)
        platforms = tuple(lock.pins)
        return Outcome(environment.name, path, did, moves=moved, platforms=platforms, fates=told, behind=behind)

    def _outdated(
        self, environment: Environment, before: Lock | None, lock: Lock, group: Sequence[Side]
    ) -> list[Behind]:
        newest = {
            platform: self._solving.newest(environment, request, lock)
            for platform, request in lock.head.requests.items()
        }
        mates = [one for one in group if one.environment.name != environment.name]
        return outdated(before, newest, [Side(environment, lock), *mates])


def _load(asks_conda: bool) -> None:  # noqa: FBT001 - a thread's target
    """What solving needs, and then what writing needs: a solver leaves time for it."""
    with suppress(Exception):  # it is met again, and told, where it is needed
        if asks_conda:
            import rattler  # noqa: F401 - so that it does not come in turns with the models
        models()


def _failed(one: Prepared, error: EnvbuildError) -> Outcome:
    return Outcome(one.environment.name, lock_path(one.environment.name), "failed", error)
