"""From requests to locks: solvers are asked for what no pin answers yet, and pins stay where they still fit."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from envbuild.apply import Event, Tell
from envbuild.errors import EnvbuildError, Problems, SolveError, raise_all
from envbuild.lock import (
    SOLVE_GROUP,
    Base,
    Lock,
    Pin,
    Pins,
    Request,
    bounds,
    conda_share,
    group_of,
    host_system,
    lock_path,
    make_lock,
    merged,
    quarrels,
    requests,
    together,
    untold,
)
from envbuild.project.locks import Locked, Locks
from envbuild.project.moving import Upgrade
from envbuild.project.preparing import Prepared
from envbuild.registry import Line
from envbuild.resolve import Environment
from envbuild.solvers.bases import found_base, told_base
from envbuild.solvers.channels import View
from envbuild.solvers.conda import CondaQuestion
from envbuild.solvers.members import Members, Placing
from envbuild.solvers.newest import Newest
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


class Before(msgspec.Struct, frozen=True):
    """What is pinned already, and the request that was answered with it."""

    pins: Pins | None = None
    request: Request | None = None

    @classmethod
    def of(cls, lock: Lock | None, platform: str) -> "Before":
        return cls(lock.pins.get(platform), lock.head.requests.get(platform)) if lock else cls()


class Solving(msgspec.Struct, frozen=True):
    """One run of locking; `known` gives the packages of the project, for a name that is misspelt.

    `asked` holds what there is of packages, by the request that names them.
    """

    workspace: Workspace
    folders: Folders
    locks: Locks
    solvers: Solvers
    tell: Tell
    upgrade: Upgrade
    known: Callable[[], set[str]]
    asked: dict[str, dict[str, Newest]] = msgspec.field(default_factory=dict)

    def lock(self, environment: Environment, locked: Locked) -> Lock:
        before = self._before(environment)
        python = self._python(environment, locked.requests[0], before)
        asked, solved = list[Request](), dict[str, Pins]()
        for request in locked.requests:
            self._say(environment, request)
            kept = _kept(request, before, python)
            if before and kept and not self.upgrade.among([kept]):
                asked.append(before.head.requests[request.platform])
                solved[request.platform] = kept
            else:
                asked.append(self._on_this_host(request))
                known = Before.of(before, request.platform)
                solved[request.platform] = self._solved(environment, asked[-1], python, known)
        return make_lock(python or _python_of(solved), tuple(asked), solved, self._base(environment, asked[0], before))

    def _before(self, environment: Environment) -> Lock | None:
        return None if self.upgrade.everything else self.locks.usable(lock_path(environment.name))

    def _say(self, environment: Environment, request: Request) -> None:
        self.tell(Event("progress", environment.name, f"locking for {request.platform}", "lock"))

    def _base(self, environment: Environment, request: Request, before: Lock | None) -> Base | None:
        """The base that the lock holds stays as long as the same one is asked for, and how it starts is told once."""
        recorded = next(iter(before.head.requests.values()), None) if before else None
        if before and before.head.base and recorded and recorded.base == request.base:
            return told_base(before.head.base, environment, self.solvers.line)
        return found_base(request.base, environment, self.solvers.line, self.workspace.root)

    def _on_this_host(self, request: Request) -> Request:
        """With what conda's variables say of the machine, where the project says nothing."""
        if not request.conda:
            return request
        return msgspec.structs.replace(request, host=host_system(self.solvers.host, request.platform))

    def _solved(self, environment: Environment, request: Request, python: str, before: Before) -> Pins:
        """What the project brings is known first, then conda's packages; both are facts for the rest."""
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            members = self._members(environment, request, python, Path(folder))
            staying = self._staying(before.pins) if before.pins else None
            conda = CondaQuestion(self.solvers.view, members.request, environment).answer(staying)
            return self._with_pip(environment, members, python, conda, Before(staying, before.request))

    def _members(self, environment: Environment, request: Request, python: str, folder: Path) -> Members:
        builds = request.platform == self.solvers.platform
        place = (self.workspace.at, folder, environment, builds, python)
        return Placing(self.solvers.uv, self.folders, *place).members(request)

    def _with_pip(
        self, environment: Environment, members: Members, python: str, conda: tuple[Pin, ...], before: Before
    ) -> Pins:
        request = members.request
        question = Question(
            self.solvers.uv,
            members,
            next((pin.version for pin in conda if pin.name == "python"), python),
            self.workspace.root,
            may_build=request.platform == self.solvers.platform,
            known=self.known,
            given=given(conda, request),
        )
        pip = question.answer(before.pins, environment, before.request)
        return Pins(request.platform, tuple(sorted((*conda, *pip.pins))), pip.members)

    def newest(self, environment: Environment, request: Request, lock: Lock) -> dict[str, Newest]:
        """The newest there is of what is asked for by name, by the keys of pins; equal requests are asked once."""
        if request.digest not in self.asked:
            conda = CondaQuestion(self.solvers.view, request, environment).newest()
            python = next((pin.version for pin in lock.pins[request.platform].conda if pin.name == "python"), "")
            members = Members(msgspec.structs.replace(request, members={}))
            question = Question(
                self.solvers.uv, members, python or lock.head.python, self.workspace.root, may_build=False
            )
            pip = question.newest(environment)
            self.asked[request.digest] = {**conda, **{f"pip/{name}": Newest(version) for name, version in pip.items()}}
        return self.asked[request.digest]

    def _staying(self, pins: Pins) -> Pins:
        """What is to stay as it is where it can: all but what is to move."""
        moving = self.upgrade.among([pins])
        return msgspec.structs.replace(pins, pins=tuple(pin for pin in pins.pins if pin.key not in moving))

    def _python(self, environment: Environment, request: Request, before: Lock | None) -> str:
        """The version of the lock that stands stays while the manifest allows it; conda's is one of its packages."""
        from packaging.specifiers import SpecifierSet

        if environment.python.source == "conda" or not (request.python or request.roots):
            return ""
        python = before.head.python if before else ""
        if python and SpecifierSet(request.python).contains(f"{python}.999"):
            return python
        return choose_python(self.solvers.uv, request, environment)

    def group(self, mates: Sequence[Prepared]) -> dict[str, Lock]:
        """One lock for each environment of a `solve_group`: all of them are solved as one, and each gets its share."""
        before = {one.environment.name: self._before(one.environment) for one in mates}
        shares: dict[str, list[Share]] = {name: [] for name in before}
        for platform in sorted({request.platform for one in mates for request in one.locked.requests}):
            there = [one for one in mates if platform in one.environment.platforms]
            for name, share in self._shares(platform, there, before).items():
                shares[name].append(share)
        return {one.environment.name: self._shared(one, shares[one.environment.name], before) for one in mates}

    def _shared(self, one: Prepared, shares: list["Share"], before: Mapping[str, Lock | None]) -> Lock:
        asked, solved = [share.request for share in shares], {share.request.platform: share.pins for share in shares}
        base = self._base(one.environment, asked[0], before[one.environment.name])
        return make_lock(shares[0].python or _python_of(solved), tuple(asked), solved, base)

    def _shares(
        self, platform: str, mates: Sequence[Prepared], before: Mapping[str, Lock | None]
    ) -> dict[str, "Share"]:
        asked = {one.environment.name: self._on_this_host(_asked_on(one, platform)) for one in mates}
        environments = [one.environment for one in mates]
        raise_all(quarrels(environments, platform, asked))
        whole = together(environments, platform)
        known = [Before.of(lock, platform) for name, lock in before.items() if name in asked]
        (request,) = map(self._on_this_host, requests(whole, self.locks.digests(whole)))
        recorded = tuple(sorted({root for one in known if one.request for root in one.request.roots}))
        start = Before(
            merged([one.pins for one in known if one.pins]), msgspec.structs.replace(request, roots=recorded)
        )
        self._say(whole, request)
        python = self._python(whole, request, next(filter(None, before.values()), None))
        try:
            answer = self._solved(whole, request, python, start)
        except EnvbuildError as error:
            raise self._without_agreement(error, mates) from None
        return {
            one.name: Share(asked[one.name], python, self._share(one, asked[one.name], python, answer, start.request))
            for one in environments
        }

    def _share(
        self, environment: Environment, request: Request, python: str, answer: Pins, recorded: Request | None
    ) -> Pins:
        """Its distributions are asked for once more alone, in the versions of all: whose extras others ask for."""
        conda = conda_share(answer, request)
        raise_all(untold(environment, request, conda))
        bounded = msgspec.structs.replace(request, constraints=(*request.constraints, *bounds(answer)))
        with tempfile.TemporaryDirectory(prefix="envbuild-") as folder:
            members = self._members(environment, bounded, python, Path(folder))
            return self._with_pip(environment, members, python, conda, Before(answer, recorded))

    def _without_agreement(self, error: EnvbuildError, mates: Sequence[Prepared]) -> EnvbuildError:
        """What keeps one of them from being locked alone is told as that; else it is between them."""
        alone = []
        for one in mates:
            try:
                self.lock(one.environment, one.locked)
            except EnvbuildError as own:
                alone.append(own)
        if alone:
            return Problems([problem for own in alone for problem in own.problems])
        names = ", ".join(one.environment.name for one in mates)
        what = f"the environments of {SOLVE_GROUP} '{group_of(mates[0].environment)}' cannot agree ({names})"
        return Problems([SolveError(f"{what}: {one.message}", one.where, one.hint) for one in error.problems])


class Share(msgspec.Struct, frozen=True):
    """What one environment has of its group's answer on a platform."""

    request: Request
    python: str
    pins: Pins


def _asked_on(one: Prepared, platform: str) -> Request:
    return next(request for request in one.locked.requests if request.platform == platform)


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


def only(twin: Lock, requests: tuple[Request, ...]) -> Lock:
    """A twin's pins for the platforms that are asked for."""
    pins = {request.platform: twin.pins[request.platform] for request in requests}
    python = twin.head.python if not any(request.conda for request in requests) else _python_of(pins)
    return make_lock(python, tuple(twin.head.requests[request.platform] for request in requests), pins, twin.head.base)
