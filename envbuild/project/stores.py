"""Where what is built stands, for each builder."""

from collections.abc import Callable

from envbuild.builders import makes_images
from envbuild.project.place import Place
from envbuild.project.standing import Depth, Prefixes, Standing


def standing(project: Place, depth: Depth) -> Callable[[str], Standing]:
    """By the name of a builder; what asks registries and engines is loaded where there are images."""
    known: dict[str, Standing] = {}

    def of(kind: str) -> Standing:
        if kind not in known:
            known[kind] = _images(project, depth, kind) if makes_images(kind) else _prefixes(project, depth)
        return known[kind]

    return of


def _prefixes(project: Place, depth: Depth) -> Standing:
    return Prefixes(project.state, project.store, project.root, depth, project.ledger)


def _images(project: Place, depth: Depth, kind: str) -> Standing:
    from envbuild.project.shop import keeper
    from envbuild.project.stored import Stored

    asked = project.ledger.doubt
    return Stored(project.state, project.registries, keeper(project, kind), depth, asked, project.wishes)
