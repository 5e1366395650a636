"""Variables of an image: what the manifest sets, and what makes the environment active without a shell's hook."""

import msgspec

from envbuild.render.given import Given, adds, is_grown, placed
from envbuild.resolve import Environment, Variable, uses_gpu

_GPU = {"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}


class Line(msgspec.Struct, frozen=True):
    """One variable: a text, or what is put before and behind what the image has, where it has anything."""

    name: str
    value: str | None
    first: str = ""
    last: str = ""


def stated(environment: Environment, given: Given) -> list[Line]:
    """As the manifest says them; of a base that is grown only what it does not set already."""
    parent = given.parent.environment if given.parent and is_grown(environment, given) else None
    known = {one.name: one for one in parent.variables} if parent else {}
    every = (_beyond(one, known.get(one.name)) for one in environment.variables)
    return [_line(one, environment) for one in every if one]


def _beyond(variable: Variable, known: Variable | None) -> Variable | None:
    """A child's additions stand around its parent's, which are in the image."""
    if known is None or variable.value is not None or known.value is not None:
        return None if variable == known else variable
    first = variable.prepend[: len(variable.prepend) - len(known.prepend)]
    last = variable.append[len(known.append) :]
    if variable.prepend != (*first, *known.prepend) or variable.append != (*known.append, *last):
        return variable
    return msgspec.structs.replace(variable, prepend=first, append=last) if first or last else None


def _line(variable: Variable, environment: Environment) -> Line:
    first, last = ([placed(one, environment) for one in ends if one] for ends in (variable.prepend, variable.append))
    if variable.value is None:
        return Line(variable.name, None, ":".join(first), ":".join(last))
    return Line(variable.name, ":".join((*first, placed(variable.value, environment), *last)))


def active(environment: Environment, given: Given) -> list[Line]:
    """The environment's programs come first; what the manifest says of other variables stands."""
    prefix, own = environment.prefix, {one.name for one in environment.variables}
    is_first = adds(environment, given) and "PATH" not in {one.name for one in stated(environment, given)}
    lines = [] if is_first else [Line("PATH", None, f"{prefix}/bin")]
    conda = {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": prefix, "CONDA_SHLVL": "1"}
    told = conda if environment.python.source == "conda" else {"VIRTUAL_ENV": prefix}
    return [*lines, *(Line(name, value) for name, value in told.items() if name not in own)]


def of_gpu(environment: Environment) -> list[Line]:
    own = {one.name for one in environment.variables}
    wanted = uses_gpu(environment.keys, environment.system.values())
    return [Line(name, value) for name, value in _GPU.items() if wanted and name not in own]
