"""Which steps wait for which."""

from typing import TYPE_CHECKING

from envbuild.plan import Step

if TYPE_CHECKING:
    from networkx import DiGraph


class Order:
    """Only where a step waits at all is a graph made: importing networkx takes a while."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = {step.environment: step for step in steps}
        self._before = {step.environment: {one for one in step.after if one in self.steps} for step in steps}
        self._graph = self._made() if any(self._before.values()) else None

    def _made(self) -> "DiGraph[str]":
        from networkx import DiGraph

        edges = ((before, name) for name, befores in self._before.items() for before in befores)
        return DiGraph(edges)

    def first(self) -> list[str]:
        return [name for name, before in self._before.items() if not before]

    def next(self, done: str) -> list[str]:
        """What waited for this step alone."""
        freed = []
        for name in self._graph.successors(done) if self._graph is not None and done in self._graph else ():
            self._before[name].discard(done)
            if not self._before[name]:
                freed.append(name)
        return freed

    def behind(self, lost: str) -> set[str]:
        """Everything that can no longer be done."""
        if self._graph is None or lost not in self._graph:
            return set()
        from networkx import descendants

        return descendants(self._graph, lost)
