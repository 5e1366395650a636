"""What can be told of a plan before any of it is done: that what is to be built can be named, and can be at all."""

from collections.abc import Iterator

from envbuild.errors import EnvbuildError, raise_all
from envbuild.lock import Pin
from envbuild.project.commit import checked_out
from envbuild.project.locks import Locks
from envbuild.project.naming import with_names
from envbuild.project.place import Place
from envbuild.project.planned import Planned
from envbuild.resolve import Environment

_OCI = "oci"


def judged(planned: Planned, project: Place, locks: Locks) -> Planned:
    """The same plan, or all that is wrong with it."""
    with_names(planned, project.wishes.also, lambda: checked_out(project.root, project.programs, project.host))
    raise_all(_scripted(planned, project, locks))
    return planned


def _scripted(planned: Planned, project: Place, locks: Locks) -> Iterator[EnvbuildError]:
    """Packages that want to run something where nothing is run, as far as they are on this machine already."""
    building = {step.environment for step in planned.plan.changes if step.action in {"create", "rebuild"}}
    for one in planned.prepared:
        environment, path = one.environment, one.locked.path
        if environment.builder != _OCI or environment.name not in building or path is None or not one.locked.current:
            continue
        lock = locks.whole(path)
        pins = {pin.sha256: pin for pins in (lock.pins if lock else {}).values() for pin in pins.conda}
        if pins:
            yield from _scripts(environment, tuple(pins.values()), project)


def _scripts(environment: Environment, pins: tuple[Pin, ...], project: Place) -> Iterator[EnvbuildError]:
    from envbuild.builders.oci.condatrees import link_scripts

    try:
        link_scripts(environment, pins, project.rattler, project.programs)
    except EnvbuildError as error:
        yield error
