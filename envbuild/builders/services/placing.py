"""Where a service image stays: in the registries of its environment, on the shelf of this user, or with the engine."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from envbuild.builders.daemon import Daemon
from envbuild.builders.draft import Draft
from envbuild.builders.oci.shelf import Shelf
from envbuild.errors import BuildError
from envbuild.image.manifests import Manifest
from envbuild.registry.client import Registries
from envbuild.registry.copying import Target, copy, push
from envbuild.registry.outputs import write_docker_archive
from envbuild.registry.repositories import Repository
from envbuild.typed import from_json

CONTENT = "dev.envbuild.service"


class _Told(msgspec.Struct, frozen=True):
    annotations: dict[str, str] | None = None

    @property
    def content(self) -> str:
        return (self.annotations or {}).get(CONTENT, "")


class Named(msgspec.Struct, frozen=True):
    """What an image is called, and the content by which it is known to be that one."""

    homes: tuple[Repository, ...]
    tag: str
    content: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(home.tagged(self.tag) for home in self.homes)


def found_stored(named: Named, registries: Registries) -> str:
    """By digest, where the first of its registries has it, and all others have the same."""
    digests = {_digest(home, named, registries) for home in named.homes}
    return named.homes[0].at(digests.pop()) if len(digests) == 1 and "" not in digests else ""


def _digest(home: Repository, named: Named, registries: Registries) -> str:
    found = registries.of(home.server).manifest(home.path, named.tag)
    return found.digest if found and _content(found) == named.content else ""


def _content(manifest: Manifest) -> str:
    try:
        return from_json(manifest.data, _Told).content
    except msgspec.DecodeError:
        return ""


def stored(draft: Draft, named: Named, near: Repository, registries: Registries, say: Callable[[str], None]) -> str:
    """Layers that the same registry has are mounted; to the first, and from there to the others."""
    first, *others = named.homes
    if draft.source is None or draft.root is None:
        raise AssertionError("what is assembled here can be read")
    registry = registries.of(first.server)
    say(f"pushing to {first.name}")
    own = near.path if (near.server, near.path) != (first.server, first.path) and near.server == first.server else ""
    digest = push(draft.source, draft.root, Target(registry, first.path, own), (named.tag,))
    for home in others:
        say(f"pushing to {home.name}")
        copy((registry, first.path, digest), (registries.of(home.server), home.path), (named.tag,))
    return first.at(digest)


def found_shelved(named: Named, shelf: Shelf) -> str:
    found = shelf.image(named.names[0])
    there = shelf.find(found.id) if found else None
    return found.id if found and there and _content(there[1]) == named.content else ""


def shelved(draft: Draft, named: Named, shelf: Shelf) -> str:
    reference = shelf.keep(draft)
    for home in named.homes:
        shelf.tag(reference, home.name, named.tag)
    return reference


def found_in_engine(named: Named, engine: Daemon) -> str:
    facts = engine.image(named.names[0])
    return facts.id if facts and (facts.config.get("Labels") or {}).get(CONTENT) == named.content else ""


def brought(draft: Draft, named: Named, engine: Daemon, folder: Path, without: frozenset[str]) -> str:
    if draft.source is None or draft.root is None:
        raise AssertionError("what is assembled here can be read")
    file = folder / "image.tar"
    write_docker_archive(draft.source, draft.root, file, named.names, without)
    engine.load(file)
    if found := found_in_engine(named, engine):
        return found
    raise BuildError(f"{engine.called} does not have the image that was loaded", hint="look at the engine's own log")
