"""Makes locks: solves what is not current, copies what a twin has, writes whole files."""

import sysconfig
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Literal

import msgspec

from envbuild.apply import Ahead, Event, Tell
from envbuild.errors import EnvbuildError, UsageError
from envbuild.lock import (
    Base,
    Lock,
    Pins,
    Request,
    conda_items,
    host_system,
    lock_path,
    lock_text,
    make_lock,
    models,
    moves,
    root_items,
)
from envbuild.project.facts import Prepared
from envbuild.project.locks import Locked, Locks
from envbuild.project.moving import NOTHING, Outcome, Upgrade
from envbuild.registry import Line
from envbuild.resolve import Environment
from envbuild.shape import nearest
from envbuild.solvers.bases import found_base
from envbuild.solvers.channels import View
from envbuild.solvers.conda import CondaQuestion
from envbuild.solvers.members import Members, Placing
from envbuild.solvers.provided import given
from envbuild.solvers.pypi import Question, choose_python
from envbuild.solvers.uv import Uv
from envbuild.workspace import Workspace
from envbuild.workspace.folders import Folders


class Solvers(msgspec.Struct, frozen=True):
    """Who is asked, and for which machine: uv for distributions, channels for conda packages, registries for bases."""

    uv: Uv
    view: View
    platform: str
    host: Mapping[str, str]
    line: Line

    def stop(self) -> None:
        self.uv.stop()
        self.view.stop()


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

    def lock(self, prepared: tuple[Prepared, ...], jobs: int, upgrade: Upgrade, *, writes: bool) -> list[Outcome]:
        """Every lock that is not current or is to move, each written as soon as it is there."""
        self._prepared, self._upgrade, self._writes = prepared, upgrade, writes
        moving = self._moving(prepared) if upgrade.packages else frozenset()
        todo: dict[tuple[str, ...], list[Prepared]] = {}
        outcomes = []
        for one in prepared:
            name = one.environment.name
            due = upgrade.everything or name in moving or not one.locked.is_own(one.environment)
            if one.locked.requests and due:
                todo.setdefault(tuple(request.digest for request in one.locked.requests), []).append(one)
            else:
                outcomes.append(Outcome(name, lock_path(name) if one.locked.requests else "", "current"))
        if todo:
            outcomes += self._locked(list(todo.values()), jobs)
        return sorted(outcomes, key=lambda outcome: outcome.environment)

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
        ahead = (Ahead(one.environment.name, "lock") for twins in todo for one in twins)
        self._tell(Event("begin", work="lock", ahead=tuple(ahead), jobs=jobs))
        asks_conda = any(request.conda for twins in todo for request in twins[0].locked.requests)
        sysconfig.get_config_vars()  # made on first use, and half-made for whoever asks meanwhile
        Thread(target=_load, args=[asks_conda], daemon=True).start()
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            try:
                for done in pool.map(self._lock_twins, todo):
                    outcomes += done
            except BaseException:
                self._solvers.stop()
                raise
        self._tell(Event("end", work="lock", seconds=time.monotonic() - clock))
        return outcomes

    def _lock_twins(self, twins: list[Prepared]) -> list[Outcome]:
        """The first is solved, the others take its pins."""
        first, clock = twins[0], time.monotonic()
        self._tell(Event("started", first.environment.name, "lock", "lock"))
        outcomes = self._outcomes(twins, first)
        for one in outcomes:
            kind: Literal["done", "failed"] = "failed" if one.error else "done"
            took = time.monotonic() - clock
            self._tell(Event(kind, one.environment, one.did, "lock", took, error=one.error))
        return outcomes

    def _outcomes(self, twins: list[Prepared], first: Prepared) -> list[Outcome]:
        try:
            lock, did = self._found(first)
        except EnvbuildError as error:
            return [Outcome(one.environment.name, lock_path(one.environment.name), "failed", error) for one in twins]
        return [self._write(one.environment, lock, did if one is first else "copied") for one in twins]

    def _found(self, one: Prepared) -> tuple[Lock, str]:
        own = one.locked.is_own(one.environment)
        if one.locked.current and not own and not self._upgrade.everything:
            twin = self._locks.whole(one.locked.path)
            if twin and not self._upgrade.among(twin.pins.values()):
                return _only(twin, one.locked.requests), "copied"
        return self._solve(one.environment, one.locked), "solved"

    def _solve(self, environment: Environment, locked: Locked) -> Lock:
        before = None if self._upgrade.everything else self._locks.usable(lock_path(environment.name))
        python = self._python(environment, locked.requests[0], before)
        asked, solved = list[Request](), dict[str, Pins]()
        for request in locked.requests:
            self._tell(Event("progress", environment.name, f"locking for {request.platform}", "lock"))
            kept = _kept(request, before, python)
            if before and kept and not self._upgrade.among([kept]):
                asked.append(before.head.requests[request.platform])
                solved[request.platform] = kept
            else:
                asked.append(self._on_this_host(request))
                solved[request.platform] = self._solved(environment, asked[-1], python, before)
        return make_lock(python or _python_of(solved), tuple(asked), solved, self._base(environment, asked[0], before))

    def _base(self, environment: Environment, request: Request, before: Lock | None) -> Base | None:
        """The base that the lock holds stays as long as the same one is asked for."""
        recorded = next(iter(before.head.requests.values()), None) if before else None
        if before and before.head.base and recorded and recorded.base == request.base:
            return before.head.base
        return found_base(request.base, environment, self._solvers.line)

    def _on_this_host(self, request: Request) -> Request:
        """With what conda's variables say of the machine, where the project says nothing."""
        if not request.conda:
            return request
        return msgspec.structs.replace(request, host=host_system(self._solvers.host, request.platform))

    def _solved(self, environment: Environment, request: Request, python: str, before: Lock | None) -> Pins:
        """What the project brings is known first, then conda's packages; both are facts for the rest."""
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            builds = request.platform == self._solvers.platform
            place = (self._workspace.root, Path(folder), environment, builds, python)
            members = Placing(self._solvers.uv, self._folders, *place).members(request)
            return self._answered(environment, members, python, before)

    def _answered(self, environment: Environment, members: Members, python: str, before: Lock | None) -> Pins:
        request = members.request
        preferred = before.pins.get(request.platform) if before else None
        recorded = before.head.requests.get(request.platform) if before else None
        staying = self._staying(preferred) if preferred else None
        conda = CondaQuestion(self._solvers.view, request, environment).answer(staying)
        own = next((pin.version for pin in conda if pin.name == "python"), python)
        question = Question(
            self._solvers.uv,
            members,
            own,
            self._workspace.root,
            may_build=request.platform == self._solvers.platform,
            known=self._known,
            given=given(conda, request),
        )
        pip = question.answer(staying, environment, recorded)
        return Pins(request.platform, tuple(sorted((*conda, *pip.pins))), pip.members)

    def _staying(self, pins: Pins) -> Pins:
        """What is to stay as it is where it can: all but what is to move."""
        moving = self._upgrade.among([pins])
        return msgspec.structs.replace(pins, pins=tuple(pin for pin in pins.pins if pin.key not in moving))

    def _known(self) -> set[str]:
        """The packages that the project uses: a misspelt one is probably one of them."""
        asked = {
            item.name
            for one in self._prepared
            for item in (*root_items(one.environment), *conda_items(one.environment))
            if item.name
        }
        return asked | self._locks.names()

    def _python(self, environment: Environment, request: Request, before: Lock | None) -> str:
        """The version of the lock that stands stays while the manifest allows it; conda's is one of its packages."""
        from packaging.specifiers import SpecifierSet

        if environment.python.source == "conda" or not (request.python or request.roots):
            return ""
        python = before.head.python if before else ""
        if python and SpecifierSet(request.python).contains(f"{python}.999"):
            return python
        return choose_python(self._solvers.uv, request, environment)

    def _write(self, environment: Environment, lock: Lock, did: str) -> Outcome:
        path = lock_path(environment.name)
        text = lock_text(lock, environment.path, environment.name)
        try:
            before = self._locks.usable(path)
            moved = moves(before, lock)
            if self._locks.written(path) == text:
                return Outcome(environment.name, path, "current")
            if self._writes:
                self._workspace.write(path, text)
        except EnvbuildError as error:
            return Outcome(environment.name, path, "failed", error)
        return Outcome(environment.name, path, did, moves=moved, platforms=tuple(lock.pins))


def _load(asks_conda: bool) -> None:  # noqa: FBT001 - a thread's target
    """What solving needs, and then what writing needs: a solver leaves time for it."""
    with suppress(Exception):  # it is met again, and told, where it is needed
        if asks_conda:
            import rattler  # noqa: F401 - so that it does not come in turns with the models
        models()


def _kept(request: Request, before: Lock | None, python: str) -> Pins | None:
    """The pins of a platform that the lock answers already."""
    recorded = before.head.requests.get(request.platform) if before else None
    if before is None or recorded is None or recorded.digest != request.digest:
        return None
    return before.pins.get(request.platform) if request.conda or before.head.python == python else None


def _python_of(solved: Mapping[str, Pins]) -> str:
    """The minor versions of conda's Pythons; mostly it is one."""
    found = {pin.version for pins in solved.values() for pin in pins.conda if pin.name == "python"}
    return ", ".join(sorted({".".join(version.split(".")[:2]) for version in found}))


def _only(twin: Lock, requests: tuple[Request, ...]) -> Lock:
    """A twin's pins for the platforms that are asked for."""
    pins = {request.platform: twin.pins[request.platform] for request in requests}
    python = twin.head.python if not any(request.conda for request in requests) else _python_of(pins)
    return make_lock(python, tuple(twin.head.requests[request.platform] for request in requests), pins, twin.head.base)
