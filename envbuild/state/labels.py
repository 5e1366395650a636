"""Labels: words that stand for one version of one environment, and may be moved to another one."""

import json
import sqlite3
from collections.abc import Iterable

from envbuild.errors import UsageError
from envbuild.state.file import File


class Labels:
    """Beside the records, in one file with them: what a label stands for has a record, whoever writes at once."""

    def __init__(self, file: File) -> None:
        self._file = file

    def of(self, environment: str) -> dict[str, int]:
        """The version that each label of an environment stands for."""
        query = "SELECT label, version FROM labels WHERE environment = ? ORDER BY label"
        return dict(self._file.rows(query, [environment]))

    def of_all(self, names: Iterable[str]) -> dict[str, dict[str, int]]:
        """The same of many, as far as they have any."""
        query = """
            SELECT environment, label, version FROM labels
            WHERE environment IN (SELECT value FROM json_each(?)) ORDER BY label"""
        found: dict[str, dict[str, int]] = {}
        for name, label, version in self._file.rows(query, [json.dumps(tuple(names))]):
            found.setdefault(name, {})[label] = version
        return found

    def set(self, environment: str, label: str, version: int) -> int | None:
        """Gives what it stood for before, if it stood for anything."""
        with self._file.writing() as connection:
            return self.put(connection, [(environment, label, version)]).get(environment)

    def put(self, connection: sqlite3.Connection, labels: Iterable[tuple[str, str, int]]) -> dict[str, int]:
        """Within a transaction: nobody else moves one between what it stood for and what it stands for then."""
        before: dict[str, int] = {}
        for environment, label, version in labels:
            if not _asked(connection, "SELECT 1 FROM records WHERE environment = ? AND version = ?",
                          environment, version):  # fmt: skip
                what = f"there is no record of {environment}@{version} any more"
                raise UsageError(what, hint=f"see 'envbuild history {environment}'")
            stood = _asked(connection, "SELECT version FROM labels WHERE environment = ? AND label = ?",
                           environment, label)  # fmt: skip
            if stood:
                before[environment] = stood[0]
            connection.execute(
                "INSERT INTO labels VALUES (?, ?, ?) "
                "ON CONFLICT (environment, label) DO UPDATE SET version = excluded.version",
                (environment, label, version),
            )
        return before

    def remove(self, environment: str, label: str) -> int | None:
        """Gives what it stood for; nothing where there was none."""
        with self._file.writing() as connection:
            query = "DELETE FROM labels WHERE environment = ? AND label = ? RETURNING version"
            return next(iter(_asked(connection, query, environment, label)), None)

    @staticmethod
    def follow(connection: sqlite3.Connection, environment: str, before: int, now: int) -> None:
        """A version that has another number has its labels still."""
        connection.execute(
            "UPDATE labels SET version = ? WHERE environment = ? AND version = ?", (now, environment, before)
        )


def _asked(connection: sqlite3.Connection, query: str, *values: str | int) -> list[int]:
    return [row[0] for row in connection.execute(query, values).fetchall()]
