"""The SQLite file behind all records: written whole or not at all, read without being made."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envbuild.errors import Place, RefusedError, StateError
from envbuild.machine import file_system
from envbuild.memo import Ledger

_SCHEMA = """
CREATE TABLE records (
    environment TEXT NOT NULL, version INTEGER NOT NULL, fingerprint TEXT NOT NULL, builder TEXT NOT NULL,
    platform TEXT NOT NULL, machine TEXT NOT NULL, reference TEXT NOT NULL, started TEXT NOT NULL,
    manifest_path TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (environment, version)
) STRICT;
CREATE INDEX by_fingerprint ON records (fingerprint);
CREATE TABLE numbers (environment TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT;
"""
# What each later schema adds, in order: a file of before has it from the first time on that it is written to.
_LABELS = """
CREATE TABLE labels (
    environment TEXT NOT NULL, label TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (environment, label)
) STRICT"""
_LATER = (_LABELS,)
_SCHEMA_VERSION = 1 + len(_LATER)
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}
_BUSY_SECONDS = 30.0
_JOURNALS = ("-journal", "-wal", "-shm")


class File:
    """One database of one project; every question opens it anew, since others write to it as well."""

    def __init__(self, path: Path, shown: str, ledger: Ledger) -> None:
        self._path = path
        self._ledger = ledger
        self.place = Place(shown)

    def _note(self) -> None:
        """A journal beside the file says that what stands in it is not all, or not yet true."""
        self._ledger.note(str(self._path))
        for kind in _JOURNALS:
            self._ledger.note_absent(f"{os.path.realpath(self._path)}{kind}")

    def rows(self, query: str, values: list[str | int]) -> list[tuple[Any, ...]]:
        """What is answered; nothing where there is no file yet."""
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
            for statement in _lacking(connection):  # in a file of before these are empty, and stay out of it
                connection.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE"))
            return connection.execute(query, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction; whoever else writes waits for its end."""
        try:
            self.refuse_network()
            if not self._path.exists():
                _create(self._path)
        except OSError as error:
            raise self.damaged(f"unable to open: {error.strerror}") from None
        except sqlite3.Error as error:
            raise self.damaged(f"unable to open: {error}") from None
        try:
            with contextlib.closing(self._open("rw")) as connection:
                _make_durable(connection)
                connection.execute("BEGIN IMMEDIATE")
                _bring_up_to_date(connection)
                yield connection
                connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            raise RefusedError("another apply has just taken this version", self.place, "plan again") from None
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _open(self, mode: str) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        if _version(connection) > _SCHEMA_VERSION:
            connection.close()
            raise StateError("the records were written by a newer envbuild", self.place, "upgrade envbuild")
        return connection

    def refuse_network(self) -> None:
        if kind := network_kind(self._path.parent):
            raise StateError(
                f"records cannot be kept on a network file system ({kind})",
                self.place,
                "set 'state' in envbuild.yaml, or ENVBUILD_STATE, to a local path",
            )

    def _trouble(self, error: sqlite3.Error) -> StateError:
        if _is_held(error):
            hint = "wait until that has ended, and try again"
            return StateError("another program is using the records", self.place, hint)
        return self.damaged(str(error))

    def damaged(self, what: str) -> StateError:
        if "readonly" in what or "unable to open" in what:
            return StateError(f"the records cannot be written: {what}", self.place, "check the folder's permissions")
        return StateError(
            f"the records cannot be read: {what}",
            self.place,
            "restore the file from a backup, or move it away to start anew",
        )


def _is_held(error: sqlite3.Error) -> bool:
    """Whether somebody else has the file to himself: nothing is wrong with it."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _version(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def _lacking(connection: sqlite3.Connection) -> tuple[str, ...]:
    """What a file of an earlier schema has not; one that says nothing of a schema is damaged, and not early."""
    version = _version(connection)
    return _LATER[version - 1 :] if version else ()


def _bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Within the transaction that needs it: a file is of one schema, whoever is killed when."""
    if lacking := _lacking(connection):
        for statement in lacking:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")


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
            for statement in (*filter(str.strip, _SCHEMA.split(";")), *_LATER):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
            connection.execute("COMMIT")
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(beside)
    finally:
        beside.unlink()


def network_kind(folder: Path) -> str:
    """The kind of network file system that a folder lies on; nothing where it is a disk of this machine."""
    kind = file_system(folder)
    return kind if kind in _NETWORK else ""
