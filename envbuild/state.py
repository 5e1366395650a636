"""The one door to the records: a SQLite file, written whole or not at all, read without being made."""

import contextlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from envbuild.errors import Place, RefusedError, StateError
from envbuild.machine import file_system
from envbuild.memo import Ledger
from envbuild.record import Made, Record, Version

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE records (
    environment TEXT NOT NULL, version INTEGER NOT NULL, fingerprint TEXT NOT NULL, builder TEXT NOT NULL,
    platform TEXT NOT NULL, machine TEXT NOT NULL, reference TEXT NOT NULL, started TEXT NOT NULL,
    manifest_path TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (environment, version)
) STRICT;
CREATE INDEX by_fingerprint ON records (fingerprint);
CREATE TABLE numbers (environment TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;
"""
# What stands in a registry is everybody's; what stands on a machine is its own, and a prefix its platform's, too.
_HERE = "(machine = '' OR (machine = ? AND (platform = ? OR builder <> 'local')))"
_COLUMNS = "environment, version, fingerprint, builder, platform, machine, reference, started, manifest_path"
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}
_BUSY_SECONDS = 30.0
_JOURNALS = ("-journal", "-wal", "-shm")
_REMEMBERED, _OF_LATE = 500, 3  # how many records an estimate is made from, and how many of one name


class State:
    """The records of one project, as this machine and platform see them."""

    def __init__(self, path: Path, shown: str, machine: str, platform: str, ledger: Ledger | None = None) -> None:
        self._path = path
        self._ledger = ledger or Ledger()
        self._place = Place(shown)
        self._machine = machine
        self._platform = platform

    def latest(self, names: tuple[str, ...] | None = None) -> dict[str, Version]:
        """The newest version of each name, or of the names asked for."""
        chosen = "" if names is None else " AND environment IN (SELECT value FROM json_each(?))"
        query = f"""
            SELECT {_COLUMNS} FROM records JOIN (
                SELECT environment AS name, max(version) AS newest FROM records
                WHERE {_HERE}{chosen} GROUP BY environment
            ) ON environment = name AND version = newest"""  # noqa: S608 - no value stands in the text
        values: list[str | int] = [self._machine, self._platform, *([json.dumps(names)] if names is not None else [])]
        return {row[0]: _version(row) for row in self._rows(query, values)}

    def numbers(self, names: tuple[str, ...]) -> dict[str, int]:
        """The last version number that each name ever had."""
        query = "SELECT environment, last FROM numbers WHERE environment IN (SELECT value FROM json_each(?))"
        return dict(self._rows(query, [json.dumps(names)]))

    def with_content(self, fingerprints: tuple[str, ...]) -> dict[str, Version]:
        """For each fingerprint the newest version that has it, under whatever name."""
        query = f"""
            SELECT {_COLUMNS} FROM records WHERE {_HERE}
            AND fingerprint IN (SELECT value FROM json_each(?)) ORDER BY rowid"""  # noqa: S608 - as above
        rows = self._rows(query, [self._machine, self._platform, json.dumps(fingerprints)])
        return {row[2]: _version(row) for row in rows}

    def contents(self, fingerprint: str) -> list[Version]:
        """Every version that has a content, the newest first."""
        query = f"SELECT {_COLUMNS} FROM records WHERE {_HERE} AND fingerprint = ? ORDER BY rowid DESC"  # noqa: S608 - as above
        return [_version(row) for row in self._rows(query, [self._machine, self._platform, fingerprint])]

    def tags(self, versions: Iterable[Version]) -> dict[str, tuple[str, ...]]:
        """The names that the image of each was given, by environment."""
        query = """
            SELECT environment, json_extract(record, '$.tags') FROM records JOIN json_each(?) AS asked
            ON environment = json_extract(asked.value, '$[0]') AND version = json_extract(asked.value, '$[1]')"""
        asked = json.dumps([(one.environment, one.version) for one in versions])
        return {name: tuple(json.loads(found or "[]")) for name, found in self._rows(query, [asked])}

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

    def seconds(self, names: tuple[str, ...]) -> tuple[dict[str, float], float | None]:
        """How long each of these names took at most of late, and what any takes; nothing where nothing was built."""
        query = """
            SELECT environment, json_extract(record, '$.seconds') FROM records
            WHERE environment IN (SELECT value FROM json_each(?)) ORDER BY rowid DESC LIMIT ?"""
        every = "SELECT environment, json_extract(record, '$.seconds') FROM records ORDER BY rowid DESC LIMIT ?"
        rows = self._rows(query, [json.dumps(names), _REMEMBERED]) or self._rows(every, [_REMEMBERED // 10])
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
        self._refuse_network()
        found = [row[0] for row in self._rows("PRAGMA quick_check", [])]
        if found not in ([], ["ok"]):
            raise self._damaged(str(found[0]))
        return sum(1 for _ in self._records("SELECT record FROM records", []))

    def record(self, record: Record) -> None:
        """Remember a finished build; the number is taken in the same step."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*_columns(record), msgspec.json.encode(record).decode()),
            )
            connection.execute(
                "INSERT INTO numbers VALUES (?, ?) "
                "ON CONFLICT (environment) DO UPDATE SET last = max(last, excluded.last)",
                (record.environment, record.version),
            )

    def restored(self, environment: str, version: int, made: Made) -> None:
        """The same version stands again, perhaps elsewhere."""
        record = self.whole(environment, version)
        if record is None:
            raise StateError(
                f"there is no record of {environment}@{version}", self._place, "run 'envbuild apply' again"
            )
        again = msgspec.structs.replace(record, **msgspec.structs.asdict(made))
        with self._writing() as connection:
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
        """Drop the records of a name; its numbers stay taken."""
        with self._writing() as connection:
            connection.execute("DELETE FROM records WHERE environment = ?", (environment,))

    def _records(self, query: str, values: list[str | int]) -> Iterator[Record]:
        for (text,) in self._rows(query, values):
            try:
                yield msgspec.json.decode(text, type=Record)
            except msgspec.DecodeError:
                raise self._damaged("a record cannot be read") from None

    def _note(self) -> None:
        """A journal beside the file says that what stands in it is not all, or not yet true."""
        self._ledger.note(str(self._path))
        for kind in _JOURNALS:
            self._ledger.note_absent(f"{os.path.realpath(self._path)}{kind}")

    def _rows(self, query: str, values: list[str | int]) -> list[tuple[Any, ...]]:
        self._note()
        if not self._path.exists():
            return []
        try:
            return self._asked("ro", query, values)
        except sqlite3.OperationalError as error:
            if _is_held(error):
                raise self._trouble(error) from None
            # a journal that a killed writer left has to be rolled back first, which only a writer may
        except sqlite3.Error as error:
            raise self._trouble(error) from None
        try:
            return self._asked("rw", query, values)
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _asked(self, mode: str, query: str, values: list[str | int]) -> list[tuple[Any, ...]]:
        with contextlib.closing(self._open(mode)) as connection:
            return connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self._refuse_network()
            if not self._path.exists():
                _create(self._path)
        except OSError as error:
            raise self._damaged(f"unable to open: {error.strerror}") from None
        except sqlite3.Error as error:
            raise self._damaged(f"unable to open: {error}") from None
        try:
            with contextlib.closing(self._open("rw")) as connection:
                _make_durable(connection)
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            raise RefusedError("another apply has just taken this version", self._place, "plan again") from None
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _open(self, mode: str) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA_VERSION:
            connection.close()
            raise StateError("the records were written by a newer envbuild", self._place, "upgrade envbuild")
        return connection

    def _refuse_network(self) -> None:
        if kind := network_kind(self._path.parent):
            raise StateError(
                f"records cannot be kept on a network file system ({kind})",
                self._place,
                "set 'state' in envbuild.yaml, or ENVBUILD_STATE, to a local path",
            )

    def _trouble(self, error: sqlite3.Error) -> StateError:
        if _is_held(error):
            hint = "wait until that has ended, and try again"
            return StateError("another program is using the records", self._place, hint)
        return self._damaged(str(error))

    def _damaged(self, what: str) -> StateError:
        if "readonly" in what or "unable to open" in what:
            return StateError(f"the records cannot be written: {what}", self._place, "check the folder's permissions")
        return StateError(
            f"the records cannot be read: {what}",
            self._place,
            "restore the file from a backup, or move it away to start anew",
        )


def _is_held(error: sqlite3.Error) -> bool:
    """Whether somebody else has the file to himself: nothing is wrong with it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _make_durable(connection: sqlite3.Connection) -> None:
    """DELETE and EXTRA: the journal that survives a lost power supply, and is safe in every release of SQLite."""
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=EXTRA")


def _create(path: Path) -> None:
    """Made beside and linked into place: there are whole records, or none; an empty file is damage, never a start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    beside = Path(name)
    try:
        with contextlib.closing(sqlite3.connect(beside, isolation_level=None)) as connection:
            _make_durable(connection)
            connection.execute("BEGIN")
            for statement in filter(str.strip, _SCHEMA.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
            connection.execute("COMMIT")
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(beside)
    finally:
        beside.unlink()


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


def network_kind(folder: Path) -> str:
    """The kind of network file system that a folder lies on; nothing where it is a disk of this machine."""
    kind = file_system(folder)
    return kind if kind in _NETWORK else ""
