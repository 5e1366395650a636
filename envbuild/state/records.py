"""The records of a project: what was built or registered under which number, and the labels of these."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from envbuild.errors import StateError
from envbuild.memo import Ledger
from envbuild.record import Made, Record, Version, now_built
from envbuild.state.file import File
from envbuild.state.labels import Labels
from envbuild.typed import from_json

# What stands in a registry is everybody's; what stands on a machine is its own, and a prefix its platform's, too.
_HERE = "(machine = '' OR (machine = ? AND (platform = ? OR builder <> 'local')))"
_BUILT = "reference <> ''"
_COLUMNS = "environment, version, fingerprint, builder, platform, machine, reference, started, manifest_path"
_REMEMBERED, _OF_LATE = 500, 3  # how many records an estimate is made from, and how many of one name


class State:
    """The records of one project, as this machine and platform see them."""

    def __init__(self, path: Path, shown: str, machine: str, platform: str, ledger: Ledger | None = None) -> None:
        self._file = File(path, shown, ledger or Ledger())
        self.labels = Labels(self._file)
        self._machine = machine
        self._platform = platform

    def latest(self, names: tuple[str, ...] | None = None, *, built: bool = False) -> dict[str, Version]:
        """The newest version of each name, or of the names asked for; be it only registered, or of those `built`."""
        chosen = "" if names is None else " AND environment IN (SELECT value FROM json_each(?))"
        chosen += f" AND {_BUILT}" if built else ""
        query = f"""
            SELECT {_COLUMNS} FROM records JOIN (
                SELECT environment AS name, max(version) AS newest FROM records
                WHERE {_HERE}{chosen} GROUP BY environment
            ) ON environment = name AND version = newest"""  # noqa: S608 - no value stands in the text
        values: list[str | int] = [self._machine, self._platform, *([json.dumps(names)] if names is not None else [])]
        return {row[0]: _version(row) for row in self._file.rows(query, values)}

    def numbers(self, names: tuple[str, ...]) -> dict[str, int]:
        """The last version number that each name ever had."""
        query = "SELECT environment, last FROM numbers WHERE environment IN (SELECT value FROM json_each(?))"
        return dict(self._file.rows(query, [json.dumps(names)]))

    def with_content(self, fingerprints: tuple[str, ...]) -> dict[str, Version]:
        """For each fingerprint the newest version that was built of it, under whatever name."""
        query = f"""
            SELECT {_COLUMNS} FROM records WHERE {_HERE} AND {_BUILT}
            AND fingerprint IN (SELECT value FROM json_each(?)) ORDER BY rowid"""  # noqa: S608 - as above
        rows = self._file.rows(query, [self._machine, self._platform, json.dumps(fingerprints)])
        return {row[2]: _version(row) for row in rows}

    def contents(self, fingerprint: str) -> list[Version]:
        """Every version that was built of a content, the newest first."""
        query = f"""
            SELECT {_COLUMNS} FROM records WHERE {_HERE} AND {_BUILT}
            AND fingerprint = ? ORDER BY rowid DESC"""  # noqa: S608 - as above
        return [_version(row) for row in self._file.rows(query, [self._machine, self._platform, fingerprint])]

    def tags(self, versions: Iterable[Version]) -> dict[str, tuple[str, ...]]:
        """The names that the image of each was given, by environment."""
        query = """
            SELECT environment, json_extract(record, '$.tags') FROM records JOIN json_each(?) AS asked
            ON environment = json_extract(asked.value, '$[0]') AND version = json_extract(asked.value, '$[1]')"""
        asked = json.dumps([(one.environment, one.version) for one in versions])
        return {name: tuple(json.loads(found or "[]")) for name, found in self._file.rows(query, [asked])}

    def whole(self, environment: str, version: int) -> Record | None:
        """Everything that is remembered of one version."""
        found = self._records(
            "SELECT record FROM records WHERE environment = ? AND version = ?", [environment, version]
        )
        return next(found, None)

    def history(self, environment: str) -> list[Record]:
        """Every record of a name, newest first."""
        query = "SELECT record FROM records WHERE environment = ? ORDER BY version DESC"
        return list(self._records(query, [environment]))

    def of_content(self, environment: str, fingerprint: str) -> Record | None:
        """The newest record of a name that has a content, built or not."""
        query = "SELECT record FROM records WHERE environment = ? AND fingerprint = ? ORDER BY version DESC"
        return next(self._records(query, [environment, fingerprint]), None)

    def seconds(self, names: tuple[str, ...]) -> tuple[dict[str, float], float | None]:
        """How long each of these names took at most of late, and what any takes; nothing where nothing was built."""
        query = """
            SELECT environment, json_extract(record, '$.seconds') FROM records
            WHERE environment IN (SELECT value FROM json_each(?)) AND reference <> '' ORDER BY rowid DESC LIMIT ?"""
        every = """
            SELECT environment, json_extract(record, '$.seconds') FROM records
            WHERE reference <> '' ORDER BY rowid DESC LIMIT ?"""
        rows = self._file.rows(query, [json.dumps(names), _REMEMBERED]) or self._file.rows(every, [_REMEMBERED // 10])
        found: dict[str, list[float]] = {}
        for name, took in rows:
            found.setdefault(name, []).append(took)
        own = {name: max(took[:_OF_LATE]) for name, took in found.items()}
        if not own:
            return own, None
        from statistics import median  # a first build has nothing to wait for

        return own, median(own.values())

    def checked(self) -> int:
        """How many records there are, after looking whether the whole file is sound."""
        self._file.refuse_network()
        found = [row[0] for row in self._file.rows("PRAGMA quick_check", [])]
        if found not in ([], ["ok"]):
            raise self._file.damaged(str(found[0]))
        return sum(1 for _ in self._records("SELECT record FROM records", []))

    def record(self, record: Record) -> None:
        """Remember a finished build; the number is taken in the same step."""
        with self._file.writing() as connection:
            _insert(connection, record)

    def register(self, records: Iterable[Record], labels: Iterable[tuple[str, str, int]] = ()) -> dict[str, int]:
        """Definitions as versions, and labels for these or for others: all of it or nothing.

        Gives what the labels stood for before, by environment.
        """
        with self._file.writing() as connection:
            for record in records:
                _insert(connection, record)
            return self.labels.put(connection, labels)

    def built(self, record: Record, number: int) -> None:
        """What was registered under a number is built; where that is another's by now, it is moved to its own."""
        registered = self.whole(record.environment, number)
        if registered is None or registered.is_built or registered.fingerprint != record.fingerprint:
            raise self._gone(record.environment, number)
        with self._file.writing() as connection:
            connection.execute(
                f"DELETE FROM records WHERE environment = ? AND version = ? AND NOT {_BUILT}",  # noqa: S608 - as above
                (record.environment, number),
            )
            _insert(connection, now_built(registered, record))
            self.labels.follow(connection, record.environment, number, record.version)

    def _gone(self, environment: str, version: int) -> StateError:
        return StateError(
            f"there is no record of {environment}@{version}", self._file.place, "run 'envbuild apply' again"
        )

    def restored(self, environment: str, version: int, made: Made) -> None:
        """The same version stands again, perhaps elsewhere."""
        record = self.whole(environment, version)
        if record is None:
            raise self._gone(environment, version)
        again = msgspec.structs.replace(record, **msgspec.structs.asdict(made))
        with self._file.writing() as connection:
            connection.execute(
                "UPDATE records SET reference = ?, machine = ?, platform = ?, record = ? "
                "WHERE environment = ? AND version = ?",
                (
                    made.reference,
                    made.machine,
                    made.platform,
                    msgspec.json.encode(again).decode(),
                    environment,
                    version,
                ),
            )

    def forget(self, environment: str) -> None:
        """Drop the records of a name, and its labels; its numbers stay taken."""
        with self._file.writing() as connection:
            connection.execute("DELETE FROM records WHERE environment = ?", (environment,))
            connection.execute("DELETE FROM labels WHERE environment = ?", (environment,))

    def _records(self, query: str, values: list[str | int]) -> Iterator[Record]:
        for (text,) in self._file.rows(query, values):
            try:
                yield from_json(text, Record)
            except msgspec.DecodeError:
                raise self._file.damaged("a record cannot be read") from None


def _insert(connection: sqlite3.Connection, record: Record) -> None:
    """With its number, which is never given again."""
    connection.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_columns(record), msgspec.json.encode(record).decode()),
    )
    connection.execute(
        "INSERT INTO numbers VALUES (?, ?) ON CONFLICT (environment) DO UPDATE SET last = max(last, excluded.last)",
        (record.environment, record.version),
    )


def _columns(record: Record) -> tuple[str | int, ...]:
    return (
        record.environment,
        record.version,
        record.fingerprint,
        record.builder,
        record.platform,
        record.machine,
        record.reference,
        record.started,
        record.manifest_path,
    )


def _version(row: tuple[Any, ...]) -> Version:
    return Version(**dict(zip(_COLUMNS.split(", "), row, strict=True)))
