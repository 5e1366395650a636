"""`spark`: Apache Spark, what its sessions begin with, and the packages of Maven that they use."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from envbuild.document import Mapping, Scalar, Sequence, Value
from envbuild.errors import EnvbuildError, ManifestError, Place
from envbuild.manifest.fetched import is_text, url_problems
from envbuild.manifest.rules import Overlay, Word, about

_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.+-]*[A-Za-z0-9_])?")
_MOVING = re.compile(r"(?i)latest(\..*)?|release|.*-snapshot")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_PROPERTY = re.compile(r"spark\.[^\s\x00-\x1f\x7f]+")
_OURS = {"spark.jars.packages": "packages", "spark.jars.repositories": "repositories"}
_PARTS = ("group", "artifact", "version")
_COORDINATES = "write 'GROUP:ARTIFACT:VERSION', as in 'org.example:tables_2.12:1.4.0'"


class SparkPackage(msgspec.Struct, frozen=True):
    group: Word
    artifact: Word
    version: Word

    @property
    def text(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


class MavenRepository(msgspec.Struct, frozen=True):
    """One that asks who comes: what it is shown is kept under a name in the settings."""

    url: Word
    secret: Annotated[Word, about("The name of the secret that it is shown while building.")]
    user: Annotated[Word | None, about("Whose password that is.")] = None


class Spark(msgspec.Struct, frozen=True):
    version: Annotated[Word | None, about("Of pyspark: '3.5' is any 3.5, '3.5.1' that one.")] = None
    java: Annotated[Literal["conda", "apt", "system"] | None, about("Who brings Java; 'system' has it already.")] = None
    repositories: Annotated[
        tuple[Word | MavenRepository, ...], about("Where Maven's packages come from; the first that has one.")
    ] = ()
    packages: Annotated[tuple[Word | SparkPackage, ...], about("Maven's packages: GROUP:ARTIFACT:VERSION.")] = ()
    precache: Annotated[bool | None, about("true: they are fetched while building.")] = None
    properties: Annotated[Overlay[dict[str, str | None]], about("What every session begins with.")] = msgspec.field(
        default_factory=dict
    )

    @property
    def coordinates(self) -> tuple[str, ...]:
        return tuple(one if isinstance(one, str) else one.text for one in self.packages)

    @property
    def places(self) -> tuple[MavenRepository, ...]:
        """The repositories in their long form; of most nothing is kept secret."""
        return tuple(MavenRepository(one, "") if isinstance(one, str) else one for one in self.repositories)

    @property
    def fetches(self) -> bool:
        return bool(self.precache and self.packages)


def spark_problems(stated: Value | None) -> Iterator[EnvbuildError]:
    """What types cannot say; what Jinja is to write is looked at when it has written it."""
    if not isinstance(stated, Mapping):
        return
    version = stated.get("version")
    if is_text(version) and not _VERSION.fullmatch(version.text):
        yield ManifestError(f"'{version.text}' is no version of Spark", version.place, "write it as '3.5' or '3.5.1'")
    yield from _packages(stated.get("packages"))
    yield from _properties(stated.get("properties"))
    yield from url_problems(spark_urls(stated), "repository")


def _packages(stated: Value | None) -> Iterator[EnvbuildError]:
    """Each exactly one version of one thing, and none in two versions."""
    known: dict[str, Place] = {}
    for node in stated.items if isinstance(stated, Sequence) else ():
        text = _coordinates(node)
        if text is None:
            continue
        parts = text.split(":")
        if len(parts) != len(_PARTS) or not all(_PART.fullmatch(part) for part in parts):
            yield ManifestError(f"'{text}' is no package of Maven", node.place, _COORDINATES)
        elif _MOVING.fullmatch(parts[-1]):
            yield ManifestError(f"'{text}' is another package tomorrow", node.place, "name one version")
        elif first := known.get(":".join(parts[:2])):
            what = f"'{':'.join(parts[:2])}' is named twice: at line {first.line}, too"
            yield ManifestError(what, node.place, "keep one of the two")
        else:
            known[":".join(parts[:2])] = node.place


def _coordinates(node: Value) -> str | None:
    """In the short form; nothing while Jinja has not written all of it, or where the types have something to say."""
    if is_text(node):
        return node.text.strip()
    parts = [node.get(key) for key in _PARTS] if isinstance(node, Mapping) else []
    texts = [part.text for part in parts if is_text(part)]
    return ":".join(texts) if len(texts) == len(_PARTS) else None


def _properties(stated: Value | None) -> Iterator[EnvbuildError]:
    for key, entry in stated.entries.items() if isinstance(stated, Mapping) else ():
        if not _PROPERTY.fullmatch(key):
            yield ManifestError(f"'{key}' is no property of Spark", entry.key.place, "write it as 'spark.NAME'")
        elif key in _OURS:
            what = f"'{key}' is what 'spark.{_OURS[key]}' says"
            yield ManifestError(what, entry.key.place, f"write it under '{_OURS[key]}'")


def spark_urls(stated: Mapping) -> Iterator[Scalar]:
    """Each URL under `repositories`, in its short or its long form."""
    listed = stated.get("repositories")
    for node in listed.items if isinstance(listed, Sequence) else ():
        url = node.get("url") if isinstance(node, Mapping) else node
        if is_text(url):
            yield url
