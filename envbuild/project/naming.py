"""What images are going to be called, judged before anything is built: what no registry takes, or another has."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from envbuild.builders import makes_images
from envbuild.errors import EnvbuildError, Place, PlanError, raise_all
from envbuild.machine import today
from envbuild.project.planned import Planned
from envbuild.record import Source
from envbuild.registry.repositories import repositories
from envbuild.render.quoting import ending
from envbuild.resolve import Environment

if TYPE_CHECKING:
    from envbuild.render.tags import Moment

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_OURS = "dev.envbuild."
_HINT = "give one of them another 'publish.repository', 'publish.prefix' or tag"


class _Name(msgspec.Struct, frozen=True):
    """One that an environment's image is to have, and the line that says so."""

    text: str
    environment: str
    where: Place


class _Moments:
    """What git says is asked once, and only where a tag is made of it."""

    def __init__(self, source: Callable[[], Source]) -> None:
        self._source = source

    @cached_property
    def _values(self) -> dict[str, str]:
        return self._source().values

    def of(self, environment: Environment, version: int) -> "Moment":
        from envbuild.render.tags import Moment

        asks = any("git" in tag for tag in environment.keys.publish.tags)
        return Moment(version, self._values if asks else {}, today())


def with_names(planned: Planned, also: tuple[str, ...], source: Callable[[], Source]) -> Planned:
    """The same plan, if all that is going to be built can be named; what stands has its names, which nobody may take.

    A tag that the lock has a part in is judged when that is known.
    """
    changing = {step.environment: step.version or 1 for step in planned.plan.changes}
    images = [one.environment for one in planned.prepared if makes_images(one.environment.builder)]
    if not any(one.name in changing for one in images):
        return planned
    moments, names = _Moments(source), list[_Name]()
    problems: list[EnvbuildError] = [problem for one in images if one.name in changing for problem in _annotations(one)]
    for one in images:
        try:
            names += _names(one, moments.of(one, changing.get(one.name, 1)), also if one.name in changing else ())
        except EnvbuildError as error:
            problems += [error] if one.name in changing else []
    raise_all([*problems, *_clashes(names, changing)])
    return planned


def _annotations(environment: Environment) -> Iterator[PlanError]:
    for key, value in environment.keys.publish.annotations.items():
        where = environment.where("publish", "annotations", key)
        if not _KEY.fullmatch(key):
            yield PlanError(f"'{key}' is no annotation", where, "use letters, digits, '.', '_', '-' and '/'")
        elif key.startswith(_OURS):
            yield PlanError(
                f"'{key}' is told by envbuild itself", where, f"use a name that does not begin with '{_OURS}'"
            )
        elif value and ending(value):
            yield PlanError(f"the annotation '{key}' holds {ending(value)}", where, "write it on one line")


def _names(environment: Environment, moment: "Moment", also: Iterable[str]) -> Iterator[_Name]:
    from envbuild.render.tags import each  # with what reads expressions, which most plans have no use for

    for home in repositories(environment):
        if not home.shared:
            yield _Name(home.name, environment.name, environment.where("publish"))
        for where, tag in each(environment, None, moment):
            yield _Name(home.tagged(tag), environment.name, where)
        for tag in also:
            yield _Name(home.tagged(tag), environment.name, environment.where("publish"))


def _clashes(names: Iterable[_Name], changing: Iterable[str]) -> Iterator[PlanError]:
    known: dict[str, _Name] = {}
    told = set[tuple[str, str]]()
    for one in names:
        other = known.setdefault(one.text, one)
        pair = (other.environment, one.environment)
        if other.environment == one.environment or pair in told or not {*pair} & {*changing}:
            continue
        told.add(pair)
        yield PlanError(f"'{one.environment}' and '{other.environment}' are both to be {one.text}", one.where, _HINT)
