"""One project on one machine: everything a command asks for, as a method."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envbuild import machine
from envbuild.apply import Pace, Summary, Tell
from envbuild.builders.activation import Activation, undone
from envbuild.builders.store import default_store
from envbuild.document import decode
from envbuild.errors import UsageError
from envbuild.lock import group_of
from envbuild.memo import Ledger
from envbuild.process import Programs, given_environment, is_credential
from envbuild.project.activating import activated
from envbuild.project.catalogues import lent_to
from envbuild.project.early import Early
from envbuild.project.facts import Facts
from envbuild.project.images import Images, Sources
from envbuild.project.jobs import Jobs
from envbuild.project.judged import judged
from envbuild.project.moving import LOOKING, NOTHING, Outcome, Upgrade
from envbuild.project.numbered import meant, refuse_unbuilt
from envbuild.project.planned import Planned
from envbuild.project.preparing import Prepared, Preparer, Rendering, requests_of
from envbuild.project.reading import Reader, Selection, read_settings
from envbuild.project.shipped import templates
from envbuild.project.standing import Depth
from envbuild.project.stores import standing
from envbuild.project.wishes import Wishes, refuse
from envbuild.record import Record
from envbuild.registry import Line
from envbuild.render import Template, Templates
from envbuild.resolve import Environment
from envbuild.settings import Settings, state_path
from envbuild.solvers.mirrors import VARIABLE
from envbuild.solvers.origins import Origins
from envbuild.solvers.rattler import Rattler
from envbuild.solvers.secrets import Secrets
from envbuild.solvers.uv import Uv
from envbuild.state import State
from envbuild.workspace import Workspace, find_root, passing_folder
from envbuild.workspace.folders import Folders

if TYPE_CHECKING:
    from envbuild.registry.client import Registries

EVERYTHING = Selection()


class Project:
    """The files below one root, read when they are needed; nothing is written before `lock` or `apply`."""

    def __init__(self, root: Path, host: Mapping[str, str]) -> None:
        self.root = root
        self.host = undone(host)
        self.ledger = Ledger()
        self.programs = Programs()
        self.workspace = Workspace(root, self.ledger, lent_to(root, lambda: self.settings, self.host, self.programs))
        self.platform = machine.platform()
        self.store = default_store(host)
        self.wishes = Wishes()
        self._is_held = False

    @classmethod
    def load(cls, start: str | Path = ".", host: Mapping[str, str] | None = None) -> "Project":
        return cls(find_root(Path(start)), given_environment() if host is None else dict(host))

    @cached_property
    def settings(self) -> Settings:
        return read_settings(self.workspace)

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.workspace, self.settings)

    @cached_property
    def state(self) -> State:
        own = self.host.get("ENVBUILD_STATE", "")
        shown = state_path(own) if own else self.settings.state_path
        if not shown:
            raise UsageError(f"records cannot be kept in '{own}'", hint="set ENVBUILD_STATE to sqlite:///PATH")
        return State(self.root / shown, shown, self.machine, self.platform, self.ledger)

    @cached_property
    def machine(self) -> str:
        """Prefixes of another one cannot be used here."""
        self.ledger.note(machine.ID_FILE)
        return machine.identity()

    @cached_property
    def templates(self) -> Templates:
        """The project's own templates stand before those that are shipped, name by name."""
        own = {
            path.rpartition("/")[2]: Template(path, decode(path, self.workspace.read(path)))
            for folder in reversed(self.settings.templates)
            for path in self.workspace.files(folder, ".j2")
        }
        return Templates(own, templates())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.reader.files.names.paths))

    def environments(self, selection: Selection) -> tuple[Environment, ...]:
        return self.reader.environments(selection, self.platform)

    def one(self, name: str) -> Environment:
        """The one environment that a name means."""
        found = self.environments(Selection((name,)))
        if len(found) == 1:
            return found[0]
        hint = f"name one of: {', '.join(one.name for one in found)}" if found else "name one that is built"
        raise UsageError(f"'{name}' is not one environment", hint=hint)

    def named(self, name: str) -> str:
        """The one environment whose records are asked for: what has records under this very name needs no manifest."""
        return name if self.state.history(name) else self.one(name).name

    def to_lock(self, selection: Selection) -> tuple[Prepared, ...]:
        """What is selected, as far as locking goes: for any platform, and whatever a damaged lock says."""
        return self.preparer.prepare(self.environments(selection), to_build=False)

    def plan(self, selection: Selection = EVERYTHING, depth: Depth = Depth.USUAL) -> Planned:
        """What apply would do for what is selected, and for what that is built from; reads only."""
        environments = self.reader.with_bases(selection, self.environments(selection))
        refuse(environments, self.wishes)
        prepared = self.preparer.prepare(environments, to_build=True)
        known = self.reader.knowing(environments) if selection.everything else None
        return judged(Planned(self.facts(depth).plan(prepared, known), prepared), self, self.preparer.locks)

    def facts(self, depth: Depth) -> Facts:
        return Facts(self.state, self.preparer.locks, standing(self, depth))

    @property
    def preparer(self) -> Preparer:
        return self.sources()[0]

    def sources(self) -> tuple[Preparer, Images]:
        """Each needs the other. New ones for each question: files may have changed since the last."""

        def imaged(one: Prepared) -> Prepared:
            return early.checked(images.imaged(one))

        early = Early(self.workspace, self.settings, lambda: self.templates)
        rendering = Rendering(imaged, lambda: self.templates)
        preparer = Preparer(self.workspace, self.folders, self.platform, self._mates, rendering)
        found = Sources(self.workspace, self.folders, self.settings, lambda: self.templates, preparer.locks)
        images = Images(found, preparer.bases(self.reader.base_of))
        return preparer, images

    def jobs(self) -> Jobs:
        """What steps are built and recorded from, as it stands now."""
        preparer, images = self.sources()
        return Jobs(self.workspace, self.settings, preparer.locks, self.templates, images)

    def _mates(self, group: str) -> tuple[Environment, ...]:
        return self.reader.mates(group, self.platform)

    @property
    def folders(self) -> Folders:
        return Folders(self.workspace, self.programs, self.host)

    def lock(
        self, prepared: tuple[Prepared, ...], tell: Tell, *, jobs: int, upgrade: Upgrade = NOTHING, writes: bool = True
    ) -> list[Outcome]:
        """Make the locks that are not current, and those that are to move; a `solve_group` moves as one."""
        from envbuild.project.locking import Locker
        from envbuild.project.solving import Solvers
        from envbuild.solvers.channels import View

        selected = {one.environment.name for one in prepared}
        prepared = (*prepared, *self._besides(prepared))
        with self.tools() as uv, closing(View(self.rattler, requests_of(prepared))) as view:
            solvers = Solvers(uv, view, self.platform, self.host, self.line)
            locker = Locker(self.workspace, self.folders, self.preparer.locks, solvers, tell)
            outcomes = locker.lock(prepared, jobs, upgrade, writes=writes)
        return [one for one in outcomes if one.environment in selected or one.did != "current"]

    def outdated(self, prepared: tuple[Prepared, ...], tell: Tell, *, jobs: int) -> list[Outcome]:
        """What could move in the locks that are current; nothing is written."""
        from envbuild.project.outdated import unlocked

        asked = tuple(one for one in prepared if one.locked.requests)
        known = tuple(one for one in asked if one.locked.is_own(one.environment))
        names = {one.environment.name for one in known}
        stale = [unlocked(one) for one in asked if one.environment.name not in names]
        outcomes = self.lock(known, tell, jobs=jobs, upgrade=LOOKING, writes=False) if known else []
        found = [*stale, *(one for one in outcomes if one.environment in names)]
        return sorted(found, key=lambda one: one.environment)

    def _besides(self, prepared: tuple[Prepared, ...]) -> tuple[Prepared, ...]:
        """The other environments of each `solve_group`."""
        names = {one.environment.name for one in prepared}
        groups = sorted({group_of(one.environment) for one in prepared} - {""})
        mates = (one for group in groups for one in self._mates(group) if one.name not in names)
        return self.preparer.prepare(mates, to_build=False)

    @cached_property
    def rattler(self) -> Rattler:
        return Rattler(self.host, self._bundle, self.origins)

    @cached_property
    def origins(self) -> Origins:
        return Origins(self.host, Secrets(self.settings, self.host, self.root))

    @cached_property
    def registries(self) -> "Registries":
        from envbuild.registry.client import Registries

        return Registries(self.line, notes=self.rattler.cache / "registries")

    @property
    def line(self) -> Line:
        """How registries are spoken to."""
        plain = self.settings.insecure_registries
        bundle, opens = str(self.rattler.ca_bundle or ""), self.origins.secrets.opening
        return Line(self.host, plain, bundle, programs=self.programs, opens=opens)

    @property
    def _bundle(self) -> Path | None:
        return self.root / self.settings.ca_bundle if self.settings.ca_bundle else None

    @property
    def _told(self) -> dict[str, str]:
        """The host's variables as other programs may see them: secrets are for nobody but who asks where they open."""
        hidden = {*self.origins.secrets.variables, VARIABLE}
        return {name: value for name, value in self.host.items() if name not in hidden}

    @property
    def shown(self) -> dict[str, str]:
        """The same for what a manifest runs, which asks no index of its own."""
        return {name: value for name, value in self._told.items() if not is_credential(name)}

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else applies here meanwhile; may be held again by who holds it."""
        if self._is_held:
            yield
            return
        with self.workspace.applying():
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False

    def lock_and_plan(
        self, planned: Planned, selection: Selection, tell: Tell, jobs: int, depth: Depth = Depth.USUAL
    ) -> Planned:
        """Lock what a plan found unlocked, and plan again; what cannot be locked is left out of the building."""
        outcomes = self.lock(planned.to_lock, tell, jobs=jobs)
        again = self.plan(selection, depth)
        failures = {outcome.environment: outcome.error for outcome in outcomes if outcome.error}
        return msgspec.structs.replace(again, failures=failures)

    def apply(self, planned: Planned, on_event: Tell, *, jobs: int, fail_fast: bool = False) -> Summary:
        """Do what the plan says; the project is held while this works."""
        from envbuild.project.applying import Applying
        from envbuild.project.making import site

        pace = Pace(jobs, self.wishes.pushers, fail_fast=fail_fast, atomic=self.wishes.atomic)
        with self.held(), self.tools() as uv, site(self, uv) as found:
            return Applying(self.jobs(), found).apply(planned, on_event, pace)

    def forget(self, planned: Planned) -> tuple[str, ...]:
        """Drop the records whose manifests are gone."""
        gone = tuple(step.environment for step in planned.plan.steps if step.action == "forget")
        with self.held():
            for name in gone:
                self.state.forget(name)
        return gone

    @contextmanager
    def tools(self) -> Iterator[Uv]:
        with passing_folder(self._told) as folder:
            yield Uv(self.programs, self._told, folder, self._bundle, self.origins)

    def history(self, name: str) -> list[Record]:
        """Every version of a name, newest first."""
        if history := self.state.history(name):
            return history
        raise UsageError(f"'{self.one(name).name}' was never built", hint="run 'envbuild apply'")

    def record(self, name: str, version: str) -> Record:
        """What is remembered of NAME@VERSION: a number, a label, or `latest`, the newest of this machine."""
        return meant(self, self.history(name), version)

    def built(self, name: str, version: str) -> Record:
        """The same, where something was built of it."""
        record = self.record(name, version)
        refuse_unbuilt(self, record)
        return record

    def activation(self, name: str, version: str = "") -> Activation:
        """A process in a version of an environment; without one in the latest, as which it is not shown."""
        record = self.built(name, version or "latest")
        again, old = f"run 'envbuild apply {name}'", "use the latest: this version cannot be built again yet"
        label = f"{name}@{record.version}" if version else name
        return activated(self, record, label, again if version in {"", "latest"} else old)
