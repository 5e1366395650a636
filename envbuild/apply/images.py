"""Builders of images, as apply knows them: one that a registry has already is no work, but to be named."""

import datetime as dt
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from envbuild.apply.making import Job, Task
from envbuild.builders import joining, shipping
from envbuild.builders.draft import Draft
from envbuild.builders.joining import Shares
from envbuild.builders.recipe import Recipe, Workshop, chosen
from envbuild.builders.tryimage import try_image
from envbuild.builders.trying import Subject, failures, trials
from envbuild.errors import BuildError, raise_all
from envbuild.machine import today
from envbuild.record import Made, Source
from envbuild.registry.finding import Found
from envbuild.registry.inspecting import weight
from envbuild.registry.parts import read_parts
from envbuild.registry.repositories import Repository, repositories
from envbuild.render.tags import Moment, tags
from envbuild.state import State

_OCI = "org.opencontainers.image"


class Wishes(Protocol):
    """What is said on the command line: which platforms are built, or that they are joined, and further tags."""

    @property
    def platforms(self) -> tuple[str, ...]: ...

    @property
    def also(self) -> tuple[str, ...]: ...

    @property
    def joins(self) -> bool: ...


Builder = Callable[[Recipe, Any], Draft]
_Made = tuple[Recipe, Draft | Found | Shares]


class Images:
    ships = True

    def __init__(
        self, builder: Builder, means: Workshop, source: Source, machine: str, wishes: Wishes, state: State
    ) -> None:
        self._builder = builder
        self._means = means
        self._source = source
        self._machine = machine
        self._wishes = wishes
        self._state = state

    def build(self, job: Job, task: Task) -> _Made:
        """Nothing is built that is anywhere already: another one may have built it since the plan was made."""
        recipe = self._recipe(job, task, chosen(job.environment, self._wishes.platforms))
        if self._means.pushes and recipe.homes[0].server:
            elsewhere = self._places(job, task)
            if content := self._as_recorded(job, recipe) or shipping.found(recipe, elsewhere, self._means):
                return recipe if content.architecture else recipe.whole, content
            if self._wishes.joins:
                return recipe, joining.gathered(recipe, elsewhere, self._means)
        elif kept := self._kept(job, recipe):
            return recipe, Draft(kept)
        return recipe, self._builder(recipe, self._means)

    def ship(self, _job: Job, _task: Task, draft: _Made) -> Made:
        recipe, made = draft
        is_kept = isinstance(made, Draft) and not (self._means.pushes and recipe.homes[0].server)
        if isinstance(made, Draft) and is_kept:
            reference = self._means.keeper.keep(made)
        else:
            reference = recipe.homes[0].at(self._digest(recipe, made))
        return Made(
            reference=reference,
            platform=",".join(recipe.platforms),
            machine=self._machine if is_kept else "",
            python=recipe.python,
            size=self._kept_size(reference) if is_kept else self._size(recipe, reference),
        )

    def _kept_size(self, reference: str) -> int:
        found = self._means.keeper.image(reference)
        return found.size if found else 0

    def _size(self, recipe: Recipe, reference: str) -> int:
        (place, _, digest), home = reference.partition("@"), recipe.homes[0]
        return weight(self._means.registries.of(home.server), home.path, digest) if home.name == place else 0

    def _digest(self, recipe: Recipe, made: Draft | Found | Shares) -> str:
        if isinstance(made, Found):
            return shipping.settle(made, recipe, self._means)
        if isinstance(made, Shares):
            return joining.join(made, recipe, self._means)
        return shipping.ship(made, recipe, self._means)

    def test(self, job: Job, task: Task, made: Made) -> None:
        """In a container. What has passed before, here or wherever it was built, is not fetched to be tried again."""
        if not trials(job.environment) or self._has_passed(job, task, made):
            return
        subject = Subject(job.environment, job.lock, task.log, task.say)
        raise_all(failures(try_image(subject, made.reference, tuple(made.platform.split(",")), self._means)))

    def _has_passed(self, job: Job, task: Task, made: Made) -> bool:
        """As this environment's: a record says so, or what stands beside it in a registry, which comes with a name."""
        digest, name = made.reference.rpartition("@")[2], job.environment.name
        known = self._state.contents(job.fingerprint.text)
        if any(one.environment == name and one.reference.rpartition("@")[2] == digest for one in known):
            return True
        if made.machine:
            return False
        for place in (*repositories(job.environment), *self._places(job, task)):
            parts = read_parts(self._means.registries.of(place.server), place.path, job.fingerprint.text)
            if parts and parts.environment == name and parts.image == digest:
                return True
        return False

    def claim(self, job: Job, task: Task, made: Made) -> None:
        """In registries; the share of one platform has no names but that of its content."""
        recipe, version = self._recipe(job, task, tuple(made.platform.split(","))), _version(job)
        if recipe.is_whole and not made.machine:
            digest = made.reference.rpartition("@")[2]
            shipping.number(digest, version, recipe, self._means)
            shipping.describe(job.whole_parts, version, digest, recipe, self._means)

    def name(self, job: Job, task: Task, made: Made) -> Made:
        """They are for what everybody can use, or for this machine alone."""
        recipe, version = self._recipe(job, task, tuple(made.platform.split(","))), _version(job)
        wished = (*self._stated(job, version), *self._wishes.also)
        if made.machine:
            given = shipping.name_here(made.reference, version, wished, recipe, self._means)
        elif recipe.is_whole:
            self.claim(job, task, made)
            given = shipping.name(made.reference.rpartition("@")[2], version, wished, recipe, self._means)
        else:
            given = ()
        return msgspec.structs.replace(made, tags=given)

    def _stated(self, job: Job, version: int) -> tuple[str, ...]:
        """What `publish.tags` says stands for the newest; an older one that is named again leaves them there."""
        newest = self._state.numbers((job.environment.name,)).get(job.environment.name, 0)
        return () if version < newest else tags(job.environment, _locked(job), self._moment(version))

    def _as_recorded(self, job: Job, recipe: Recipe) -> Found | None:
        """As it was built before, for the same platforms, if that is still there."""
        known = self._state.contents(job.fingerprint.text)
        usable = (one for one in known if not one.machine and {*one.platforms} == {*recipe.platforms})
        found = (shipping.found_as(one.reference, recipe, self._means) for one in usable)
        return next(filter(None, found), None)

    def _kept(self, job: Job, recipe: Recipe) -> str:
        """The same content on this machine, if it was built there before, by its id."""
        for one in self._state.contents(job.fingerprint.text):
            if (
                one.machine
                and {*recipe.platforms} <= {*one.platforms}
                and (found := self._means.keeper.image(one.reference))
            ):
                return found.id
        return ""

    def _places(self, job: Job, task: Task) -> list[Repository]:
        """Where this content was pushed before, as other names' or a moment ago."""
        made = (task.made(name) for name in job.step.after)
        known = [one.reference for one in self._state.contents(job.fingerprint.text) if not one.machine]
        return [Repository.of(one) for one in (*known, *(one.reference for one in made if one and not one.machine))]

    def _recipe(self, job: Job, task: Task, platforms: tuple[str, ...]) -> Recipe:
        if job.write is None:
            raise BuildError(f"'{job.environment.name}' has no context", hint="run 'envbuild plan' again")
        version = _version(job)
        return Recipe(
            environment=job.environment,
            fingerprint=job.fingerprint,
            platforms=platforms,
            pins=job.lock.pins if job.lock else {},
            python=job.lock.head.python if job.lock else "",
            write=job.write,
            installs=job.environment.python.managed and job.lock is not None and job.lock.has_packages,
            files=job.files,
            homes=repositories(job.environment),
            start=job.lock.head.base if job.lock else None,
            base=self._base(job, task, platforms),
            base_is=_base_is(job),
            annotations=self._annotations(job, version),
            source_date_epoch=self._source.seconds,
            log=task.log,
            folder=task.folder,
            say=task.say,
        )

    def _base(self, job: Job, task: Task, platforms: tuple[str, ...]) -> str:
        """Where the image of the environment is that this one starts from: made just now, or before."""
        if not job.base:
            return ""
        made = task.made(job.base) or self._state.latest((job.base,)).get(job.base)
        built = made.platform.split(",") if made else []
        if made is None or not made.reference or not {*platforms} <= {*built}:
            known = made is not None and made.reference
            what = f"'{job.base}', which this starts from, was not built{f' for {platforms[0]}' if known else ''}"
            raise BuildError(what, job.environment.where("image", "base"), f"run 'envbuild apply {job.base}' first")
        return made.reference

    def _annotations(self, job: Job, version: int) -> dict[str, str]:
        stated = {key: value for key, value in job.environment.keys.publish.annotations.items() if value is not None}
        known = {
            f"{_OCI}.created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            f"{_OCI}.revision": self._source.commit,
            f"{_OCI}.source": self._source.url,
            f"{_OCI}.title": job.environment.name,
            f"{_OCI}.version": str(version),
            f"{_OCI}.description": job.environment.description,
            "dev.envbuild.fingerprint": job.fingerprint.text,
        }
        return {**{key: value for key, value in known.items() if value}, **stated}

    def _moment(self, version: int) -> Moment:
        return Moment(version, self._source.values, today())


def _base_is(job: Job) -> str:
    """The content of the image that it starts from, where that is an environment's."""
    part = next((part for part in job.fingerprint.parts if part.name == "base"), None)
    stated: dict[str, str] = msgspec.json.decode(part.content) if part else {}
    return stated.get("environment", "")


def _version(job: Job) -> int:
    if job.step.version is None:
        raise BuildError(f"'{job.step.environment}' has no version to record", hint="plan again")
    return job.step.version


def _locked(job: Job) -> dict[str, str]:
    """The version of each package, on the first platform that has it."""
    found: dict[str, str] = {}
    for pins in (job.lock.pins if job.lock else {}).values():
        for pin in (*pins.conda, *pins.pip):
            found.setdefault(pin.name, pin.version)
    return found
