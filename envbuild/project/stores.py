"""Where what is built stands, for each builder."""

from collections.abc import Callable

from envbuild.project.place import Place
from envbuild.project.standing import Depth, Prefixes, Standing


def standing(project: Place, depth: Depth) -> Callable[[str], Standing]:
    """By the name of a builder; what asks registries and engines is loaded where there are images."""
    known: dict[str, Standing] = {}

    def of(kind: str) -> Standing:
        if kind not in known:
            known[kind] = _images(project, depth) if kind == "docker" else _prefixes(project, depth)
        return known[kind]

    return of


def _prefixes(project: Place, depth: Depth) -> Standing:
    return Prefixes(project.state, project.store, project.root, depth, project.ledger)


def _images(project: Place, depth: Depth) -> Standing:
    from envbuild.builders.daemon import Daemon
    from envbuild.project.stored import Stored

    daemon = Daemon(project.host, project.programs, project.wishes.docker_context, project.wishes.builder)
    asked = project.ledger.doubt
    return Stored(project.state, project.registries, daemon, depth, asked, project.wishes)
