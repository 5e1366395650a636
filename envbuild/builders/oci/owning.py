"""Whose file stands where, when several packages bring it: as if they were placed one after the other.

It is decided by their paths alone, so that the layer of each can be told from what it is made of.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from envbuild.builders.placing import folders, refuse_files_as_folders, resolved
from envbuild.errors import BuildError


class Claim(msgspec.Struct, frozen=True):
    """What a package brings to the prefix: each path, and where it leads if it is a link; in the order of placing.

    `ousts` are paths of others that give way before it comes.
    """

    shown: str
    paths: tuple[tuple[str, str], ...]
    ousts: frozenset[str] = frozenset()


class Share(msgspec.Struct, frozen=True):
    """Of its own paths: those that are another's in the end, and those that lie elsewhere, for a link is on the way."""

    lost: frozenset[str] = frozenset()
    moved: Mapping[str, str] = {}

    def lies(self, path: str) -> str:
        return self.moved.get(path, path)


class Clash(msgspec.Struct, frozen=True, order=True):
    path: str
    first: str
    second: str


class Settled(msgspec.Struct, frozen=True):
    shares: tuple[Share, ...]
    clashes: tuple[Clash, ...]


def settled(claims: Sequence[Claim]) -> Settled:
    moved = [dict(found) for found in _moved(claims)]
    lost: list[set[str]] = [set() for _ in claims]
    owners: dict[str, tuple[int, str]] = {}
    clashes = []
    for number, claim in enumerate(claims):
        for path in claim.ousts & owners.keys():
            owner, own = owners.pop(path)
            lost[owner].add(own)
        for path in dict(claim.paths):
            place = moved[number].get(path, path)
            if place in owners:
                owner, own = owners[place]
                lost[owner].add(own)
                clashes.append(Clash(place, claims[owner].shown, claim.shown))
            owners[place] = number, path
    refuse_files_as_folders({place: claims[owner].shown for place, (owner, _) in owners.items()}, ())
    return Settled(tuple(Share(frozenset(one), other) for one, other in zip(lost, moved, strict=True)), tuple(clashes))


def _moved(claims: Sequence[Claim]) -> Iterator[Iterator[tuple[str, str]]]:
    links = {path: target for claim in claims for path, target in claim.paths if target}
    if links:  # what comes later in the place of a link is what is there
        last = {path: target for claim in claims for path, target in claim.paths}
        links = {path: last[path] for path in links if last[path]}
    on_the_way = links.keys() & folders(path for claim in claims for path, _ in claim.paths) if links else set[str]()
    for claim in claims:
        yield _of(claim, links, on_the_way) if on_the_way else iter(())


def _of(claim: Claim, links: Mapping[str, str], on_the_way: set[str]) -> Iterator[tuple[str, str]]:
    behind = {one for one in folders(path for path, _ in claim.paths) if on_the_way & {one, *folders([one])}}
    for path, _ in claim.paths if behind else ():
        folder, _, name = path.rpartition("/")
        if folder in behind:
            found = resolved(folder, links)
            if found is None:
                what = f"{claim.shown} would write '{path}' through a link that leaves the environment"
                raise BuildError(what, hint="use another version of it")
            yield path, f"{found}/{name}" if found else name
