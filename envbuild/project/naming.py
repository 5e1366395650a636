"""What images are going to be called, judged before anything is built: what no registry takes, or another has."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

import msgspec

from envbuild.builders import BUILDERS
from envbuild.errors import EnvbuildError, Place, PlanError, raise_all
from envbuild.project.planned import Planned
from envbuild.record import Source
from envbuild.registry.repositories import repositories
from envbuild.render.tags import Moment, each, today
from envbuild.resolve import Environment

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

    def of(self, environment: Environment, version: int) -> Moment:
        asks = any("git" in tag for tag in environment.keys.publish.tags)
        return Moment(version, self._values if asks else {}, today())


def refuse_names(planned: Planned, also: tuple[str, ...], source: Callable[[], Source]) -> None:
    """Of all that is going to be built; what stands has its names already, and nobody else may take them.

    A tag that the lock has a part in is judged when that is known.
    """
    changing = {step.environment: step.version or 1 for step in planned.plan.changes}
    images = [one.environment for one in planned.prepared if BUILDERS[one.environment.builder].MAKES_IMAGES]
    if not any(one.name in changing for one in images):
        return
    moments, problems, names = _Moments(source), list[EnvbuildError](), list[_Name]()
    for one in images:
        try:
            names += _names(one, moments.of(one, changing.get(one.name, 1)), also if one.name in changing else ())
        except EnvbuildError as error:
            problems += [error] if one.name in changing else []
    raise_all([*problems, *_clashes(names, changing)])


def _names(environment: Environment, moment: Moment, also: Iterable[str]) -> Iterator[_Name]:
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
