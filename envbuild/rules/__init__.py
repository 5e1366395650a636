"""Manifests and Environments -> Findings: what is worth a warning or a note, though nothing is wrong.

What depends on more than one text is told by whoever calls: the date, which environments have locks, files by path.
"""

from collections.abc import Iterator

import msgspec

from envbuild.document import Document
from envbuild.errors import Note
from envbuild.manifest import Manifest
from envbuild.resolve import Environment
from envbuild.rules.catalogue import CATALOGUE, LEVELS, Level, Rule
from envbuild.rules.findings import Finding, Said, Silence, findings
from envbuild.rules.images import Read, images
from envbuild.rules.moved import moved_keys, place_of_conda
from envbuild.rules.packages import implied_pip, unpinned
from envbuild.rules.pythons import END_OF_LIFE, asked_often, ended
from envbuild.rules.secrets import CODE as SECRET
from envbuild.rules.secrets import secrets, secrets_of
from envbuild.rules.variables import variables

__all__ = [
    "CATALOGUE",
    "END_OF_LIFE",
    "LEVELS",
    "SECRET",
    "Finding",
    "Given",
    "Level",
    "Read",
    "Rule",
    "Said",
    "Silence",
    "findings",
    "of_document",
    "of_environment",
    "of_manifest",
    "secrets",
    "secrets_of",
]


class Given(msgspec.Struct, frozen=True):
    """`today` as YYYY-MM-DD; `locked` are the names of environments that have a lock."""

    today: str
    locked: frozenset[str]
    read: Read


def of_document(document: Document) -> Iterator[Note]:
    yield from secrets_of(document)


def of_manifest(manifest: Manifest) -> Iterator[Note]:
    yield from asked_often(manifest)
    yield from moved_keys(manifest)


def of_environment(environment: Environment, given: Given) -> Iterator[Note]:
    yield from ended(environment, given.today)
    yield from images(environment, given.read)
    yield from variables(environment)
    yield from implied_pip(environment)
    yield from place_of_conda(environment)
    if environment.name not in given.locked:
        yield from unpinned(environment)
