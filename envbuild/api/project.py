"""A project as Python sees it: its environments as values, and what is planned, registered and built of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock

from envbuild.api.environment import Environment, recorded, stated
from envbuild.api.making import Named, opened
from envbuild.api.placing import placed
from envbuild.api.planning import first_plan, settled_plan
from envbuild.api.registering import Insisted, registered
from envbuild.apply import Event, Summary, Tell
from envbuild.errors import EnvbuildError, RefusedError, UsageError, raise_all
from envbuild.plan import Plan
from envbuild.project import Project as Front
from envbuild.project import Selection
from envbuild.project.exporting import environment_of
from envbuild.record import Record, checked_label
from envbuild.workspace import find_root

_NOTHING = Summary((), (), ())


class Project:
    """The project that a folder is in; every call reads its files as they are then."""

    def __init__(self, folder: Named = ".") -> None:
        self._root = find_root(Path(folder))

    def __repr__(self) -> str:
        return f"Project({str(self._root)!r})"

    @property
    def root(self) -> Path:
        return self._root

    @property
    def environments(self) -> Mapping[str, Environment]:
        """What its manifests say now, in the order of names; texts are read when they are asked for."""
        return _Environments(opened(self._root))

    def get(self, name: str, version: int | str | None = None) -> Environment:
        """What its manifest says now; or a version as it was: a number, a label, or `latest`, this machine's newest."""
        project = opened(self._root)
        if version is not None:
            return recorded(project, project.record(name, str(version)))
        one = environment_of(project, name)
        return stated(project, one.name, one.path)

    def history(self, name: str) -> tuple[Record, ...]:
        """Every version on record, newest first."""
        return tuple(opened(self._root).history(name))

    def register(
        self, environment: Environment | str, *, label: str = "", version: int | None = None, replace: bool = False
    ) -> Environment:
        """Record it as a version, and build nothing; what is the latest version already takes no number.

        The manifest of a value is written first. Where another one stands under its name, that raises with the
        difference, and `replace` writes over it. `version` insists on a number. What has no current lock is locked.
        """
        insisted = _insisted(version)
        if label:
            checked_label(label)
        if isinstance(environment, str):
            return self._registered(environment, label, insisted)
        with placed(opened(self._root), environment, replace=replace):
            return self._registered(environment.name, label, insisted)

    def plan(self, *names: str) -> Plan:
        """What `apply` would do for these, or for all: names, globs and groups. Writes nothing."""
        return opened(self._root).plan(Selection(names)).plan

    def apply(
        self,
        *wanted: str | Plan,
        jobs: int = 1,
        fail_fast: bool = False,
        locked: bool = False,
        tell: Tell | None = None,
    ) -> Summary:
        """Build what changed of these, or of all, and remember it; or do one plan, if it is still what would be done.

        With `locked` a lock that is not current raises. `tell` is told each event, one after the other. What fails
        raises once everything else is done.
        """
        if jobs < 1:
            raise UsageError(f"'jobs' is {jobs}", hint="say how many to work on at a time, at least one")
        plan, selection = _meant(wanted)
        if plan and not selection.patterns:
            return _NOTHING
        heard = _Heard(tell)
        project = opened(self._root)
        planned = first_plan(project, selection, locked=locked)
        if plan and _changes(plan) != _changes(planned.plan):
            raise RefusedError("the plan is not what would be done now", hint="plan again")
        if not planned.has_work:
            return _NOTHING
        with project.held():
            planned = settled_plan(project, planned, selection, heard, jobs)
            has_changes = bool(planned.plan.changes)
            done = project.apply(planned, heard, jobs=jobs, fail_fast=fail_fast) if has_changes else _NOTHING
        raise_all({**planned.failures, **heard.errors}.values())
        return done

    def _registered(self, name: str, label: str, insisted: Insisted | None) -> Environment:
        project = opened(self._root)
        one = project.one(name)
        selection = Selection((one.name,))
        with project.held():
            planned = settled_plan(project, first_plan(project, selection), selection, _Heard(None), 1)
            (done,) = registered(project, planned, (one.name,), label, insisted)
        return recorded(project, done.record)


class _Environments(Mapping[str, Environment]):
    def __init__(self, project: Front) -> None:
        self._project = project
        self._paths = {one.name: one.path for one in project.environments(Selection())}

    def __getitem__(self, name: str) -> Environment:
        return stated(self._project, name, self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._paths))

    def __len__(self) -> int:
        return len(self._paths)


class _Heard:
    """Hands events on, one at a time whoever tells them, and keeps what went wrong, by environment."""

    def __init__(self, tell: Tell | None) -> None:
        self._tell = tell
        self._guard = Lock()
        self.errors: dict[str, EnvbuildError] = {}

    def __call__(self, event: Event) -> None:
        with self._guard:
            if event.error:
                self.errors[event.environment] = event.error
            if self._tell:
                self._tell(event)


def _insisted(version: int | None) -> Insisted | None:
    if version is not None and version < 1:
        raise UsageError(f"no version is {version}", hint="say a number from 1 on, or leave 'version' out")
    return Insisted(version, "version", "=") if version else None


def _meant(wanted: tuple[str | Plan, ...]) -> tuple[Plan | None, Selection]:
    """A plan stands alone; what it would forget is nothing that apply does."""
    names = tuple(one for one in wanted if isinstance(one, str))
    plans = [one for one in wanted if isinstance(one, Plan)]
    if not plans:
        return None, Selection(names)
    if len(wanted) > 1:
        raise UsageError("a plan stands alone", hint="leave out what stands beside it")
    return plans[0], Selection(tuple(step.environment for step in plans[0].steps if step.action != "forget"))


def _changes(plan: Plan) -> list[tuple[str, str, str | None, int | None]]:
    return [(step.environment, step.action, step.fingerprint, step.version) for step in plan.changes]
