"""Which packages share a layer: each has its own, up to a budget; beyond it those that the fewest others use have one.

What is in which group hangs on names alone, so that a new version stays where the old one was, and changes one layer.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar


class Named(Protocol):
    @property
    def name(self) -> str: ...


Package = TypeVar("Package", bound=Named)


def grouped(packages: Sequence[Package], shared: Mapping[str, int], budget: int) -> tuple[tuple[Package, ...], ...]:
    """`shared` says how many environments have a package of this name; a budget below one is one.

    The groups are in the order of names, and so are the packages of the last one. While all packages have their own,
    `shared` has no say at all. Beyond, when the count of one name changes, at most that one enters or leaves the last
    group, and one other for it; a count that rises for all of them alike changes nothing.
    """
    every = sorted(packages, key=lambda one: one.name)
    alone = len(every) if len(every) <= budget else max(budget, 1) - 1
    ranked = sorted(range(len(every)), key=lambda at: (-shared.get(every[at].name, 0), at))
    apart = {*ranked[:alone]}
    together = tuple(one for at, one in enumerate(every) if at not in apart)
    groups = tuple((one,) for at, one in enumerate(every) if at in apart)
    return (*groups, together) if together else groups
