"""The Pythons that uv finds on this machine, and those that it could fetch."""

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from envbuild.errors import ProcessError
from envbuild.process import Ran


class Python(msgspec.Struct, frozen=True):
    """`path` is where it is; one that is still to be fetched has none."""

    version: str
    path: str


class Pythons:
    """CPython alone, with its global lock; uv is asked once."""

    def __init__(self, run: Callable[[list[str | Path]], Ran]) -> None:
        self._run = run
        self._guard = threading.Lock()
        self._found: dict[bool, tuple[Python, ...]] = {}

    @property
    def here(self) -> tuple[Python, ...]:
        """Newest first."""
        return self._every(downloadable=False)

    def versions(self, *, downloadable: bool) -> tuple[str, ...]:
        """Those that are here, or also what could be fetched; newest first."""
        return tuple(dict.fromkeys(one.version for one in self._every(downloadable=downloadable)))

    def _every(self, *, downloadable: bool) -> tuple[Python, ...]:
        with self._guard:
            if downloadable not in self._found:
                self._found[downloadable] = self._list([] if downloadable else ["--only-installed"])
            return self._found[downloadable]

    def _list(self, options: Iterable[str]) -> tuple[Python, ...]:
        from packaging.version import Version

        ran = self._run(["python", "list", *options, "--output-format", "json"])
        if ran.code:
            said = "; ".join(line.strip() for line in ran.errors.splitlines() if line.strip())
            is_cache = "Permission denied" in said or "Read-only file system" in said
            hint = (
                "set UV_CACHE_DIR to a folder of your own" if is_cache else "install envbuild again: uv comes with it"
            )
            raise ProcessError(f"uv cannot list interpreters: {said}", hint=hint)
        found = [
            Python(entry["version"], entry["path"] or "")
            for entry in json.loads(ran.output)
            if entry["implementation"] == "cpython" and entry["variant"] == "default"
        ]
        return tuple(sorted(found, key=lambda one: Version(one.version), reverse=True))
