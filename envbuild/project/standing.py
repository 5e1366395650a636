"""What was built and stands: on this machine, or in a registry. Each builder's is asked in its own way."""

from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import msgspec

from envbuild.builders import local
from envbuild.errors import UsageError
from envbuild.fingerprint import Fingerprint, is_tied
from envbuild.memo import Ledger
from envbuild.project.preparing import Prepared
from envbuild.record import Version
from envbuild.state import State

Built = tuple[Prepared, Version]


class Depth(IntEnum):
    """How far a plan looks: at records alone; at this machine, and for what no record knows; at all of it."""

    RECORDS = 0
    USUAL = 1
    WHOLE = 2

    @classmethod
    def of(cls, *, refresh: bool, deep: bool = False) -> "Depth":
        """As options say it."""
        if deep and not refresh:
            raise UsageError("'--refresh' looks at all, '--no-refresh' at nothing", hint="leave out one of them")
        return cls.WHOLE if deep else cls.USUAL if refresh else cls.RECORDS


class Held(msgspec.Struct, frozen=True):
    """Where a content stands already, if anywhere; under which number, and the last number that is taken there."""

    where: str = ""
    version: int | None = None
    last: int = 0


class Harm(msgspec.Struct, frozen=True):
    """What is wrong with what was built. Where its number is another's now, `last` is the last one that is taken."""

    what: str
    last: int | None = None


class Standing(Protocol):
    """Many are asked about at once, since a registry is far away. Answers are by name of environment."""

    def held(self, sought: tuple[Prepared, ...]) -> dict[str, Held]:
        """Of what is not the last version of its own name."""
        ...

    def harm(self, built: tuple[Built, ...]) -> dict[str, Harm]:
        """What is wrong with what was built as it is wanted now; nothing of what is as it should be."""
        ...


class Prefixes:
    """What builder `local` has made, in the store of this user."""

    def __init__(self, state: State, store: Path, root: Path, depth: Depth, ledger: Ledger) -> None:
        self._state = state
        self._store = store
        self._root = root
        self._looks = depth > Depth.RECORDS
        self._ledger = ledger
        self._complaints: dict[str, str | None] = {}

    def held(self, sought: tuple[Prepared, ...]) -> dict[str, Held]:
        """Under another name, or as nothing but a prefix."""
        texts = {text for one in sought for text in _texts(one)}
        records = self._state.with_content(tuple(sorted(texts)))
        found = {one.environment.name: self._where(one.fingerprint, records) for one in sought if one.fingerprint}
        return {name: Held(where) for name, where in found.items() if where}

    def _where(self, found: Fingerprint, records: dict[str, Version]) -> str:
        text, checkout = found.text, self._checkout(found)
        version = records.get(text)
        stands = version and local.strays(version.reference, text, checkout) is None
        if version and stands and (not self._looks or self._complaint(version.reference) is None):
            return f"{version.environment}@{version.version}"
        if self._looks and local.find(self._store, text, checkout):
            return "a prefix of this user's store"
        return ""

    def harm(self, built: tuple[Built, ...]) -> dict[str, Harm]:
        found = {
            one.environment.name: self._harm(version, one.fingerprint) for one, version in built if one.fingerprint
        }
        return {name: Harm(complaint) for name, complaint in found.items() if complaint}

    def _harm(self, version: Version, found: Fingerprint) -> str | None:
        stray = local.strays(version.reference, found.text, self._checkout(found))
        return stray or (self._complaint(version.reference) if self._looks else None)

    def _checkout(self, found: Fingerprint) -> str:
        return str(self._root) if is_tied(found.parts) else ""

    def _complaint(self, reference: str) -> str | None:
        """A prefix that many environments share is looked at once."""
        if reference not in self._complaints:
            self._ledger.note_prefix(reference)
            self._complaints[reference] = local.complaint(reference)
        return self._complaints[reference]


def _texts(one: Prepared) -> Iterable[str]:
    return [one.fingerprint.text] if one.fingerprint else []
