"""Folders that are lent to a project: catalogues, each known by its name and looked for when it is asked for."""

import os
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from envbuild.errors import Place, WorkspaceError
from envbuild.names import catalogue_of

Stated = Callable[[], Mapping[str, Place | None]]


class Lent(Mapping[str, Path]):
    """`stated` are the names, each with the line that says so; `opened` gives the folder of one, or says why not."""

    def __init__(self, stated: Stated, opened: Callable[[str], Path]) -> None:
        self._say = stated
        self._opened = opened
        self._known: dict[str, Path] = {}

    @cached_property
    def stated(self) -> Mapping[str, Place | None]:
        return self._say()

    def __getitem__(self, name: str) -> Path:
        if name not in self.stated:
            raise KeyError(name)
        if name not in self._known:
            self._known[name] = self._opened(name)
        return self._known[name]

    def at(self, path: str) -> Path | None:
        """Where a file of one of them is; nothing for what is of the project itself."""
        of = catalogue_of(path)
        return self[of] / path.partition("/")[2] if of and of in self else None

    def refuse_leading_out(self, path: str, real: str, where: Place | None) -> None:
        of = catalogue_of(path)
        if not f"{real}/".startswith(f"{os.path.realpath(self[of])}/"):
            what = f"'{path}' leads out of the catalogue '{of}'"
            raise WorkspaceError(what, self.stated[of] or where, "keep a copy inside its folder")

    def __contains__(self, name: object) -> bool:
        return name in self.stated

    def __iter__(self) -> Iterator[str]:
        return iter(self.stated)

    def __len__(self) -> int:
        return len(self.stated)


def nothing_lent() -> Lent:
    def opened(name: str) -> Path:
        raise KeyError(name)

    return Lent(dict, opened)
