"""What can be offered to somebody who is still typing: whatever can be read, however broken the rest is.

Only what reads is loaded here, for somebody waits.
"""

import contextlib
import os
from functools import cached_property
from pathlib import Path

from envbuild import machine
from envbuild.errors import EnvbuildError
from envbuild.memo import Ledger
from envbuild.project.catalogues import lent_to
from envbuild.project.reading import Reader, Selection, read_settings
from envbuild.resolve import Environment, explain, resolve
from envbuild.settings import Settings
from envbuild.workspace import Workspace


class Readable:
    """The files below one root, as far as they can be read."""

    def __init__(self, root: Path) -> None:
        self.ledger = Ledger()
        lent = lent_to(root, lambda: self.settings, os.environ)
        self._workspace = Workspace(root, self.ledger, lent)
        self._platform = machine.platform()

    @cached_property
    def settings(self) -> Settings:
        return read_settings(self._workspace)

    def environments(self) -> tuple[Environment, ...]:
        """Every environment that can be resolved."""
        files = self._reader.files
        read = [files.found[path] for name, path in sorted(files.names.paths.items()) if files.is_readable(name)]
        concrete = [one for one in read if not one.abstract]
        return resolve(concrete, files.family, self.settings, self._platform).environments

    def lent(self, typed: str) -> list[tuple[str, str]]:
        """The names of the catalogues that a word begins to say, each with its file; of what cannot be read none."""
        catalogues, found = self._reader.files.names.catalogues, list[tuple[str, str]]()
        for of in catalogues:
            if f"{of}/".startswith(typed[: len(of) + 1]):
                with contextlib.suppress(EnvbuildError):
                    found += catalogues[of].paths.items()
        return found

    def read(self, path: str) -> bytes:
        return self._workspace.read(path)

    def abstract(self) -> list[str]:
        """The paths of what is only extended."""
        files = self._reader.files
        readable = [path for name, path in files.names.paths.items() if files.is_readable(name)]
        return [path for path in readable if files.found[path].abstract]

    def fields(self, name: str) -> list[tuple[str, str]]:
        """What `explained` can be asked of an environment: its keys, what is within them, and its packages by name."""
        found: dict[str, str] = {}
        for one in self._reader.environments(Selection((name,)), self._platform):
            for row in explain(one, self.settings):
                key, _, within = row.field.partition(".")
                found.setdefault(key.partition("[")[0], "")
                if key in {"dependencies", "constraints", "overrides"}:
                    found.setdefault(within.rpartition("/")[2], row.value or "")
                elif within:
                    found.setdefault(row.field, row.value or "")
        return [(field, value) for field, value in found.items() if field]

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self._workspace, self.settings)
